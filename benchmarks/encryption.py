"""`python -m benchmarks.encryption [LETTERS]`: what an encrypted store costs beside a plain one.

Both lie on the same disk ($TMPDIR) and are filled and asked in turns, each part by a connection
of its own, as a page of the review app has.
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import mail
from inboxbot.store import backup, queue
from inboxbot.store.database import connect, create
from inboxbot.store.migrations import migrate
from inboxbot.store.queue import Listing, View
from inboxbot.store.search import narrowed
from inboxbot.store.sqlite import Database, Key, vacuum
from tests import letters
from tests.letters import Letter

TURNS = 30
STORES = {"plain": None, "encrypted": Key.of("store-key", "5a" * 32)}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Figures = dict[str, dict[str, float]]


def main(count: int) -> None:
    """Measure both, and print them side by side."""
    found: Figures = {}
    with TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name / "inboxbot.sqlite3" for name in STORES}
        for name, path in paths.items():
            with closing(create(path, STORES[name])) as db:
                migrate(db)
        filling = _in_turns(paths, partial(_fill, count=max(1, count // TURNS)))
        for name, times in filling.items():
            rate = count // TURNS / median(times)
            _note(found, "letters stored, a commit each, in a second", name, rate)
        for what, ask in ASKED.items():
            for name, times in _in_turns(paths, ask).items():
                _note(found, f"{what}, ms", name, 1000 * median(times))
        for name, path in paths.items():
            with closing(connect(path, STORES[name])) as db:
                size = path.stat().st_size / 2**20
                took = _timed(partial(backup.make, db, path.parent, NOW))
                _note(found, "backed up and verified, MB in a second", name, size / took)
                took = _timed(partial(vacuum, db))
                _note(found, "written anew, MB in a second", name, size / took)
                _note(found, "size, MB", name, size)
    print(f"{count} letters{'':36}{'plain':>10}{'encrypted':>10}")
    for what, by_store in found.items():
        plain, encrypted = by_store["plain"], by_store["encrypted"]
        print(f"{what:44} {plain:9.2f} {encrypted:9.2f}  x {encrypted / plain:.2f}")


def _in_turns(paths: dict[str, Path], ask: Callable[[Database], object]) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(TURNS):
        for name, path in paths.items():
            times[name].append(_timed(partial(_asked, path, STORES[name], ask)))
    return times


def _fill(db: Database, count: int) -> None:
    start = db.execute("SELECT count(*) FROM message").fetchone()[0]
    for raw in mail.letters(count, start=start):
        text = raw.decode("utf-8", "replace").partition("\r\n\r\n")[2][:2000]
        row = letters.add(db, Letter(raw=raw, text=text), NOW)
        db.execute(
            "INSERT INTO place (mailbox_id, uidvalidity, uid, state, message_id, first_seen_at)"
            " VALUES (1, 1, ?, 'ingested', ?, '')",
            [row, row],
        )


def _asked(path: Path, key: Key | None, ask: Callable[[Database], object]) -> None:
    with closing(connect(path, key)) as db:
        ask(db)


def _nothing(_db: Database) -> None:
    """Ask nothing."""


def _page(db: Database) -> None:
    queue.counts(db, staff="ana", now=NOW)
    queue.rows(db, Listing(view=View.EVERYTHING), staff="ana", now=NOW, limit=50)


def _search(db: Database) -> None:
    listing = narrowed(Listing(view=View.EVERYTHING), "riluzole", NOW)
    queue.rows(db, listing, staff="ana", now=NOW, limit=50)


def _whole(db: Database) -> None:
    for (content,) in db.execute("SELECT bytes FROM raw"):
        len(content)


ASKED: dict[str, Callable[[Database], object]] = {
    "opening the store": _nothing,
    "a page of the queue": _page,
    "a search": _search,
    "reading the bytes of every letter": _whole,
}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _note(found: Figures, what: str, name: str, value: float) -> None:
    found.setdefault(what, {})[name] = value


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
