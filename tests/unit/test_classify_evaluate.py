"""The figures of an evaluation, checked by hand on a few made-up answers."""

import pytest

from inboxbot.classify.category import Category, Classification, Flag, Medicine, Urgent
from inboxbot.classify.evaluate import Share, figures
from inboxbot.classify.letters import LabelledLetter

P, M, G = Category


def letter(number: int, label: Category, **more: object) -> LabelledLetter:
    return LabelledLetter(
        id=str(number), subject="", body="five words are in here", label=label, lang="en", **more
    )  # type: ignore[arg-type]


def answer(category: Category, confidence: float, **more: object) -> Classification:
    second = G if category is not G else P
    return Classification(
        category=category,
        confidence=confidence,
        runner_up=second,
        runner_up_confidence=1 - confidence,
        language="en",
        **more,
    )  # type: ignore[arg-type]


FLAG = (Flag(Urgent.OVERDOSE, 0.9, ""),)
LETTERS = [
    letter(1, P, urgent=False, medications=()),
    letter(2, M, urgent=True, medications=("riluzole", "baclofen")),
    letter(3, G, urgent=True, medications=()),
    letter(4, G, urgent=False, medications=()),
]
ANSWERS = [
    answer(P, 0.95),
    answer(M, 0.9, urgent=FLAG, medicines=(Medicine("riluzole", "", "text", 0, 1),)),
    answer(M, 0.6),
    answer(G, 0.8, urgent=FLAG, medicines=(Medicine("zinc", "", "text", 0, 1),)),
]
FOUND = figures(LETTERS, ANSWERS, [1.0, 2.0, 3.0, 4.0])


def test_accuracy_recall_and_confusion_are_counted() -> None:
    assert FOUND.accuracy == Share(3, 4)
    assert FOUND.recall == {P: Share(1, 1), M: Share(1, 1), G: Share(1, 2)}
    assert FOUND.confusion[G, M] == 1
    assert FOUND.macro_f1 == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert FOUND.wrong == ("3",)


def test_sureness_is_measured() -> None:
    assert FOUND.sure == Share(2, 4)
    assert FOUND.sure_right == Share(2, 2)
    assert FOUND.coverage_at_96 == pytest.approx(0.75)
    expected = (0.05**2 * 2 + 0.1**2 * 2 + (0.6**2 + 0.6**2) + 0.2**2 * 2) / 4
    assert FOUND.brier == pytest.approx(expected)
    assert sum(row.right.total for row in FOUND.calibration) == 4


def test_flags_medicines_language_and_time_are_measured() -> None:
    assert (FOUND.urgent_recall, FOUND.urgent_precision) == (Share(1, 2), Share(1, 2))
    assert (FOUND.medicine_recall, FOUND.medicine_precision) == (Share(1, 2), Share(1, 2))
    assert FOUND.language == Share(4, 4)
    assert FOUND.mean_ms == pytest.approx(2.5)
    assert FOUND.urgent_missed == ("3",)
    assert FOUND.urgent_false == ("4",)


def test_two_names_of_one_medicine_are_the_same() -> None:
    said = [answer(M, 0.9, medicines=(Medicine("paracetamol", "Tylenol", "text", 0, 7),))]
    found = figures([letter(1, M, medications=("acetaminophen",))], said, [1.0])
    assert (found.medicine_recall, found.medicine_precision) == (Share(1, 1), Share(1, 1))


def test_the_interval_is_wilsons() -> None:
    low, high = Share(90, 100).interval
    assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-3)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_no_letters_give_no_figures_and_no_error() -> None:
    assert figures([], [], []).accuracy == Share(0, 0)
