"""A store that was used for years: its pages over HTTP, its export, its retention, its growth.

The store is filled by SQL with copies of a few hundred letters of many kinds, nearly all done,
from people who wrote some forty letters each. A letter's copy holds a short text and small bytes,
so that a million fit; what is measured (pages, search, a further letter) does not read the bytes
of others.
"""

import http.client
import json
import math
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime

from benchmarks import mail
from benchmarks.measure import MIB, cpu_of_family, memory_of_family, percentile, run, run_part
from benchmarks.place import Place, place, until
from benchmarks.report import OUTPUT, Report
from inboxbot import accounts
from inboxbot.store import searches, users
from inboxbot.store.database import write
from inboxbot.store.users import Purpose, Role, Stage
from inboxbot.web.auth import COOKIE
from tests import copies, letters
from tests.dovecot import Dovecot
from tests.smtp_sink import SmtpSink, free_port

SEEDS = 240
ROUNDS = 200
FURTHER = 100
PAGES = {
    "queue": "/queue",
    "everything": "/queue?view=everything",
    "further": "/queue?view=everything&after={middle}",
    "search": "/queue?sort=newest&s={common}",
    "rare": "/queue?sort=newest&s={rare}",
    "letter": "/m/{middle}",
}
# A word of every sixth letter, and one of fifty letters in a million.
WORDS = {"common": "mexiletine", "rare": "case7123"}


def grow(report: Report, dovecot: Dovecot, sink: SmtpSink, sizes: Sequence[int]) -> None:
    """Measure the same things with more and more letters in the store."""
    rows = []
    for size in sizes:
        report.begin(
            f"a store of {size:,} letters",
            f"inboxbot web, one connection, {ROUNDS} times each page; {FURTHER} further letters"
            " by the three stages; person export; retention --dry-run",
        )
        port = free_port()
        with place(dovecot, sink, web_port=port) as here:
            here.begin()
            count = _fill(here, size)
            rows.append({"letters": count, **_one(report, here, port, size)})
    _tell(report, rows)


def _fill(here: Place, size: int) -> int:
    with here.store() as db:
        # Work that every letter of a real store has paid for one by one; see the module's text.
        letters.a_few_hundred(db, datetime.now(UTC), SEEDS)
        copies.multiply(db, max(1, round(size / SEEDS)))
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return int(db.execute("SELECT count(*) FROM message").fetchone()[0])


def _one(report: Report, here: Place, port: int, size: int) -> dict[str, float]:
    report.figures["pages.letters"] = size
    found: dict[str, float] = {"disk_mb": here.installation.store.stat().st_size / 1e6}
    for name, times in _pages(report, here, port).items():
        p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
        found |= {f"{name}_p50": p50, f"{name}_p99": p99}
        report.put(f"pages.{name}_p99", p99, f"{name:<11} p50 {p50:5.1f} ms, p99 {p99:5.1f} ms")
    found |= _commands(report, here)
    here.fill(mail.letters(FURTHER))
    stages = run_part("stages", environment=here.environment)
    spent = sum(stages[name][part] for name in ("intake", "triage", "sender")
                for part in ("own_s", "worker_s"))  # fmt: skip
    found["letter_ms"] = spent / FURTHER * 1000
    report.say(f"   a further letter: {found['letter_ms']:.2f} ms CPU")
    return found


def _is_idle(pid: int) -> bool:
    """Say whether a process used next to no CPU for half a second."""
    before = cpu_of_family(pid)
    time.sleep(0.5)
    return cpu_of_family(pid) - before < 0.02


def _pages(report: Report, here: Place, port: int) -> dict[str, list[float]]:
    """Return how long each page took in milliseconds, as one browser sees it."""
    token, last, words = _signed_in(here)
    headers = {"Cookie": f"{COOKIE}={token}", "Host": f"127.0.0.1:{port}"}
    found: dict[str, list[float]] = {}
    with (
        here.process("web") as web,
        closing(http.client.HTTPConnection("127.0.0.1", port)) as client,
    ):
        until(lambda: _answers(port), 60)
        # Beside its work it looks at all templates, once.
        until(lambda: _is_idle(web.pid), 60, every_s=0)
        for name, path in PAGES.items():
            times = []
            spent = 0.0
            for number in range(ROUNDS + 5):
                spent = spent if number != 5 else cpu_of_family(web.pid)
                at = last * (number % 97 + 1) // 100
                began = time.perf_counter()
                client.request("GET", path.format(middle=at, **words), headers=headers)
                answer = client.getresponse()
                body = answer.read()
                times.append((time.perf_counter() - began) * 1000)
                if answer.status != 200:
                    raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
            found[name] = times[5:]
            each = (cpu_of_family(web.pid) - spent) / ROUNDS * 1000
            report.put(f"pages.{name}_cpu_ms", each, f"{name:<11} {each:.1f} ms CPU")
        held = memory_of_family(web.pid) / MIB
        report.put("web.peak_mb", held, f"the review app holds {held:.0f} MB (PSS)")
    return found


def _signed_in(here: Place) -> tuple[str, int, dict[str, str]]:
    now = datetime.now(UTC)
    with here.store() as db:
        accounts.add_user(db, "bea", Role.STAFF, who="bench", now=now, purpose=Purpose.PASSWORD)
        user = users.named(db, "bea")
        assert user is not None
        with write(db):
            token = users.open_session(db, user.id, Stage.OPEN, "bench", now)
            words = {name: searches.add(db, "bea", text, now) for name, text in WORDS.items()}
        return token, int(db.execute("SELECT max(id) FROM message").fetchone()[0]), words


def _answers(port: int) -> bool:
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as client:
            client.request("GET", "/")
            return client.getresponse().status < 500
    except OSError:
        return False


def _commands(report: Report, here: Place) -> dict[str, float]:
    target = here.installation.folder / "person.zip"
    export = run(
        here.command("person", "export", "person7@example.net", "--to", str(target)),
        here.environment,
        memory=True,
    )
    dry = run(
        here.command("retention", "run", "--dry-run", "--json"), here.environment, memory=True
    )
    held = max(export.peak, dry.peak) / 1024**2
    report.put(
        "export.cpu_s",
        export.cpu_s,
        f"export of one person in {SEEDS // 4}: {export.cpu_s:.2f} s CPU,"
        f" {target.stat().st_size / 1e6:.1f} MB",
    )
    report.put(
        "retention.cpu_s",
        dry.cpu_s,
        f"retention --dry-run: {dry.cpu_s:.2f} s CPU; either at most {held:.0f} MB (PSS)",
    )
    return {"export_s": export.cpu_s, "retention_s": dry.cpu_s}


def _tell(report: Report, rows: list[dict[str, float]]) -> None:
    report.say("\n== How cost grows with the letters in the store")
    columns = {
        "letters": "letters",
        "disk_mb": "disk MB",
        "letter_ms": "ms a further letter",
        "queue_p99": "queue p99",
        "search_p99": "search p99",
        "letter_p99": "letter p99",
        "export_s": "export s",
        "retention_s": "retention s",
    }
    report.say("   " + " | ".join(columns.values()))
    for row in rows:
        report.say("   " + " | ".join(
            f"{row[key]:>{len(title)},.{0 if key in ('letters', 'disk_mb') else 2}f}"
            for key, title in columns.items()
        ))  # fmt: skip
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "growth.json").write_text(json.dumps(rows, indent=1) + "\n")
    path = OUTPUT / "growth.svg"
    path.write_text(plot(rows))
    report.say(f"   drawn in {path}")


COLOURS = {"letter_ms": "#0b6e6e", "queue_p99": "#b4540a", "search_p99": "#5a3da8"}
NAMES = {
    "letter_ms": "a further letter, ms CPU",
    "queue_p99": "queue page, p99 ms",
    "search_p99": "word search, p99 ms",
}
WIDTH, HEIGHT, EDGE = 640, 360, 60


def plot(rows: list[dict[str, float]]) -> str:
    """Return a picture of how cost grows: flat is good; letters on a logarithmic scale."""
    top = max(row[key] for row in rows for key in COLOURS) * 1.15 or 1
    logs = [math.log10(row["letters"]) for row in rows]
    low, span = min(logs), (max(logs) - min(logs)) or 1

    def x(value: float) -> float:
        return EDGE + (math.log10(value) - low) / span * (WIDTH - 2 * EDGE)

    def y(value: float) -> float:
        return HEIGHT - EDGE - value / top * (HEIGHT - 2 * EDGE)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for step in range(5):
        value = top * step / 4
        parts.append(
            f'<line x1="{EDGE}" x2="{WIDTH - EDGE}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
            f' stroke="#ddd"/><text x="{EDGE - 6}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{value:.1f}</text>"
        )
    for row in rows:
        parts.append(
            f'<text x="{x(row["letters"]):.1f}" y="{HEIGHT - EDGE + 18}" text-anchor="middle">'
            f"{row['letters']:,.0f}</text>"
        )
    for number, (key, colour) in enumerate(COLOURS.items()):
        points = " ".join(f"{x(row['letters']):.1f},{y(row[key]):.1f}" for row in rows)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{EDGE + 8}" y="{EDGE - 28 + 16 * number}" fill="{colour}">'
            f"{NAMES[key]}</text>"
        )
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">letters in the store</text>'
    )
    return "\n".join([*parts, "</svg>", ""])
