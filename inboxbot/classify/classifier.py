"""One message in, one classification out.

Deterministic and offline; any message gets an answer. Text is capped, so the time is too.
"""

import functools
from dataclasses import replace

import numpy as np

from inboxbot.classify import evidence, language, scoring, sensitive, text, urgency, writer
from inboxbot.classify import medicines as medicine_names
from inboxbot.classify.category import Category, Classification, Flag, Medicine
from inboxbot.classify.medicines import Names
from inboxbot.classify.model import Kind, Model, softmax
from inboxbot.classify.scoring import Scores, Views
from inboxbot.classify.shipped import shipped_model
from inboxbot.classify.text import Letter
from inboxbot.frozen import dataclass
from inboxbot.mail.conversation import is_forward
from inboxbot.mail.message import Message

CATEGORIES = tuple(Category)
UNSURE_BELOW = 0.6
LITTLE = 0.5
_FEW_WORDS = 3


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained model with the names of medicines; `version` says which.

    Below `unsure_below` a letter is marked for a look; `urgent_from` overrides the model's
    own threshold of urgent flags.
    """

    model: Model
    names: Names
    version: str
    unsure_below: float = UNSURE_BELOW
    urgent_from: float | None = None

    @classmethod
    def load(
        cls,
        kind: Kind = "encoder",
        model: bytes | None = None,
        medicines: tuple[str, ...] = (),
        unsure_below: float = UNSURE_BELOW,
        urgent_from: float | None = None,
    ) -> "Classifier":
        """Return a classifier with the shipped model of `kind`, or with `model`.

        `medicines` are the administrator's further names: `generic` or `generic = name, name`.
        Raises PermanentError where the model is missing or damaged.
        """
        found = _shipped(kind) if model is None else Model.from_bytes(model)
        return cls(found, medicine_names.load(medicines), found.version, unsure_below, urgent_from)

    def classify(self, message: Message) -> Classification:
        """Return which kind of letter `message` is, how sure, how pressing, and why."""
        letter = text.read(message)
        if not letter.segments:
            return _nothing(self.version)
        found = medicine_names.find(letter, self.names)
        spoken, sureness = language.detect(letter.whole)
        seen = scoring.views(letter, found, spoken, self.model.kind)
        said, scores = self._judged(seen)
        if not said.urgent and is_forward(message.subject):
            said = replace(said, urgent=self._forwarded(message, seen, said.category))
        sensitive_marks, telling = sensitive.marks(letter, said.category)
        return replace(
            said,
            evidence=(
                *evidence.evidence(self.model, seen, said.category, scores),
                *said.evidence,
                *telling,
            ),
            sensitive=sensitive_marks,
            suggestions=writer.suggestions(message, letter),
            language=spoken,
            language_confidence=sureness,
        )

    def _forwarded(self, message: Message, seen: Views, category: Category) -> tuple[Flag, ...]:
        """Return the urgent flags of what somebody hands on below words of their own.

        Only listed words count there. Their places are not in the letter's own text, so they are
        no evidence.
        """
        below = text.read_fields("", message.full_text)
        segments = urgency.told((*below.segments, *below.skipped))
        if not segments:
            return ()
        part = scoring.part(seen, segments, self.model.kind)
        judged = scoring.base(self.model, part)
        return urgency.flags(self.model, part, judged, category, self.urgent_from)[0]

    def judge(self, seen: Views) -> Classification:
        """Return the classification of a letter that is in numbers already.

        For comparing models on many letters: without language, suggestions and evidence.
        """
        return self._judged(seen)[0]

    def _judged(self, seen: Views) -> tuple[Classification, Scores]:
        """Return category, confidence and urgent flags, with the evidence of these alone."""
        letter, found = seen.letter, seen.medicines
        scores = scoring.base(self.model, seen)
        shares = softmax(self.model.head("last").scores(scores.category))
        first, second, *_ = (int(i) for i in np.argsort(-shares, kind="stable"))
        category, confidence = CATEGORIES[first], float(shares[first])
        if _hardly_any_words(letter):
            confidence = min(confidence, LITTLE)
        urgent, alarming = urgency.flags(self.model, seen, scores, category, self.urgent_from)
        for segments in () if urgent else urgency.apart(seen):
            part = scoring.part(seen, segments, self.model.kind)
            judged = scoring.base(self.model, part)
            urgent, alarming = urgency.flags(self.model, part, judged, category, self.urgent_from)
            if urgent:
                break
        unsure = self._unsure(letter, found, category, CATEGORIES[second], confidence)
        said = Classification(
            category=category,
            confidence=confidence,
            runner_up=CATEGORIES[second],
            runner_up_confidence=min(float(shares[second]), 1 - confidence),
            evidence=alarming,
            unsure_because=unsure,
            needs_review=bool(unsure),
            urgent=urgent,
            medicines=found,
            model_version=self.version,
        )
        return said, scores

    def _unsure(
        self,
        letter: Letter,
        found: tuple[Medicine, ...],
        category: Category,
        second: Category,
        confidence: float,
    ) -> str:
        if _hardly_any_words(letter):
            return "There are hardly any words to go by."
        if confidence >= self.unsure_below:
            return ""
        words = {
            Category.PROFILE_REQUEST: "a request for personal help or the profile",
            Category.MEDICATION_QUESTION: "a question about a medicine",
            Category.GENERAL_INQUIRY: "a general inquiry",
        }
        named = " It names a medicine." if found else ""
        return f"It could be {words[category]} or {words[second]}.{named}"


def _hardly_any_words(letter: Letter) -> bool:
    return sum(len(text.norms(segment.text)) for segment in letter.segments) < _FEW_WORDS


def _nothing(version: str) -> Classification:
    return Classification(
        category=Category.GENERAL_INQUIRY,
        confidence=0.34,
        runner_up=Category.PROFILE_REQUEST,
        runner_up_confidence=0.33,
        unsure_because="There are no words to go by.",
        needs_review=True,
        model_version=version,
    )


@functools.cache
def _shipped(kind: Kind) -> Model:
    return Model.from_bytes(shipped_model(kind))
