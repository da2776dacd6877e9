"""The lexical tokens of structured header fields: comments, quoted strings, words.

Linear in the length of the value, whatever it holds (RFC 5322, section 3.2): a comment that
is never closed reaches to the end, a quoted string that is never closed is a word.
"""

import re
from collections.abc import Iterator

from inboxbot.frozen import dataclass

# No field that we decide on says more; parsing cuts there as well.
_VALUE_LIMIT = 16_384
_WORD = re.compile(r"[A-Za-z0-9._+/-]{1,40}")
_PIECE = re.compile(r"[^\s()\"\\;=]+|\s+|\\.|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is "word", "quoted", "comment" or the special character itself (`;`, `=`).

    `spaced` says that white space or a comment stands before it.
    """

    kind: str
    text: str
    spaced: bool


def tokens(value: str) -> Iterator[Token]:
    """Yield the tokens of `value` in their order, comments included; bounded."""
    pieces = _PIECE.findall(value[:_VALUE_LIMIT])
    position, spaced = 0, True
    while position < len(pieces):
        piece = pieces[position]
        if piece == "(":
            end, text = _comment(pieces, position)
            yield Token("comment", text, spaced)
            spaced = True
        elif piece == '"':
            end, text = _quoted(pieces, position)
            yield Token("quoted", text, spaced)
            spaced = False
        elif piece.isspace():
            end, spaced = position + 1, True
        else:
            end = position + 1
            yield Token(piece if piece in (";", "=") else "word", piece, spaced)
            spaced = False
        position = end


def _comment(pieces: list[str], start: int) -> tuple[int, str]:
    depth, position = 0, start
    while position < len(pieces):
        if pieces[position] == "(":
            depth += 1
        elif pieces[position] == ")":
            depth -= 1
            if depth == 0:
                break
        position += 1
    return position + 1, "".join(pieces[start + 1 : position])


def _quoted(pieces: list[str], start: int) -> tuple[int, str]:
    position = start + 1
    while position < len(pieces) and pieces[position] != '"':
        position += 1
    inside = pieces[start + 1 : position]
    return position + 1, "".join(
        piece[1:] if len(piece) == 2 and piece[0] == "\\" else piece for piece in inside
    )


def without_comments(value: str) -> str:
    """Return `value` without its comments and its quotes, white space collapsed."""
    if not any(sign in value for sign in '("\\'):
        return " ".join(value.split())
    text = "".join(
        (" " if token.spaced else "") + token.text
        for token in tokens(value)
        if token.kind != "comment"
    )
    return " ".join(text.split())


def keyword(value: str) -> str:
    """Return the keyword that a field begins with, lower-case: no comments, no parameters."""
    return without_comments(value).partition(";")[0].strip().lower()


def first_word(word: str) -> str:
    """Return a keyword of a field for staff: its first word, or nothing where it holds none."""
    match = _WORD.match(word)
    return match[0] if match else ""
