"""The trained model as plain data, and the same scores as the library that trained it."""

import json
from pathlib import Path

import numpy as np
import pytest

from inboxbot.classify import encoder, scoring, text
from inboxbot.classify import medicines as medicine_names
from inboxbot.classify.classifier import Classifier
from inboxbot.classify.letters import LabelledLetter, read_lines
from inboxbot.classify.model import Model, nearness
from inboxbot.classify.train import gram_matrix, train
from inboxbot.errors import PermanentError
from tests.lessons import few_shipped
from tests.once import once

FEW = few_shipped(32)


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Model:
    def make(folder: Path) -> None:
        (folder / "light.model").write_bytes(train(FEW, "light").to_bytes())

    return Model.from_bytes((once(tmp_path_factory, "light", make) / "light.model").read_bytes())


def test_a_model_read_back_is_the_same(light: Model) -> None:
    data = light.to_bytes()
    again = Model.from_bytes(data)
    assert again.to_bytes() == data
    assert again.version == light.version
    message = FEW[3].message
    assert Classifier.load(model=data).classify(message) == Classifier.load(
        model=again.to_bytes()
    ).classify(message)


def test_training_twice_gives_the_same_bytes(light: Model) -> None:
    assert train(FEW, "light").to_bytes() == light.to_bytes()


def test_other_letters_give_another_version(light: Model) -> None:
    assert train(FEW[:-1], "light").version != light.version


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "other"])
def test_a_damaged_model_is_refused_with_a_sentence(light: Model, damage: str) -> None:
    data = light.to_bytes()
    broken = {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "noise": data[:200] + bytes(1000) + data[1200:],
        "other": b"PK\x05\x06" + bytes(18),
    }[damage]
    with pytest.raises(PermanentError, match="model cannot be read"):
        Model.from_bytes(broken)


def test_too_few_letters_are_refused() -> None:
    with pytest.raises(PermanentError, match="Too few letters"):
        train(FEW[:20], "light")


def test_the_linear_head_scores_as_scikit_learn_does() -> None:
    from sklearn.linear_model import LogisticRegression

    names = medicine_names.load()
    reads = [text.read(letter.message) for letter in FEW]
    views = [scoring.views(r, medicine_names.find(r, names), "en", "light") for r in reads]
    matrix = gram_matrix(views)
    labels = [letter.label for letter in FEW]
    fitted = LogisticRegression(C=10.0, max_iter=3000).fit(matrix, labels)
    weights = fitted.coef_.T.astype(np.float32)
    for row, seen in enumerate(views[:20]):
        ours = seen.grams.values @ weights[seen.grams.buckets] + fitted.intercept_
        assert ours == pytest.approx(fitted.decision_function(matrix[row])[0], abs=1e-4)


def test_the_kernel_scores_as_scikit_learn_does() -> None:
    from sklearn.svm import SVC

    vectors = np.vstack(
        [encoder.sums([letter.subject or "-", letter.body or "-"]).vectors()[0] for letter in FEW]
    )
    urgent = [bool(letter.urgent) for letter in FEW]
    fitted = SVC(C=3.0, gamma=1.0).fit(vectors, urgent)
    near = nearness(vectors, fitted.support_vectors_, 1.0)
    ours = near @ fitted.dual_coef_[0] + fitted.intercept_[0]
    assert ours == pytest.approx(fitted.decision_function(vectors), abs=1e-3)


def test_leaving_a_segment_out_is_the_same_as_never_having_it() -> None:
    texts = ["Hello there.", "May she take it with milk?", "Thank you."]
    without = encoder.sums(texts).vectors()[2]
    alone = encoder.sums([texts[0], texts[2]]).vectors()[0]
    assert without[1] == pytest.approx(alone, abs=2e-3)


def test_a_line_that_is_no_letter_is_named() -> None:
    good = json.dumps({"id": "1", "subject": "a", "body": "b", "label": "general_inquiry"})
    assert read_lines([good, ""]) == [
        LabelledLetter(id="1", subject="a", body="b", label=read_lines([good])[0].label)
    ]
    with pytest.raises(PermanentError, match="Line 2"):
        read_lines([good, '{"id": 1}'])
    with pytest.raises(PermanentError, match="Line 1"):
        read_lines(["not json"])
