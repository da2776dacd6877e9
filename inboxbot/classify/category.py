"""The closed set of categories and flags, and what a classification is.

Pure values. A classification carries its reasons: a person can check each of them.
"""

from enum import StrEnum

from inboxbot.frozen import dataclass


class Category(StrEnum):
    """Which of the three kinds a letter is; the stored text is the value."""

    PROFILE_REQUEST = "profile_request"
    MEDICATION_QUESTION = "medication_question"
    GENERAL_INQUIRY = "general_inquiry"


class Urgent(StrEnum):
    """A time-critical matter: staff must see it first.

    `DANGER` is told without a plain word: its kind is for a person to read.
    """

    BREATHING = "breathing"
    CHOKING = "choking"
    OVERDOSE = "overdose"
    SELF_HARM = "self_harm"
    UNSAFE_HOME = "unsafe_home"
    EQUIPMENT = "equipment"
    REACTION = "reaction"
    DANGER = "danger"


# What words can name; the numbers of a model stand in this order.
NAMED_DANGERS = tuple(kind for kind in Urgent if kind is not Urgent.DANGER)


class Sensitive(StrEnum):
    """What staff should know before they answer."""

    BEREAVEMENT = "bereavement"
    CHILD = "child"
    COMPLAINT = "complaint"
    LEGAL = "legal"
    PRESS = "press"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A phrase of the letter that counted.

    `field` is "subject" or "text", `start` and `end` are positions in it; `toward` is the
    value that it speaks for (a category, an urgent or sensitive flag), `weight` how much:
    positive for, negative against.
    """

    field: str
    start: int
    end: int
    phrase: str
    toward: str
    weight: float


# How sure a sensitive mark is where more than one phrase speaks for it.
SEVERAL_PHRASES = 0.9


@dataclass(frozen=True, slots=True)
class Flag:
    """An urgent or sensitive flag with its reason in a few plain words for staff."""

    code: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Medicine:
    """A medicine that the letter names: the generic name, and how the letter writes it."""

    generic: str
    written: str
    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something the letter says of its writer, for staff; nothing is acted on by itself.

    `kind` is "writer" (patient, loved_one, friend, caregiver, professional, other), "name",
    "place", "telephone" or "contact" (email, telephone).
    """

    kind: str
    value: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Which kind, how sure, how pressing, and why.

    `confidence` is calibrated: of the letters shown with 0.9, nine in ten are right.
    `unsure_because` is one plain sentence, or "" where there is nothing to say.
    `language` is ISO 639-1, or None below the floor.
    """

    category: Category
    confidence: float
    runner_up: Category
    runner_up_confidence: float
    evidence: tuple[Evidence, ...] = ()
    unsure_because: str = ""
    needs_review: bool = False
    urgent: tuple[Flag, ...] = ()
    sensitive: tuple[Flag, ...] = ()
    medicines: tuple[Medicine, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    language: str | None = None
    language_confidence: float = 0.0
    model_version: str = ""
