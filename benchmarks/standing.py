"""What it costs while nothing happens, and to start: idle polls, the daemon, a command."""

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from benchmarks import mail
from benchmarks.measure import cpu_of_family, percentile, run
from benchmarks.place import Place, place, until
from benchmarks.report import Report
from inboxbot import opening, servers
from inboxbot.clock import utc_now
from inboxbot.mail import imap
from inboxbot.mail.imap import ImapMailbox
from inboxbot.watcher import Watcher
from tests.dovecot import Dovecot
from tests.smtp_sink import SmtpSink

POLLS = 100
LISTEN_S = 5
RENEW_EVERY_S = 0.9
HELPS = 20


def idle(report: Report, dovecot: Dovecot, sink: SmtpSink, old: int, key: str) -> None:
    """Measure a look at a mailbox in which nothing is new and `old` letters lie."""
    report.begin(
        f"idle poll, {old:,} old letters in the mailbox",
        f"a kept connection, Watcher.poll {POLLS} times over a line that counts; then {POLLS} times"
        " without it, CPU of its thread",
    )
    with place(dovecot, sink, counting=True) as here:
        assert here.imap is not None
        here.fill(_old(old))
        here.run("poll")
        configuration = here.configuration
        os.environ.update(here.environment)  # The watcher asks for its password there.
        box = configuration.mailbox[0]
        with opening.store(configuration) as db:
            with closing(Watcher(configuration, box, db, utc_now)) as watcher:
                watcher.poll()
                watcher.poll()
                before = here.imap.traffic
                for _ in range(POLLS):
                    watcher.poll()
                line = here.imap.traffic.since(before)
            # The threads of the line are in this process: they would be in each other's way.
            server = box.imap.model_copy(update={"port": dovecot.port})
            plain = box.model_copy(update={"imap": server})
            with closing(Watcher(configuration, plain, db, utc_now)) as watcher:
                times = _times(watcher)
        with ImapMailbox(servers.imap_settings(configuration, box)) as mailbox:
            mailbox.open()
            mailbox.can_wait()
            before, end, began = here.imap.traffic, time.monotonic() + LISTEN_S, time.thread_time()
            with _renewing_often():
                mailbox.wait(3600, lambda: time.monotonic() > end)
            waiting = (time.thread_time() - began) / LISTEN_S * 1000
            listened = here.imap.traffic.since(before)
    report.figures[f"idle.{key}letters"] = old
    report.put(
        f"idle.{key}round_trips",
        line.round_trips / POLLS,
        f"{line.round_trips / POLLS:g} round trips on {line.connections or 'the kept'} connection",
    )
    report.put(f"idle.{key}down", line.down / POLLS, f"{line.down / POLLS:.0f} bytes down")
    middle = percentile(times, 0.5) * 1000
    report.put(f"idle.{key}cpu_ms", middle, f"{middle:.2f} ms CPU (median of {POLLS})")
    # Without the beginning and the end of the whole wait.
    renewals = int(LISTEN_S / RENEW_EVERY_S)
    hourly = (listened.round_trips - 2) / renewals * 3600 / imap.IDLE_RENEWAL_S
    report.put(
        f"idle.{key}push_round_trips",
        hourly / 60,
        f"with IDLE, which is the default: {hourly:.2f} round trips an hour, about"
        f" {listened.down / renewals:.0f} bytes down each, {waiting:.2f} ms CPU a second",
    )


def _times(watcher: Watcher) -> list[float]:
    """Return the seconds of CPU of each of some looks on a kept connection."""
    watcher.poll()
    watcher.poll()
    times = []
    for _ in range(POLLS):
        began = time.thread_time()
        watcher.poll()
        times.append(time.thread_time() - began)
    return times


@contextmanager
def _renewing_often() -> Iterator[None]:
    """Let a wait be renewed every second instead of every half an hour."""
    usual, imap.IDLE_RENEWAL_S = imap.IDLE_RENEWAL_S, RENEW_EVERY_S
    try:
        yield
    finally:
        imap.IDLE_RENEWAL_S = usual


def _old(count: int) -> Iterator[bytes]:
    """Return small letters: what an idle poll costs does not depend on their size."""
    top = b"From: a@b.example\r\nTo: support@example.org\r\nSubject: old\r\n"
    return (top + b"Message-ID: <%d@b.example>\r\n\r\nold\r\n" % n for n in range(count))


def starting(report: Report, dovecot: Dovecot, sink: SmtpSink) -> None:
    """Measure what starting costs."""
    report.begin(
        "starting", "inboxbot run until its first good poll of an empty mailbox; inboxbot --help"
    )
    with place(dovecot, sink) as here:
        here.begin()
        spent = min(_first_poll(here) for _ in range(3))
        report.put("start.daemon_s", spent, f"daemon, start to first poll: {spent:.2f} s CPU")
        helps = [run(here.command("--help")) for _ in range(HELPS)]
    cpu = percentile([one.cpu_s for one in helps], 0.5)
    wall = percentile([one.wall_s for one in helps], 0.5)
    report.put("start.help_s", cpu, f"inboxbot --help: {cpu:.3f} s CPU, {wall:.3f} s (median)")


def _first_poll(here: Place) -> float:
    with here.store() as db:
        ask = "SELECT last_good_poll_at FROM mailbox"
        before = db.execute(ask).fetchone()
        with here.process("run") as daemon:
            until(lambda: db.execute(ask).fetchone() != before, 60, 0.005)
            return cpu_of_family(daemon.pid)


def explained(report: Report, dovecot: Dovecot, sink: SmtpSink, letters: int) -> None:
    """Measure `explain` over a folder."""
    report.begin(f"explain, a folder of {letters:,} files", "inboxbot explain --json FOLDER")
    with place(dovecot, sink) as here:
        folder = here.installation.folder / "letters"
        folder.mkdir()
        for number, raw in enumerate(mail.letters(letters)):
            (folder / f"{number:06}.eml").write_bytes(raw)
        # 1 says that some letters would not be acknowledged.
        done = run(
            here.command("explain", "--json", str(folder)), here.environment, memory=True,
            codes=(0, 1),
        )  # fmt: skip
    assert len(done.out.splitlines()) == letters
    each = done.cpu_s / letters * 1000
    report.put("explain.cpu_ms", each, f"{each:.2f} ms CPU a letter, start included")
    report.put("explain.rate", letters / done.wall_s, f"{letters / done.wall_s:.0f} files a second")
    report.put("explain.peak_mb", done.peak / 1024**2, f"{done.peak / 1024**2:.0f} MB (PSS)")
