"""When a change between two models counts: only beyond chance, and never where urgent is lost."""

import dataclasses

import pytest

from inboxbot.classify.category import Category, Classification, Flag
from inboxbot.classify.comparison import Comparison, Outcome, by_chance, compare
from inboxbot.classify.letters import LabelledLetter

GENERAL, PROFILE = Category.GENERAL_INQUIRY, Category.PROFILE_REQUEST
DANGER = (Flag("breathing", 0.9, "a reason"),)


def letters(count: int, *, urgent: bool | None = False) -> list[LabelledLetter]:
    return [
        LabelledLetter(id=str(n), subject="", body="x", label=GENERAL, lang="en", urgent=urgent)
        for n in range(count)
    ]


def said(right: bool, confidence: float = 0.8, *, urgent: bool = False) -> Classification:
    first, second = (GENERAL, PROFILE) if right else (PROFILE, GENERAL)
    return Classification(
        category=first,
        confidence=confidence,
        runner_up=second,
        runner_up_confidence=1 - confidence,
        urgent=DANGER if urgent else (),
    )


def outcomes(found: Comparison) -> dict[str, Outcome]:
    return {change.what: change.outcome for change in found.changes}


def test_chance_is_that_of_a_coin() -> None:
    assert by_chance(0, 0) == 1
    assert by_chance(0, 5) == pytest.approx(1 / 32)
    assert by_chance(2, 8) == pytest.approx(56 / 1024)


@pytest.mark.parametrize(
    ("gained", "lost", "outcome"),
    [
        (0, 0, Outcome.SAME),
        (0, 4, Outcome.SAME),
        (0, 5, Outcome.WORSE),
        (2, 8, Outcome.SAME),
        (1, 8, Outcome.WORSE),
        (5, 0, Outcome.BETTER),
        (8, 2, Outcome.SAME),
    ],
)
def test_only_letters_on_which_they_differ_count(gained: int, lost: int, outcome: Outcome) -> None:
    before = [said(n >= gained) for n in range(100)]
    after = [said(not gained <= n < gained + lost) for n in range(100)]
    found = outcomes(compare(letters(100), before, after, own=()))
    assert found["shipped letters sorted right"] is outcome
    assert found["shipped letters in en"] is outcome


def test_one_urgent_letter_fewer_is_worse_whatever_chance_says() -> None:
    urgent = letters(200, urgent=True)
    before = [said(True, urgent=True)] * 200
    after = [*before[:-1], said(True)]
    found = compare(urgent, before, after, own=())
    assert [change.what for change in found.worse] == ["urgent letters found"]
    assert "199 of 200, before 200 (0 gained, 1 lost): worse" in found.worse[0].sentence


def test_an_urgent_letter_lost_for_another_found_is_no_fall() -> None:
    both = letters(2, urgent=True)
    before = [said(True, urgent=True), said(True)]
    assert compare(both, before, before[::-1], own=()).worse == ()


def test_false_alarms_beyond_chance_are_worse() -> None:
    calm = letters(50)
    after = [said(True, urgent=n < 6) for n in range(50)]
    found = compare(calm, [said(True)] * 50, after, own=())
    assert [change.what for change in found.worse] == [
        "letters that are not urgent, left unflagged"
    ]


def test_confidences_that_tell_less_of_the_truth_are_worse() -> None:
    before = [said(True, 0.95) for _ in range(50)]
    after = [said(True, 0.7 if n % 2 else 0.6) for n in range(50)]
    found = compare(letters(50), before, after, own=())
    assert [change.what for change in found.worse] == ["confidences close to the truth"]
    better = compare(letters(50), after, before, own=())
    assert [change.what for change in better.changes if change.outcome is Outcome.BETTER] == [
        "confidences close to the truth"
    ]


def test_letters_of_staff_are_counted_apart_and_say_nothing_of_urgency() -> None:
    both = [*letters(3), *(dataclasses.replace(each, id="own", urgent=None) for each in letters(1))]
    found = compare(both, [said(False)] * 4, [said(True)] * 4, own={"own"})
    counts = {change.what: change.letters for change in found.changes}
    assert counts["letters that staff judged, sorted right"] == 1
    assert counts["shipped letters sorted right"] == 3
    assert counts["letters that are not urgent, left unflagged"] == 3
    assert "urgent letters found" not in counts
    assert set(found.figures) == {"staff", "shipped"}
    assert found.figures["staff"][1].accuracy.value == 1


def test_languages_with_few_letters_are_left_out() -> None:
    some = [*letters(20), *(dataclasses.replace(each, lang="fi") for each in letters(19))]
    found = outcomes(compare(some, [said(True)] * 39, [said(True)] * 39, own=()))
    assert "shipped letters in en" in found
    assert "shipped letters in fi" not in found
