"""Marks that staff should know of before they answer: a death, a child, a complaint, law, press.

Pure. Found by listed words of many languages; nothing is decided by them but what staff see
and, for a death, which acknowledgement is kind.
"""

from inboxbot.classify import lexicon
from inboxbot.classify.category import SEVERAL_PHRASES, Category, Evidence, Flag, Sensitive
from inboxbot.classify.text import Letter

MAX_PHRASES = 2
_ONE_PHRASE = 0.7


def marks(letter: Letter, category: Category) -> tuple[tuple[Flag, ...], tuple[Evidence, ...]]:
    """Return the sensitive marks of `letter` and the phrases that speak for them.

    Press is a mark of general letters only: others merely mention a newspaper.
    """
    reasons = lexicon.load("sensitive").reasons
    phrases: dict[str, list[Evidence]] = {}
    for segment in letter.segments:
        for hit in lexicon.listed(segment.text)["sensitive"]:
            phrases.setdefault(hit.topic, []).append(
                segment.evidence(hit.start, hit.end, hit.topic, 1.0)
            )
    if category is not Category.GENERAL_INQUIRY:
        phrases.pop(Sensitive.PRESS, None)
    flags = tuple(
        Flag(mark, _ONE_PHRASE if len(phrases[mark]) == 1 else SEVERAL_PHRASES, reasons[mark])
        for mark in Sensitive
        if mark in phrases
    )
    return flags, tuple(e for mark in Sensitive for e in phrases.get(mark, [])[:MAX_PHRASES])
