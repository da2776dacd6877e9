"""The keys that do things, each with its name: for the help, the own keys and their check.

A page names an element's key as it is here; who has a key of their own for it presses that one.
Keys work only outside of text fields and can be switched off (WCAG 2.2, 2.1.4).
"""

from inboxbot.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is usual; `own` says that a person may choose another one for it."""

    usual: str
    does: str
    own: bool = True


KEYS = (
    Key("j", "next letter"),
    Key("k", "previous letter"),
    Key("o", "open the letter"),
    Key("u", "back to the list; in the list: choose none"),
    Key("x", "choose the letter in the list"),
    Key("X", "choose all from the last chosen to this one"),
    Key("* a", "choose all on the page", own=False),
    Key("1", "kind: profile request"),
    Key("2", "kind: medication question"),
    Key("3", "kind: general inquiry"),
    Key("d 1", "kind: profile request, done, next", own=False),
    Key("d 2", "kind: medication question, done, next", own=False),
    Key("d 3", "kind: general inquiry, done, next", own=False),
    Key("v", "the kind is right, next"),
    Key("e", "done, next"),
    Key("h", "set aside"),
    Key("a", "give to a colleague; then m: to me"),
    Key("m", "take it"),
    Key("s", "what the state of the letter can become"),
    Key("r", "answer"),
    Key("n", "write a note"),
    Key("t", "put a tag on"),
    Key("z", "undo the last action"),
    Key("w", "show or hide the marks in the text"),
    Key("f", "formatted view, and back"),
    Key("p", "the person who wrote"),
    Key("i", "not for us; also !"),
    Key("U", "mark as new"),
    Key("b", "blur the letter while somebody looks over your shoulder"),
    Key("/", "search; in an answer: ready-made replies", own=False),
    Key("g q", "queue", own=False),
    Key("g t", "reply templates", own=False),
    Key("g m", "ready-made replies", own=False),
    Key("g h", "health", own=False),
    Key("g a", "audit", own=False),
    Key("g p", "people", own=False),
    Key("g r", "reports", own=False),
    Key("g s", "settings", own=False),
    Key("Ctrl K", "every action of the page, by its name", own=False),
    Key("Ctrl Enter", "send the answer, or add the note", own=False),
    Key("?", "this page", own=False),
)
CHANGEABLE = tuple(key.usual for key in KEYS if key.own)
# These begin a sequence or belong to the browser's own search.
_TAKEN = frozenset("gd*/?!'")


def chosen(wanted: dict[str, str]) -> tuple[dict[str, str], str]:
    """Return a person's own keys out of what they typed, and which one cannot be, or ""."""
    own = {
        usual: typed
        for usual in CHANGEABLE
        if (typed := wanted.get(usual, "").strip()) and typed != usual
    }
    pressed = [own.get(usual, usual) for usual in CHANGEABLE]
    for usual, typed in own.items():
        plain = len(typed) == 1 and typed.isprintable() and typed not in _TAKEN
        if not plain or pressed.count(typed) > 1:
            return own, usual
    return own, ""
