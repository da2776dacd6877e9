"""The sender's own words: quoted history, forwards, signature, notices and forms taken off.

Lines are looked at once each, with string methods: nothing here takes more than linear
time. The rule that matters: a letter that had words never ends without any. Where taking
something off would leave nothing, it is left on.
"""

import re
from itertools import takewhile

from inboxbot.mail import markers
from inboxbot.mail.html import html_to_text

__all__ = ["html_to_text", "own_words"]

TEXT_LIMIT = 128 * 1024
_LINE_LIMIT = 300
_SHORT = 60
_LABEL_LIMIT = 40
_EDGES = "-–—_=*#> \t:："
_COLONS = (":", "：")
_SHORTEST_ATTRIBUTION = 8
_UNDERSCORES = 20
_LEAST_FIELDS = 3
# Bold marks, blanks, and the marks that turn the direction of writing.
_TRAILING = "*_ \t\u200e\u200f\u202c"
_FORM_LINES = 200
_OF_FORM = re.compile(
    r"\b(?:web ?)?forms?\b|formul|\bwebsite|\bwebseite|\bsite web|\bsitio web"
    r"|\bsubmi(?:ssion|tted)|\bnew message\b|フォーム|表单|表單|форм|نموذج|फ़ॉर्म|फॉर्म",
    re.IGNORECASE,
)
_DEVICES = (
    "iphone", "ipad", "android", "galaxy", "samsung", "huawei", "xiaomi", "redmi", "oppo", "vivo",
    "pixel", "nokia", "blackberry", "outlook", "yahoo", "gmail", "windows", "mail", "갤럭시",
    "휴대폰", "스마트폰", "아이폰", "手机", "手機", "スマホ", "スマートフォン", "携帯", "फ़ोन",
    "फोन", "telefon", "cep",
)  # fmt: skip
_CLOCK = re.compile(r"\d[:\uff1a]\d\d")
_CONTACT = re.compile(r"@|www\.|https?:|\d[\d ()./-]{5}\d")
# Longer than any signature is what somebody wrote below a line of dashes.
_SIGNATURE_LINES = 12
# Where the lines that a program adds stand: at the end of the new words.
_DEVICE_LINES = 12

_FROM = frozenset(markers.FROM)
_SENT = frozenset(markers.SENT)
_TO_OR_SUBJECT = frozenset(markers.TO_OR_SUBJECT)
_ORIGINAL = frozenset(markers.ORIGINAL)
_CLOSING = frozenset(markers.CLOSING)
_FORM_MESSAGE = frozenset(markers.FORM_MESSAGE)
_FORM_FIELDS = frozenset(markers.FORM_FIELDS)

_ASCII_DISCLAIMER = tuple(phrase for phrase in markers.DISCLAIMER if phrase.isascii())


def own_words(text: str) -> str:
    """Return what the sender newly wrote in a letter's plain text.

    Never empty where `text` holds a letter or a digit: of a bare forward the forwarded
    words are returned, of a letter that is all quotation the whole of it.
    """
    lines = text[:TEXT_LIMIT].split("\n")
    newest = _without_history(lines)
    if not _has_words(newest):
        newest = _forwarded_words(lines)
    for step in (_from_form, _without_device_lines, _without_signature, _without_notices):
        shorter = step(newest)
        if _has_words(shorter):
            newest = shorter
    return _tidy(newest)


def _has_words(lines: list[str]) -> bool:
    return any(map(str.isalnum, "".join(lines)))


def _tidy(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        line = line.rstrip()
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1].strip("-_=*–— \t"):
        kept.pop()
    return "\n".join(kept).strip()


# --- history -------------------------------------------------------------------------


def _without_history(lines: list[str]) -> list[str]:
    """Drop quoted lines where they stand, and all below a mark that announces older mail."""
    kept: list[str] = []
    labels = [_label(line) for line in lines]
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.startswith((">", "|>")) or line.lstrip().startswith(("> ", ">>")):
            number += 1
            continue
        if _is_rule(line) or _header_block(labels, number) or _header_below_rule(lines, number):
            break
        number += 1
        above = _attribution(lines, number) if line.rstrip(_TRAILING).endswith(_COLONS) else 0
        if not above:
            kept.append(line)
            continue
        # The lines above belong to it as well; quoted ones are not in `kept`.
        del kept[len(kept) - (above - 1) :]
        if not _quotation_follows(lines, number):
            break
    return kept


def _forwarded_words(lines: list[str]) -> list[str]:
    """Return the words of a letter with nothing above its history: a bare forward."""
    for number in range(len(lines)):
        if not _has_words(lines[number : number + 1]):
            continue
        start = number
        if _is_rule(lines[start]):
            start += 1
        while start < len(lines) and (not lines[start].strip() or _label(lines[start]) in _HEADER):
            start += 1
        rest = [line.lstrip("> ") for line in lines[start:]]
        return rest if _has_words(rest) else lines
    return lines


_HEADER = _FROM | _SENT | _TO_OR_SUBJECT


def _is_rule(line: str) -> bool:
    """Recognise "-----Original Message-----" and its like."""
    if len(line) > _SHORT and line[0] not in _EDGES:
        return False
    bare = line[:_LINE_LIMIT].strip(_EDGES).lower()
    # One plain word is a rule only between dashes.
    plain_word = " " not in bare and bare.isascii()
    return bare in _ORIGINAL and (not plain_word or line.lstrip().startswith("--"))


def _header_block(labels: list[str], number: int) -> bool:
    """Recognise From/Sent/To/Subject as a mail program writes them, in any known language.

    A contact form may begin alike; its next label says that the message follows.
    """
    if labels[number] not in _HEADER:
        return False
    block = set(labels[number : number + 9])
    return (
        not block.isdisjoint(_FROM)
        and not block.isdisjoint(_SENT)
        and not block.isdisjoint(_TO_OR_SUBJECT)
        and block.isdisjoint(_FORM_MESSAGE)
    )


def _header_below_rule(lines: list[str], number: int) -> bool:
    """Recognise the line of underscores and the header that Outlook writes, in any language.

    At least three fields in a row, one with an address and one with a time.
    """
    if not lines[number].startswith("_" * _UNDERSCORES) or lines[number].strip("_ "):
        return False
    below = lines[number + 1 : number + 10]
    start = next((at for at, line in enumerate(below) if line.strip()), len(below))
    fields = list(takewhile(_label, below[start:]))
    values = [_value(field) for field in fields]
    return (
        len(fields) >= _LEAST_FIELDS
        and any("@" in value for value in values)
        and any(_CLOCK.search(value) for value in values)
    )


def _label(line: str) -> str:
    """Return what stands before the colon of `Label: value`, in lower case, else ""."""
    if ":" not in line and "：" not in line:
        return ""
    line = line[:2_000].strip("*> \t\u200e\u200f")
    for colon in (":", "："):
        label, found, _ = line.partition(colon)
        if found and len(label) <= _LABEL_LIMIT:
            return label.strip("* \t").lower()
    return ""


def _attribution(lines: list[str], end: int) -> int:
    """Return how many lines, from one to three, up to `end` make up "On ... wrote:", or 0.

    As few lines as will do, and those above in which it opens: the line over it may be
    the last one of the letter.
    """
    joined = ""
    found = 0
    for count in range(1, 4):
        number = end - count
        if number < 0 or not lines[number].strip() or lines[number].startswith(">"):
            break
        joined = f"{lines[number].strip()} {joined}".strip()
        if len(joined) > _LINE_LIMIT:
            break
        complete = _is_attribution(joined, lines, end)
        if not complete and not found:
            continue
        opens = _opens_attribution(lines[number])
        if complete and (opens or not found):
            found = count
        if opens:
            break
    return found


def _opens_attribution(line: str) -> bool:
    digits = sum(c.isdigit() for c in line)
    start = line.lower().lstrip("*_ \u200e\u200f")
    return digits >= 1 and (
        start.startswith(markers.WROTE_OPENS) or (digits >= 5 and start[0].isdigit())
    )


def _is_attribution(joined: str, lines: list[str], following: int) -> bool:
    if len(joined) < _SHORTEST_ATTRIBUTION:
        return False
    lowered = joined.lower()
    digits = sum(c.isdigit() for c in lowered)
    dated = digits >= 5 and ("@" in lowered or ":" in lowered[:-1] or "20" in lowered)
    if "@" in lowered and digits >= 5 and ">" in lowered[-12:]:
        return True
    if not any(map(lowered.__contains__, markers.WROTE)):
        return False
    if _quotation_follows(lines, following):
        return True
    # Nothing marks the words below as older: people write "On 3 March 2026 the doctor said:".
    return "@" in lowered or (dated and _CLOCK.search(lowered) is not None)


def _quotation_follows(lines: list[str], number: int) -> bool:
    for line in lines[number : number + 3]:
        if line.strip():
            return line.lstrip().startswith((">", "|"))
    return False


# --- forms ---------------------------------------------------------------------------


def _from_form(lines: list[str]) -> list[str]:
    """Return the message of a contact form; the lines themselves where it is none."""
    labels = [_form_label(line) for line in lines[:_FORM_LINES]]
    known = {label for label in labels if label in _FORM_FIELDS or "_" in label}
    at = next((n for n, label in enumerate(labels) if label in _FORM_MESSAGE), -1)
    if at < 0 or not known:
        return lines
    first = next(n for n, label in enumerate(labels) if label in known or n == at)
    # Above labels of their own people write a letter; what a form says of itself is none.
    own = [line for line in lines[:first] if not _OF_FORM.search(line)]
    kept = [*own, _value(lines[at])]
    for number in range(at + 1, len(lines)):
        line = lines[number]
        lowered = line.strip("-_ \t").lower()
        label = labels[number] if number < len(labels) else ""
        if lowered.startswith(markers.FORM_FOOTER):
            break
        field = label in _FORM_FIELDS or ("_" in label and " " not in label)
        if field and len(_value(line)) <= _SHORT:
            continue  # What is longer, somebody wrote there for want of another place.
        kept.append(line)
    while kept and _is_answer(kept[-1]):
        kept.pop()
    return kept


def _is_answer(line: str) -> bool:
    """Say whether a line below the message is a further field: a label and a word or two."""
    label, value = _label(line), _value(line)
    return not line.strip() or (bool(label) and len(label.split()) <= 3 and len(value.split()) <= 2)


def _form_label(line: str) -> str:
    if ":" not in line and "：" not in line and "\t" not in line and "[" not in line:
        return ""
    if line.startswith("["):
        return line[1:_LABEL_LIMIT].partition("]")[0].lower()
    if "\t" in line[:_LABEL_LIMIT]:
        return line.partition("\t")[0].strip("*: ").lower()
    return _label(line).rstrip("?？؟")


def _value(line: str) -> str:
    if line.startswith("["):
        return line.partition("]")[2].strip()
    if "\t" in line[:_LABEL_LIMIT]:
        return line.partition("\t")[2]
    positions = [at for at in (line.find(":"), line.find("：")) if at >= 0]
    return line[min(positions) + 1 :].strip("* ") if positions else ""


# --- what programs and firms add --------------------------------------------------------


def _without_device_lines(lines: list[str]) -> list[str]:
    last = max(0, len(lines) - _DEVICE_LINES)
    return lines[:last] + [line for line in lines[last:] if not _is_device_line(line)]


def _is_device_line(line: str) -> bool:
    if len(line) >= 120:
        return False
    bare = line.strip("-_*– \t.").lower()
    # A program adds one sentence, and asks nothing.
    if ". " in bare or any(end in bare for end in "。？！?!"):
        return False
    named = len(bare) <= _LABEL_LIMIT and any(map(bare.__contains__, _DEVICES))
    return bare.startswith(markers.DEVICE) or (named and bare.endswith(markers.DEVICE_ENDS))


def _without_signature(lines: list[str]) -> list[str]:
    """Cut at the signature mark; below a closing, drop what looks like a visiting card."""
    for number, line in enumerate(lines):
        if line == "-- " or (line.rstrip() in ("--", "—") and _is_card(lines[number + 1 :])):
            return lines[:number]
    for number in range(len(lines) - 1, -1, -1):
        if _is_closing(lines[number]):
            name = next((n for n in range(number + 1, len(lines)) if lines[n].strip()), number)
            if not _CONTACT.search("\n".join(lines[name + 1 :])):
                return lines  # People thank first, too, and write short lines.
            card = [line for line in lines[name + 1 :] if not _is_card_line(line)]
            return lines[: name + 1] + card
    return lines


def _is_card(lines: list[str]) -> bool:
    """Say whether lines below dashes are a signature: a name, or more with an address in it."""
    written = [line for line in lines if line.strip()]
    if len(written) <= 2:
        return all(map(_is_card_line, written))
    return len(written) <= _SIGNATURE_LINES and any(map(_CONTACT.search, written))


def _is_closing(line: str) -> bool:
    return len(line) <= _SHORT and line.strip(" ,.!;、，。！*").lower() in _CLOSING


def _is_card_line(line: str) -> bool:
    stripped = line.strip()
    if not stripped:
        return False
    if len(stripped) > _SHORT or stripped.endswith(("?", "？", "؟", "!", "。", "।", "！")):
        return False
    if stripped.lower().startswith(("ps", "p.s", "p.s.", "nb")):
        return False
    return not (stripped.endswith(".") and len(stripped.split()) > 5)


def _without_notices(lines: list[str]) -> list[str]:
    """Drop disclaimers: from where the notice opens to the end of its paragraph."""
    lowered = "\n".join(lines).lower()
    phrases = _ASCII_DISCLAIMER if lowered.isascii() else markers.DISCLAIMER
    if not any(map(lowered.__contains__, phrases)):
        return lines
    kept: list[str] = []
    dropping = False
    for number, line in enumerate(lines):
        if not line.strip():
            dropping = False
        if not dropping and _is_notice(line):
            before = _before_notice(kept)
            opens = len(before) < len(kept) or _opens_notice(line)
            if opens or not _has_words(_after_paragraph(lines, number)):
                dropping = True
                kept = before
        if not dropping:
            kept.append(line)
    return kept


def _after_paragraph(lines: list[str], number: int) -> list[str]:
    end = next((n for n in range(number, len(lines)) if not lines[n].strip()), len(lines))
    return lines[end:]


def _opens_notice(line: str) -> bool:
    return line.strip(' *"').lower().startswith(markers.NOTICE_OPENS)


def _is_notice(line: str) -> bool:
    lowered = line.lower()
    return any(phrase in lowered for phrase in markers.DISCLAIMER)


def _before_notice(kept: list[str]) -> list[str]:
    """Take back the lines in which a notice opened before a telling phrase came."""
    for back in range(1, 7):
        if back > len(kept) or not kept[-back].strip():
            break
        if kept[-back].strip(' *"').lower().startswith(markers.NOTICE_OPENS):
            return kept[:-back]
    return kept
