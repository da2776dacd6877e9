"""What reading a letter gives: the message and what it was taken for, or why it could not be read.

`reader` has a worker process do it, under limits. The functions here know nothing of that.
"""

from collections.abc import Callable
from dataclasses import field, replace
from typing import Literal, Protocol

from inboxbot.classify.category import Category, Classification
from inboxbot.frozen import dataclass
from inboxbot.mail.message import Message


class Classifies(Protocol):
    """What classifies: `inboxbot.classify.Classifier`."""

    def classify(self, message: Message) -> Classification:
        """Return what kind of letter it is."""
        ...


Factory = Callable[[], Classifies]


@dataclass(frozen=True, slots=True)
class LoadClassifier:
    """How the worker comes to its classifier: the arguments of `Classifier.load`.

    The program itself never loads it, nor the library that its figures are in.
    """

    kind: Literal["encoder", "light"] = "encoder"
    model: bytes | None = None
    medicines: tuple[str, ...] = ()
    unsure_below: float | None = None

    def __call__(self) -> Classifies:
        """Load it; raises PermanentError where the model is missing or damaged."""
        from inboxbot.classify.classifier import Classifier

        loaded = Classifier.load(self.kind, self.model, self.medicines)
        return (
            loaded if self.unsure_below is None else replace(loaded, unsure_below=self.unsure_below)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """A message, and what it was taken for, which took `classified_s` of work."""

    message: Message
    classification: Classification
    classified_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class ReadingFailed:
    """What is left of a message that could not be read safely, and why, in plain words.

    `message` holds what its header said, where at least that could be read.
    """

    message: Message
    classification: Classification
    reason: str


def read(raw: bytes, classifier: Classifies | None) -> Reading:
    """Parse and classify here and now, without limits: for small jobs on trusted mail.

    A classifier that is missing or fails leaves the letter a general inquiry for review.
    """
    from inboxbot.mail.parse import parse  # As in the worker: the daemon itself never parses.

    message = parse(raw)
    return Reading(message, classified(message, classifier))


def unclassified(because: str) -> Classification:
    """Return the classification of a letter that could not be classified: people look."""
    return Classification(
        category=Category.GENERAL_INQUIRY,
        confidence=0.0,
        runner_up=Category.PROFILE_REQUEST,
        runner_up_confidence=0.0,
        unsure_because=because,
        needs_review=True,
    )


def classified(message: Message, classifier: Classifies | None) -> Classification:
    """Return what kind of letter it is, also where there is no classifier or it fails."""
    if classifier is None:
        return unclassified("The classifier could not be used on this letter.")
    try:
        return classifier.classify(message)
    except Exception:  # noqa: BLE001  (around one message; staff see that it was not classified)
        return unclassified("The classifier failed on this letter.")
