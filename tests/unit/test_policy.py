"""The decision: which disposition, which template, which language, and the sentence for staff."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from inboxbot.classify.category import Category, Classification, Flag
from inboxbot.mail.message import Address, Identity, Message
from inboxbot.reply.language import Because
from inboxbot.reply.policy import (
    Case,
    Decision,
    History,
    Rules,
    choose_template,
    decide,
    sentence,
)
from inboxbot.reply.reason import EXPLANATIONS, Disposition, Hit, Reason

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
US = Identity(
    mailbox="support",
    name="ALS Worldwide",
    address="support@als.example",
    own_domains=frozenset({"als.example"}),
)
MARIA = Address("Maria Lopez", "maria@clinic.example")
LETTER = Message(
    sender=MARIA,
    authors=(MARIA,),
    from_fields=1,
    recipients=(Address("", "support@als.example"),),
    text="My father has ALS.",
)
SURE = Classification(
    category=Category.MEDICATION_QUESTION,
    confidence=0.9,
    runner_up=Category.GENERAL_INQUIRY,
    runner_up_confidence=0.1,
)
URGENT = Flag("breathing", 0.9, "says that he cannot breathe")
BEREAVED = Flag("bereavement", 0.9, "says that somebody died")
RULES = Rules(languages=frozenset({"en", "de"}))


def decided(
    message: Message = LETTER,
    classification: Classification = SURE,
    rules: Rules = RULES,
    **history: object,
) -> Decision:
    case = Case(
        message=message,
        received_at=NOW - timedelta(minutes=1),
        classification=classification,
        history=History(**history),  # type: ignore[arg-type]
    )
    return decide(case, US, rules, NOW)


def test_a_person_is_acknowledged_with_the_template_of_the_category() -> None:
    assert decided() == Decision(
        disposition=Disposition.ACKNOWLEDGE,
        reason=None,
        reply_to="maria@clinic.example",
        template="medication_question",
        language="en",
        language_because=Because.DEFAULT,
    )


@pytest.mark.parametrize(
    ("changed", "template"),
    [
        ({}, "medication_question"),
        ({"needs_review": True}, "general_inquiry"),
        ({"sensitive": (BEREAVED,)}, "bereavement"),
        ({"sensitive": (replace(BEREAVED, confidence=0.7),)}, "medication_question"),
        (
            {"sensitive": (replace(BEREAVED, confidence=0.7),), "needs_review": True},
            "bereavement",
        ),
        ({"sensitive": (BEREAVED,), "needs_review": True}, "bereavement"),
        ({"urgent": (URGENT,), "sensitive": (BEREAVED,), "needs_review": True}, "urgent"),
        ({"sensitive": (Flag("press", 0.9, "x"),)}, "medication_question"),
    ],
)
def test_what_cannot_wait_chooses_the_template_first(
    changed: dict[str, object], template: str
) -> None:
    classification = replace(SURE, **changed)  # type: ignore[arg-type]
    assert choose_template(classification) == template
    assert decided(classification=classification).template == template


def test_where_nothing_could_be_read_of_a_persons_letter_the_general_template_goes() -> None:
    decision = decided(replace(LETTER, text=" \n"))
    assert decision.disposition is Disposition.ACKNOWLEDGE
    assert decision.template == "general_inquiry"


@pytest.mark.parametrize(
    ("language", "confidence", "written"),
    [
        ("de", 0.95, "de"),
        ("de", 0.4, "en"),
        ("fi", 0.99, "en"),
        (None, 0.0, "en"),
    ],
)
def test_a_person_is_answered_in_a_language_that_we_are_sure_of_and_have(
    language: str | None, confidence: float, written: str
) -> None:
    classification = replace(SURE, language=language, language_confidence=confidence)
    assert decided(classification=classification).language == written


def test_the_language_that_staff_noted_comes_before_the_letters_own() -> None:
    classification = replace(SURE, language="en", language_confidence=0.99)
    decision = decided(classification=classification, language="de")
    assert (decision.language, decision.language_because) == ("de", "person")
    decision = decided(classification=classification, language="sv")
    assert (decision.language, decision.language_because) == ("en", "detected")


def test_the_default_language_is_used_even_where_no_other_is_named() -> None:
    rules = Rules(default_language="de", languages=frozenset())
    assert decided(rules=rules).language == "de"


def test_a_held_acknowledgement_can_be_sent_with_one_click() -> None:
    decision = decided(replace(LETTER, recipients=()))
    assert decision.disposition is Disposition.HOLD
    assert decision.reason is Reason.NOT_ADDRESSED
    assert (decision.reply_to, decision.template, decision.language) == (
        "maria@clinic.example",
        "medication_question",
        "en",
    )


def test_a_suppressed_one_can_be_sent_with_one_click_where_there_is_an_address() -> None:
    decision = decided(replace(LETTER, headers=(("Precedence", "bulk"),)))
    assert decision.disposition is Disposition.SUPPRESS
    assert decision.reply_to == "maria@clinic.example"
    assert decision.template == "medication_question"


def test_old_mail_is_recorded_and_never_acknowledged() -> None:
    for history in ({"baseline": True}, {"imported": True}):
        decision = decided(**history)
        assert decision.disposition is Disposition.SUPPRESS
        assert decision.reason is Reason.BASELINE


def test_a_kind_that_is_switched_off_is_not_sent() -> None:
    off = Rules(disabled=frozenset({"medication_question"}))
    decision = decided(rules=off)
    assert (decision.disposition, decision.reason) == (Disposition.SUPPRESS, Reason.DISABLED)
    urgent = decided(classification=replace(SURE, urgent=(URGENT,)), rules=off)
    assert urgent.disposition is Disposition.ACKNOWLEDGE


def test_the_sentence_says_what_showed_it() -> None:
    message = replace(LETTER, headers=(("Auto-Submitted", "auto-replied"),))
    assert sentence(decided(message)) == (
        "Not answered: the message says that a machine wrote it (Auto-Submitted: auto-replied)."
    )
    assert sentence(decided(replace(LETTER, recipients=()))) == (
        "Held: it was not addressed to us (no address of ours in To or Cc)."
    )
    assert sentence(decided()) == (
        "Acknowledged: a person wrote, and nothing stands against it (Medication question)."
    )


def test_the_sentence_of_a_later_reason_is_its_own() -> None:
    hits = (
        Hit(Reason.BULK_MAIL, Disposition.HOLD, "Feedback-Id"),
        Hit(Reason.SHADOW, Disposition.HOLD, ""),
    )
    decision = Decision(disposition=Disposition.HOLD, reason=Reason.SHADOW, hits=hits)
    assert sentence(decision) == "Held: inboxbot runs in shadow mode and sends nothing yet."


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    assert len(set(EXPLANATIONS.values())) == len(Reason)


def test_the_administrators_page_names_each_reason_and_no_other() -> None:
    page = Path(__file__).parents[2] / "docs" / "administrators" / "reasons.md"
    rows = [line.split("|") for line in page.read_text(encoding="utf-8").splitlines()]
    named = {
        cells[1].strip().strip("`"): cells[2].strip()
        for cells in rows
        if len(cells) > 3 and cells[1].strip().startswith("`")
    }
    assert set(named) == {str(reason) for reason in Reason}
    for reason, text in EXPLANATIONS.items():
        assert text in named[reason], f"{reason}: the page says it otherwise"
