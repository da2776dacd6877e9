"""The schema, as the list of steps that built it.

Rules: append only; never edit a step that has been released. A step is SQL alone: it uses no
code from elsewhere in inboxbot, for that code changes, and history does not. Each step and the
record of it commit together, or not at all.
"""

from collections.abc import Iterable

from inboxbot.errors import StoreError
from inboxbot.store.database import emptied, file_of, marker, write
from inboxbot.store.migrations import (
    administration,
    counts,
    decisions_and_outbox,
    desk,
    figures,
    limits,
    lists,
    models,
    notes_on_people,
    places_and_messages,
    reserved,
    reviews,
    search,
    staff,
    staff_work,
    templates,
    upkeep,
)
from inboxbot.store.sqlite import Database

STEPS = {
    "0001_places_and_messages": places_and_messages.SCRIPT,
    "0002_decisions_and_outbox": decisions_and_outbox.SCRIPT,
    "0003_reviews": reviews.SCRIPT,
    "0010_staff": staff.SCRIPT,
    "0011_staff_work": staff_work.SCRIPT,
    "0012_search": search.SCRIPT,
    "0013_desk": desk.SCRIPT,
    "0020_templates": templates.SCRIPT,
    "0030_upkeep": upkeep.SCRIPT,
    "0040_administration": administration.SCRIPT,
    "0050_models": models.SCRIPT,
    "0060_limits": limits.SCRIPT,
    "0070_figures": figures.SCRIPT,
    "0080_lists": lists.SCRIPT,
    "0081_notes_on_people": notes_on_people.SCRIPT,
    "0090_counts": counts.SCRIPT,
    "0091_reserved": reserved.SCRIPT,
}


def migrate(db: Database) -> list[str]:
    """Bring the schema up to date; return the names of the steps applied.

    Raises `StoreError` where the database was written by a newer program, or has lost the
    tables that it had: made anew, every letter would be new again.
    """
    check_not_newer(db)
    path = file_of(db)
    if marker(path).exists() and not applied(db):
        raise StoreError(emptied(path))
    with write(db):  # Two processes starting together: the second finds nothing to do.
        lacking = pending(db)
        apply(db, lacking)
    marker(path).touch(mode=0o600)
    return lacking


def apply(db: Database, names: Iterable[str]) -> None:
    """Apply steps, in the transaction that is open, and record each."""
    lacking = {name: STEPS[name] for name in names}
    if lacking:
        from inboxbot.store.migrations import applying

        applying.apply(db.conn, lacking)


def applied(db: Database) -> dict[str, str]:
    """Return the steps that this database has, and when each was applied; the oldest first.

    The record is sqlite-utils's, which is not loaded for reading it.
    """
    if "_sqlite_migrations" not in db.tables():
        return {}
    return dict(
        db.execute(
            "SELECT name, applied_at FROM _sqlite_migrations"
            " WHERE migration_set = 'inboxbot' ORDER BY id"
        )
    )


def pending(db: Database) -> list[str]:
    """Return the names of the steps that this database still lacks."""
    there = applied(db)
    return [name for name in STEPS if name not in there]


def check_not_newer(db: Database) -> None:
    """Raise `StoreError` where the database has steps that this program does not know."""
    unknown = sorted(applied(db).keys() - STEPS.keys())
    if unknown:
        raise StoreError(
            f"The database was written by a newer inboxbot (step {unknown[-1]}): install that "
            "version again, or restore the backup that was made before the upgrade."
        )
