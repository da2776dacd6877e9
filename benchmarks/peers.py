"""The peers in the same run: django-helpdesk and django-mailbox, in an environment of their own."""

import json
import sys
from pathlib import Path

from benchmarks import mail
from benchmarks.measure import ROOT, run
from benchmarks.place import scratch
from benchmarks.report import Report
from tests import dovecot as dovecot_server
from tests import smtp_sink
from tests.dovecot import Dovecot
from tests.smtp_sink import SmtpSink

FOLDER = ROOT / "build" / "peers"
PACKAGES = ("django-helpdesk==2.6.1", "django-mailbox==4.10.1")
PEERS = {"helpdesk": "django-helpdesk", "mailbox": "django-mailbox"}
KEYS = {"helpdesk": "helpdesk", "mailbox": "django_mailbox"}


def measure(report: Report, dovecot: Dovecot, sink: SmtpSink, letters: int) -> None:
    """Measure each peer on its own mailbox of the same letters; say so where it cannot be had."""
    report.begin(
        f"peers, {letters} letters",
        "their own function fetches, records and acknowledges each, to SQLite as they set it up;"
        " CPU of that function alone, without their start",
    )
    python = _python(report)
    if python is None:
        return
    for peer, name in PEERS.items():
        account = dovecot.account()
        account.fill(mail.letters(letters))
        taken = len(sink.accepted)
        with scratch() as folder:
            done = run(
                [
                    str(python),
                    str(ROOT / "benchmarks" / "peer.py"),
                    peer,
                    str(folder),
                    str(dovecot.port),
                    account.name,
                    dovecot_server.PASSWORD,
                    str(sink.port),
                    smtp_sink.USER,
                    smtp_sink.PASSWORD,
                ]
            )
        found = json.loads(done.out.splitlines()[-1])
        answered = len(sink.accepted) - taken
        if (found["letters"], answered) != (letters, letters):
            report.say(f"   {name}: {found['letters']} recorded, {answered} acknowledged: not used")
            continue
        rate, each = letters / found["wall_s"], found["cpu_s"] / letters * 1000
        report.put(f"{KEYS[peer]}.rate", rate, f"{name}: {rate:.1f} letters a second")
        report.put(f"{KEYS[peer]}.cpu_ms", each, f"{name}: {each:.2f} ms CPU a letter")


def _python(report: Report) -> Path | None:
    """Return the Python of the peers' environment, made if need be; None where it cannot be."""
    python = FOLDER / "bin" / "python"
    if (FOLDER / ".ready").exists():
        return python
    try:
        run([sys.executable, "-m", "venv", str(FOLDER)])
        run([str(python), "-m", "pip", "install", "--quiet", *PACKAGES])
    except (RuntimeError, OSError):
        report.say("   The peers cannot be installed here: no figure of theirs in this run.")
        return None
    (FOLDER / ".ready").touch()
    return python
