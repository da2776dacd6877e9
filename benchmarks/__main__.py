"""`python -m benchmarks [quick|full|tiny] [PART ...]`: measure, and compare with the goals.

Each part waits up to 90 s until the machine has little else to do; with `BENCH_NOW=1` in the
environment it does not, and says so. `tiny` is for trying out a change of these programs.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import filled, peers, standing, way
from benchmarks.measure import machine
from benchmarks.place import servers
from benchmarks.report import Report, table
from tests.dovecot import Dovecot
from tests.smtp_sink import SmtpSink


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured with: letters on their way, old ones, stored ones, files."""

    letters: int
    encoder: int
    peers: int
    old: int
    stored: tuple[int, ...]
    files: int


SIZES = {
    "tiny": Size(100, 40, 40, 200, (240, 960), 50),
    "quick": Size(2_000, 500, 200, 5_000, (1_000, 5_000, 20_000), 500),
    "full": Size(10_000, 2_000, 1_000, 100_000, (1_000, 10_000, 100_000, 1_000_000), 10_000),
}
Part = Callable[[Report, Dovecot, SmtpSink, Size], None]


def _way(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    way.yardstick(report, dovecot, size.letters)
    way.measure(report, dovecot, sink, "light", size.letters)
    way.stages(report, dovecot, sink, "light", size.encoder)
    way.counts(report, dovecot, sink)
    way.two(report, dovecot, sink, size.encoder)


def _encoder(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    way.measure(report, dovecot, sink, "encoder", size.encoder)
    way.stages(report, dovecot, sink, "encoder", size.encoder // 2)


def _peers(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    peers.measure(report, dovecot, sink, size.peers)


def _standing(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    standing.starting(report, dovecot, sink)
    standing.idle(report, dovecot, sink, 10, "")
    standing.idle(report, dovecot, sink, size.old, "many_")


def _explain(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    standing.explained(report, dovecot, sink, size.files)


def _filled(report: Report, dovecot: Dovecot, sink: SmtpSink, size: Size) -> None:
    filled.grow(report, dovecot, sink, size.stored)


PARTS: dict[str, Part] = {
    "way": _way,
    "peers": _peers,
    "encoder": _encoder,
    "standing": _standing,
    "explain": _explain,
    "filled": _filled,
}


def main(arguments: list[str]) -> None:
    name = next((each for each in arguments if each in SIZES), "quick")
    wanted = [each for each in arguments if each not in SIZES] or list(PARTS)
    unknown = [each for each in wanted if each not in PARTS]
    if unknown:
        sys.exit(f"There is no part {unknown[0]!r}; there are: {', '.join(PARTS)}.")
    report = Report()
    report.say(f"inboxbot, measured ({name}). {machine()}")
    with servers() as (dovecot, sink):
        for each in wanted:
            PARTS[each](report, dovecot, sink, SIZES[name])
    table(report)
    report.say(f"\nAll figures: {report.save()}")


if __name__ == "__main__":
    main(sys.argv[1:])
