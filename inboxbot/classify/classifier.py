"""One message in, one classification out.

Deterministic and offline; any message gets an answer. Text is capped, so the time is too.
"""

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np

from inboxbot.classify import medicines, scoring, text, urgency
from inboxbot.classify.category import Category, Classification, Evidence
from inboxbot.classify.medicines import Names
from inboxbot.classify.model import Kind, Model, softmax
from inboxbot.errors import PermanentError
from inboxbot.mail.message import Message

CATEGORIES = tuple(Category)
UNSURE_BELOW = 0.6


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained model with the names of medicines; `version` says which."""

    model: Model
    names: Names

    @classmethod
    def load(
        cls, kind: Kind = "encoder", model: bytes | None = None, medicines: tuple[str, ...] = ()
    ) -> "Classifier":
        """Return a classifier with the shipped model of `kind`, or with `model`.

        `medicines` are the administrator's further names: `generic` or `generic = name, name`.
        Raises PermanentError where the model is missing or damaged.
        """
        found = _shipped(kind) if model is None else Model.from_bytes(model)
        return cls(found, _names(medicines))

    @property
    def version(self) -> str:
        """Return the version of the model."""
        return self.model.version

    def classify(self, message: Message) -> Classification:
        """Return which kind of letter `message` is, how sure, how pressing, and why."""
        letter = text.read(message)
        found = medicines.find(letter, self.names)
        if not letter.segments:
            return self._nothing()
        seen = scoring.views(letter, found, self.model.kind)
        base = scoring.base_scores(self.model, seen)
        shares = softmax(self.model.head("last").scores(base))
        order = np.argsort(-shares, kind="stable")
        confidence = float(shares[order[0]])
        return Classification(
            category=CATEGORIES[order[0]],
            confidence=confidence,
            runner_up=CATEGORIES[order[1]],
            runner_up_confidence=float(shares[order[1]]),
            evidence=_evidence(),
            needs_review=confidence < UNSURE_BELOW,
            urgent=urgency.flags(letter, scoring.urgency(self.model, seen)),
            medicines=found,
            model_version=self.version,
        )

    def _nothing(self) -> Classification:
        return Classification(
            category=Category.GENERAL_INQUIRY,
            confidence=0.34,
            runner_up=Category.PROFILE_REQUEST,
            runner_up_confidence=0.33,
            unsure_because="There are no words to go by.",
            needs_review=True,
            model_version=self.version,
        )


def _evidence() -> tuple[Evidence, ...]:
    return ()


@functools.cache
def _shipped(kind: Kind) -> Model:
    source = resources.files("inboxbot.classify").joinpath(f"data/{kind}.model")
    try:
        data = source.read_bytes()
    except OSError as error:
        raise PermanentError(
            f"The shipped {kind} model is missing: install inboxbot again or train a new one."
        ) from error
    return Model.from_bytes(data)


_names = medicines.load
