"""Letters in, decisions out: every pair of files in `tests/corpus`."""

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from inboxbot.classify.category import Category, Classification
from inboxbot.mail import compose, finished
from inboxbot.mail.message import Identity, Message
from inboxbot.mail.parse import parse
from inboxbot.reply.policy import Case, Decision, History, Rules, decide, sentence
from inboxbot.reply.reason import Disposition

CORPUS = Path(__file__).parent.parent / "corpus"
CASES = sorted(CORPUS.glob("[0-9]*.eml"))
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SURE = Classification(
    category=Category.PROFILE_REQUEST,
    confidence=0.95,
    runner_up=Category.GENERAL_INQUIRY,
    runner_up_confidence=0.04,
)
# Rows of the decision table that a letter can show; 25 is partly of the template.
ROWS = (
    "1", "2", "2b", "3", "4", "5", "5b", "6", "7", "8", "9", "10", "11", "12", "12b", "13", "13b",
    "14", "14b", "15", "16", "17", "18", "18b", "19", "20", "21", "22", "22b", "23", "24", "25",
    "26",
)  # fmt: skip
# The reason that a hit of a row must give; the two rows without one say: answer this.
REASON_OF = {
    "1": "duplicate", "2": "invalid_sender", "2b": "invalid_sender", "3": "own_address",
    "4": "own_domain", "5": "invalid_sender", "5b": "untrusted_relay", "6": "null_return_path",
    "7": "loop", "8": "auto_submitted", "9": "auto_reply_header", "10": "auto_response_suppress",
    "11": "bulk_precedence", "12": "list_mail", "12b": "bulk_mail", "13": "no_reply_address",
    "13b": "system_address", "14": "bounce", "14b": "bounce", "15": "read_receipt",
    "16": "calendar", "17": "spam", "18": "auto_reply_subject", "18b": "challenge_response",
    "19": "auth_failed", "20": "too_old", "21": "not_addressed", "22": "in_conversation",
    "23": "rate_limited", "24": "address_blocked", "25": "disabled",
}  # fmt: skip
ROWS_OF_WORDS = ("13", "14b", "15", "18")


@cache
def expectation(letter: Path) -> dict[str, Any]:
    return tomllib.loads(letter.with_suffix(".toml").read_text(encoding="utf-8"))


@cache
def read(letter: Path) -> Message:
    return parse(letter.read_bytes())


def corpus_identity(**replaced: Any) -> Identity:
    values = tomllib.loads((CORPUS / "identity.toml").read_text(encoding="utf-8")) | replaced
    values["secret"] = bytes.fromhex(values["secret"])
    return Identity(**{k: frozenset(v) if isinstance(v, list) else v for k, v in values.items()})


@cache
def decision_on(letter: Path) -> Decision:
    expected = expectation(letter)
    history = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in expected.get("history", {}).items()
    }
    rules = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in expected.get("rules", {}).items()
    }
    case = Case(
        message=read(letter),
        received_at=expected.get("received_at", NOW - timedelta(hours=1)),
        classification=SURE,
        history=History(**history),
    )
    return decide(case, corpus_identity(**expected.get("identity", {})), Rules(**rules), NOW)


@pytest.mark.parametrize("letter", CASES, ids=lambda path: path.stem)
def test_each_letter_is_decided_as_its_file_says(letter: Path) -> None:
    expected = expectation(letter)
    decision = decision_on(letter)
    assert (decision.disposition, decision.reason, [hit.reason for hit in decision.hits]) == (
        expected["disposition"],
        expected.get("reason"),
        expected["reasons"],
    )
    assert (decision.reply_to or "") == expected["reply_to"]
    assert decision.template == expected.get("template", "profile_request")
    if "authenticated" in expected:
        assert decision.authenticated is expected["authenticated"]


def test_each_letter_with_a_return_address_can_be_acknowledged_safely() -> None:
    us = corpus_identity()
    for letter in CASES:
        decision = decision_on(letter)
        if decision.reply_to is None:
            # Nowhere to send it: then nothing may be waiting to be sent.
            assert decision.disposition is Disposition.SUPPRESS, letter.stem
            continue
        reply = compose.acknowledgement(
            read(letter),
            us,
            "We received your message",
            "Thank you for your message.\n",
            "<html><body><p>Thank you for your message.</p></body></html>\n",
            recipient=decision.reply_to,
            kind="profile_request",
            language="en",
            now=NOW,
            fingerprint="00" * 32,
        )
        assert finished.problems(reply.raw) == (), letter.stem
        assert reply.recipient == decision.reply_to, letter.stem


def test_each_decision_is_said_in_one_sentence_without_the_letters_words() -> None:
    for letter in CASES:
        decision = decision_on(letter)
        text = sentence(decision)
        assert text.endswith("."), letter.stem
        assert "\n" not in text, letter.stem
        message = read(letter)
        said = " ".join((text, *(hit.evidence for hit in decision.hits)))
        for private in (message.text.strip(), *(author.address for author in message.authors)):
            assert not private or private not in said, letter.stem


def test_every_row_has_a_letter_that_hits_and_one_that_only_looks_alike() -> None:
    hits: dict[str, set[str]] = {row: set() for row in ROWS}
    alike: set[str] = set()
    for letter in CASES:
        expected = expectation(letter)
        for row in set(expected["rows"]) - {"none"}:
            hits[row].update(expected["reasons"])
            if expected["disposition"] == "acknowledge":
                alike.add(row)
    assert alike == set(ROWS)
    for row, reason in REASON_OF.items():
        assert reason in hits[row], f"row {row} never hits"
    assert set(ROWS) - set(REASON_OF) == {"22b", "26"}


@pytest.mark.parametrize("row", ROWS_OF_WORDS)
def test_where_words_matter_both_are_there_in_eight_languages(row: str) -> None:
    languages: dict[bool, set[str]] = {True: set(), False: set()}
    for letter in CASES:
        expected = expectation(letter)
        if expected["rows"] == [row] and "words" in expected:
            languages[expected["disposition"] != "acknowledge"].add(expected["words"])
    assert min(map(len, languages.values())) >= 8, languages
