"""The whole way of a letter: real Dovecot, intake, triage, outbox, sender, a real SMTP server.

Everything is on: classification, templates, the audit, synchronous=FULL, the worker process, at
most once. The daemon runs as in earnest; it has had one letter before, so that its start and that
of its worker are not counted. What each stage costs is measured in a second run, and what is
countable (commits, round trips, bytes) in a third, over lines that count.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import mail
from benchmarks.measure import MIB, cpu_of_family, memory_of_family, run_part
from benchmarks.place import Place, place, until
from benchmarks.report import Report
from tests.dovecot import Dovecot
from tests.smtp_sink import SmtpSink

COUNTED = 200
WAIT_S = 3600.0


def measure(report: Report, dovecot: Dovecot, sink: SmtpSink, model: str, letters: int) -> None:
    """Measure the daemon on `letters` letters with one kind of classifier."""
    report.begin(
        f"{letters:,} letters, {model} classifier",
        "inboxbot run; letters appear in the mailbox at once; until the last reply is recorded",
    )
    with place(dovecot, sink, model=model) as here:
        here.begin()
        empty, _ = _size(here)
        wall, cpu, peak, peak_early = _daemon(here, letters)
        each = cpu / letters * 1000
        report.figures[f"{model}.letters"] = letters
        report.put(f"{model}.rate", letters / wall, f"{letters / wall:.1f} letters a second")
        report.put(f"{model}.cpu_ms", each, f"{each:.2f} ms CPU a letter, all our processes")
        report.put(f"{model}.peak_mb", peak / MIB, f"{peak / MIB:.0f} MB at most (PSS)")
        grown = (peak - peak_early) / MIB
        report.put(
            f"{model}.growth_mb",
            grown,
            f"{grown:+.1f} MB from the first {letters // 10:,} to all {letters:,}",
        )
        size, compressed = _size(here)
        beyond = (size - empty - compressed) / (letters + 1) / 1000
        report.put(
            f"{model}.growth_kb",
            beyond,
            f"{beyond:.1f} KB of database a letter beyond its compressed bytes"
            f" ({compressed / (letters + 1) / 1000:.1f} KB)",
        )


def _daemon(here: Place, letters: int) -> tuple[float, float, int, int]:
    """Return seconds, CPU, the most memory, and the most until a tenth was done."""
    here.fill(mail.letters(1, start=letters))
    waiting = _ready(here, letters)
    with here.store() as db, here.process("run") as daemon:

        def sent() -> int:
            return int(db.execute("SELECT count(*) FROM outbox WHERE state = 'sent'").fetchone()[0])

        until(lambda: sent() == 1, 60)
        cpu, began = cpu_of_family(daemon.pid), time.perf_counter()
        _appear(here, waiting)
        peak = early = 0
        while (done := sent()) < letters + 1:
            peak = max(peak, memory_of_family(daemon.pid))
            if done <= letters // 10:
                early = peak
            if time.perf_counter() - began > WAIT_S or daemon.poll() is not None:
                raise TimeoutError(f"only {done} of {letters} letters were answered")
            time.sleep(0.1)
        wall = time.perf_counter() - began
        peak = max(peak, memory_of_family(daemon.pid))
        return wall, cpu_of_family(daemon.pid) - cpu, peak, early


def _ready(here: Place, letters: int) -> Path:
    """Write letters beside the mailbox, so that they can appear in it at once."""
    folder = here.account.maildir / "waiting"
    folder.mkdir()
    for number, raw in enumerate(mail.letters(letters)):
        (folder / f"{1_700_000_000 + number}.w{number}.bench").write_bytes(raw)
    here.account.server.give(folder)
    return folder


def _appear(here: Place, waiting: Path) -> None:
    new = here.account.maildir / "new"
    for path in waiting.iterdir():
        path.rename(new / path.name)
    os.utime(new)


def _size(here: Place) -> tuple[int, int]:
    """Return the bytes of the database, and those of the letters in it as they are kept."""
    with here.store() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept = db.execute("SELECT sum(length(bytes)) FROM raw").fetchone()[0]
    return here.installation.store.stat().st_size, int(kept or 0)


def two(report: Report, dovecot: Dovecot, sink: SmtpSink, letters: int) -> None:
    """Measure two daemons side by side, each with a mailbox and a store of its own."""
    report.begin(
        f"two daemons, {letters:,} letters each", "as before, both at once on the same two cores"
    )
    with (
        place(dovecot, sink) as one,
        place(dovecot, sink) as other,
        ThreadPoolExecutor(2) as both,
    ):
        for here in (one, other):
            here.begin()
        walls = [wall for wall, *_ in both.map(lambda here: _daemon(here, letters), (one, other))]
    rate = 2 * letters / max(walls)
    report.put("two.rate", rate, f"{rate:.1f} letters a second together")


def stages(report: Report, dovecot: Dovecot, sink: SmtpSink, model: str, letters: int) -> None:
    """Measure each stage by itself, and count what can be counted."""
    report.begin(
        f"stage by stage, {letters:,} letters, {model}",
        "one process with its worker does intake, triage and sending one after the other",
    )
    with place(dovecot, sink, model=model) as here:
        here.begin()
        here.fill(mail.letters(letters))
        found = run_part("stages", environment=here.environment)
    total = 0.0
    for name in ("intake", "triage", "sender"):
        own, worker = (found[name][part] / letters * 1000 for part in ("own_s", "worker_s"))
        total += own + worker
        beside = f" and {worker:.2f} in the worker" if worker > 0.05 else ""
        report.put(
            f"{model}.{name}_ms",
            own + worker,
            f"{name:<7} {own:.2f} ms CPU a letter{beside};"
            f" {letters / found[name]['wall_s']:.0f} letters a second",
        )
    report.put(f"{model}.stages_ms", total, f"together {total:.2f} ms CPU a letter")
    report.put(
        f"{model}.worker_start_s",
        found["worker_start_s"],
        f"the worker's start, once: {found['worker_start_s']:.2f} s CPU",
    )


def counts(report: Report, dovecot: Dovecot, sink: SmtpSink) -> None:
    """Count commits, statements, round trips and bytes a letter."""
    report.begin(
        f"counted, {COUNTED} letters", "the same three stages, over lines that count, SQL traced"
    )
    with place(dovecot, sink, counting=True) as here:
        here.begin()
        assert here.imap is not None
        assert here.smtp is not None
        # What making a connection takes is known by sending one letter, and not counted.
        before = here.smtp.traffic
        here.fill(mail.letters(1, start=COUNTED))
        run_part("stages", "count", environment=here.environment)
        once = here.smtp.traffic.since(before)
        count = here.fill(mail.letters(COUNTED))
        imap, smtp = here.imap.traffic, here.smtp.traffic
        found = run_part("stages", "count", environment=here.environment)
        imap, smtp = here.imap.traffic.since(imap), here.smtp.traffic.since(smtp)
    for name in ("intake", "triage", "sender"):
        commits, statements = (found[name][part] / count for part in ("commits", "statements"))
        report.figures[f"count.{name}_statements"] = statements
        report.put(
            f"count.{name}_commits",
            commits,
            f"{name:<7} {commits:.2f} commits and {statements:.1f} statements a letter",
        )
    report.put(
        "imap.round_trips",
        imap.round_trips / count,
        f"IMAP: {imap.round_trips} round trips, {imap.down / count / 1000:.1f} KB down a letter",
    )
    report.put(
        "smtp.round_trips",
        (smtp.round_trips - once.round_trips) / (count - 1),
        f"SMTP: {(smtp.round_trips - once.round_trips) / (count - 1):.2f} round trips a letter"
        f" on {smtp.connections} connection, {smtp.up / count / 1000:.1f} KB up a letter",
    )


def yardstick(report: Report, dovecot: Dovecot, letters: int) -> None:
    """Measure what the rate is compared with."""
    report.begin(
        f"the yardstick, {letters:,} letters",
        "IMAPClient as it comes, batches of 100, one SQLite commit a batch, nothing else",
    )
    account = dovecot.account()
    account.fill(mail.letters(letters))
    found = run_part("yardstick", str(dovecot.port), account.name)
    rate, each = letters / found["wall_s"], found["cpu_s"] / letters * 1000
    report.put("yardstick.rate", rate, f"{rate:.0f} letters a second")
    report.put("yardstick.cpu_ms", each, f"{each:.2f} ms CPU a letter")
