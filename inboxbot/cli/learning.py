"""Commands on the classifier: how right it is on letters that somebody labelled."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inboxbot.cli.common import (
    PATH,
    NotFound,
    configuration,
    options,
    print_json,
    print_table,
)
from inboxbot.counted import counted
from inboxbot.errors import DataError

if TYPE_CHECKING:
    from inboxbot.classify.evaluate import Evaluation, Share


@click.command("evaluate")
@click.argument("file", metavar="FILE", type=PATH)
@options
def evaluate_command(file: Path, config_file: str | None, as_json: bool) -> None:
    """Classify the labelled letters in FILE and print how right the classifier is.

    FILE holds one JSON object a line: id, subject, body, label, lang, urgent, medications.
    """
    from inboxbot.classify.classifier import Classifier
    from inboxbot.classify.evaluate import evaluate
    from inboxbot.classify.letters import read_lines

    settings = configuration(config_file).classify
    try:
        lines = file.read_text("utf-8").splitlines()
    except FileNotFoundError:
        raise NotFound(f"There is no {file}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{file} is not UTF-8 text.") from None
    letters = read_lines(lines)
    if not letters:
        raise NotFound(f"{file} holds no letters.")
    classifier = Classifier.load(settings.model, unsure_below=settings.unsure_below)
    found = evaluate(classifier, letters)
    if as_json:
        print_json(_as_object(found, classifier.version))
    else:
        _print(found, classifier.version)


def _share(share: "Share") -> dict[str, Any]:
    low, high = share.interval
    return {"value": share.value, "low": low, "high": high, "of": share.total}


def _as_object(found: "Evaluation", version: str) -> dict[str, Any]:
    return {
        "model": version,
        "letters": found.letters,
        "accuracy": _share(found.accuracy),
        "macro_f1": found.macro_f1,
        "recall": {category.value: _share(share) for category, share in found.recall.items()},
        "languages": {language: _share(share) for language, share in found.languages.items()},
        "confusion": [
            {"is": truth.value, "taken_for": answer.value, "letters": count}
            for (truth, answer), count in sorted(found.confusion.items())
        ],
        "calibration": [
            {"from": b.low, "to": b.high, "confidence": b.confidence, "right": _share(b.right)}
            for b in found.calibration
        ],
        "brier": found.brier,
        "coverage_at_96": found.coverage_at_96,
        "sure": _share(found.sure),
        "sure_right": _share(found.sure_right),
        "urgent_recall": _share(found.urgent_recall),
        "urgent_precision": _share(found.urgent_precision),
        "medicine_recall": _share(found.medicine_recall),
        "medicine_precision": _share(found.medicine_precision),
        "language": _share(found.language),
        "mean_ms": found.mean_ms,
        "p99_ms": found.p99_ms,
    }


def _print(found: "Evaluation", version: str) -> None:
    click.echo(f"{counted('{} letter', '{} letters', found.letters)}, {version}\n")
    shares = [
        ("accuracy", found.accuracy),
        *((f"recall {category}", share) for category, share in found.recall.items()),
        ("shown as 0.9 or surer", found.sure),
        ("  of these right", found.sure_right),
        ("urgent recall", found.urgent_recall),
        ("urgent precision", found.urgent_precision),
        ("medicines recall", found.medicine_recall),
        ("medicines precision", found.medicine_precision),
        ("language", found.language),
        *((f"right in {language}", share) for language, share in found.languages.items()),
    ]
    print_table([(name, *_cells(share)) for name, share in shares], ("", "", "95 %", "LETTERS"))
    click.echo(f"\nmacro-F1 {found.macro_f1:.3f}, Brier {found.brier:.3f}")
    click.echo(f"sorted alone at 96 % right: {found.coverage_at_96:.0%} of the letters")
    click.echo(f"CPU a letter: mean {found.mean_ms:.1f} ms, p99 {found.p99_ms:.1f} ms\n")
    print_table(
        [(truth, answer, count) for (truth, answer), count in sorted(found.confusion.items())],
        ("IS", "TAKEN FOR", "LETTERS"),
    )
    click.echo()
    print_table(
        [(f"{b.low:.1f}-{b.high:.1f}", *_cells(b.right)) for b in found.calibration],
        ("CONFIDENCE", "RIGHT", "95 %", "LETTERS"),
    )


def _cells(share: "Share") -> tuple[str, str, int]:
    low, high = share.interval
    return f"{share.value:.3f}", f"{low:.3f}-{high:.3f}", share.total
