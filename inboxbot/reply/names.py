"""The one thing a letter may put into our reply: its writer's first name, or nothing.

Pure. Whoever writes a display name writes into our letter, so every doubt gives "".
"""

import unicodedata

MAX_NAME = 40
MAX_WORDS = 5

_NO_NAMES = """the dr mr mrs ms miss mx prof professor sir madam info support admin office contact
team help mail email webmaster noreply no-reply sales service urgent free win click dear hello hi
herr frau señor señora monsieur madame sr sra sig dott nurse sister father mother please stop take
call buy visit als mnd ihr your you we us inc ltd llc gmbh foundation hospital clinic center
mme mlle mademoiselle hr fru mevr mevrouw dhr pan pani signor signora rev reverend rn msw md phd
السيد السيدة الدكتور الدكتورة دكتور श्री श्रीमती डॉ डॉक्टर
family familie famille familia família famiglia rodzina aile iphone ipad android galaxy phone user
account mailbox"""
# Half of a name: the word behind belongs to it, and alone it may be an insult.
_OPENERS = """abd abdul abdel abu umm ibn bin bint عبد أبو ابو أم ام ابن بن بنت"""
# Where the family name stands first, these are the most usual.
_FAMILY_NAMES = """nguyễn trần phạm hoàng huỳnh đặng bùi"""
_NOT_NAMES = frozenset(f"{_NO_NAMES} {_OPENERS} {_FAMILY_NAMES}".split())
_LONGEST_DEGREE = 4


def safe_first_name(display_name: str) -> str:
    """Return the first name in a sender's display name, or "" where there is any doubt.

    Letters, marks, apostrophe and hyphen only, at most 40 of them; no digit, no link, no
    word with a dot, no title, no role. "Last, First" is understood; in "Maria Lopez, RN" and
    "LOPEZ Maria" nobody can tell which word it is.
    """
    name = unicodedata.normalize("NFC", display_name).strip()
    if name.count(",") == 1:
        last, _, first = name.partition(",")
        name = first.strip() if last.strip() else ""
        if name.isupper() and len(name) <= _LONGEST_DEGREE:
            return ""
    words = name.split()
    if not 1 <= len(words) <= MAX_WORDS or not all(_is_of_a_name(c) for c in name):
        return ""
    if any(word.casefold() in _NOT_NAMES for word in words):
        return ""
    first = words[0].strip("'’-")
    if len(first) > MAX_NAME or len(words[0]) > MAX_NAME or not first[:1].isalpha():
        return ""
    if len(first) == 1:
        return ""  # An initial is no name to greet anyone with.
    if any("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in name):
        return ""  # In East Asian names nobody can tell which part is the first name.
    shouted = {word.isupper() for word in words if len(word) > 1}
    if len(shouted) > 1:
        return ""
    return _written(first) if first.isupper() or first.islower() else first


def _written(name: str) -> str:
    """Return a name with a capital letter at the beginning of each of its parts."""
    parts = name.replace("İ", "i").split("-")  # Lowered, İ would keep its dot as a sign of its own.
    return "-".join(part.capitalize() for part in parts)


def _is_of_a_name(character: str) -> bool:
    return character in " '’-" or unicodedata.category(character)[0] in "LM"
