"""What is set aside before the parser, and that the parser sees the same tree all the same."""

import email
from email.message import Message as Tree

import pytest

from inboxbot.mail.structure import undecoded
from inboxbot.mail.wire import TEXT_FROM, Hollow, hollowed

TEXT = "".join(f"Line {number} of a letter of some length.\n" for number in range(40))
HEAD = "From: a@b.example\nSubject: Hello\n"
PLAIN = f"{HEAD}Content-Type: text/plain\n\n{TEXT}"


def in_parts(*parts: str, end: str = "--x--\n", kind: str = "mixed") -> str:
    return (
        f'{HEAD}Content-Type: multipart/{kind}; boundary="x"\n\npreamble\n'
        + "".join(f"--x\n{part}" for part in parts)
        + end
    )


def part(text: str, kind: str = "text/plain") -> str:
    return f"Content-Type: {kind}\n\n{text}"


def tree_of(raw: bytes, hollow: Hollow) -> list[object]:
    """Return all that the library makes of a message, what was set aside put back into it."""

    def told(tree: Tree) -> list[object]:
        below = tree.get_payload()
        leaf = isinstance(below, str)
        return [
            tree.get_content_type(),
            list(tree.raw_items()),
            [type(defect).__name__ for defect in tree.defects],
            hollow.filled(str(tree.preamble or "").encode()),
            hollow.filled(str(tree.epilogue or "").encode()),
            hollow.filled(undecoded(tree))
            if leaf
            else [told(child) for child in below if isinstance(child, Tree)],
        ]

    return told(email.message_from_bytes(raw))


SHAPES = {
    "plain": PLAIN,
    "without an end of line": PLAIN.rstrip("\n"),
    "two parts": in_parts(part(TEXT), part(f"<p>{TEXT}</p>\n", "text/html")),
    "a part that is cut off": in_parts(part(TEXT), part(TEXT), end=""),
    "a part that ends with its last letter": in_parts(part(TEXT.rstrip("\n")), end=""),
    "no blank line before the next part": in_parts(part(TEXT.rstrip("\n") + "\n")),
    "lines that look like boundaries": in_parts(part(f"{TEXT}-- \nAna\n\n{TEXT}--y\n{TEXT}")),
    "an epilogue": in_parts(part(TEXT), end=f"--x--\n\n{TEXT}\n{TEXT}"),
    "parts within parts": in_parts(
        f'Content-Type: multipart/alternative; boundary="y"\n\n--y\n{part(TEXT)}--y--\n', part(TEXT)
    ),
    "a letter passed on": in_parts(part(PLAIN, "message/rfc822"), part(TEXT)),
    "a digest": in_parts(f"\n{PLAIN}", f"\n{PLAIN}", kind="digest"),
    "a field like a boundary": f"{HEAD}--x: y\nContent-Type: multipart/mixed; boundary=z\n\n{TEXT}",
    "a boundary that never comes": in_parts(part(TEXT)).replace('boundary="x"', 'boundary="q"'),
    "a message without a header": f"{TEXT}\n\n{TEXT}",
}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_parser_sees_the_same_tree_with_texts_set_aside(shape: str, ending: str) -> None:
    raw = shape.replace("\n", ending).encode()
    hollow = hollowed(raw)
    assert tree_of(hollow.raw, hollow) == tree_of(raw, Hollow(raw))


@pytest.mark.parametrize("shape", ["plain", "two parts", "parts within parts", "an epilogue"])
def test_no_line_of_a_long_text_is_left_to_the_parser(shape: str) -> None:
    hollow = hollowed(SHAPES[shape].replace("\n", "\r\n").encode())
    assert hollow.pieces
    assert b"Line 17" not in hollow.raw


def test_a_letter_passed_on_is_left_where_it_is() -> None:
    raw = SHAPES["a letter passed on"].encode()
    assert hollowed(raw).raw == raw


def test_a_short_text_is_left_where_it_is() -> None:
    raw = f"{HEAD}\n{'x' * (TEXT_FROM - 1)}".encode()
    assert hollowed(raw).raw == raw
