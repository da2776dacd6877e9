"""The folder and the database tell one truth: what is sent, and every version there ever was.

An edit by hand becomes a version by "file"; a published edit becomes a file. A version is
recorded as pending before its file is written, so that stopping in between is finished at the
next pass. Whoever edits what somebody else has changed meanwhile is asked, never overruled.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from inboxbot import events
from inboxbot.counted import counted
from inboxbot.errors import Conflict, InboxbotError, TemplateError
from inboxbot.reply.checks import Source, problems
from inboxbot.reply.folder import ALL_NAMES
from inboxbot.reply.library import Library, version_of
from inboxbot.store import alerts, audit, templates
from inboxbot.store.database import write
from inboxbot.store.sqlite import Database
from inboxbot.store.templates import Version

BY_HAND = "file"
BUILT_IN = 0
"""The number of what there is before any version."""


def publish(
    db: Database,
    library: Library,
    name: str,
    language: str,
    source: Source,
    *,
    who: str,
    comment: str,
    based_on: int,
    now: datetime,
) -> Version:
    """Make a source the one that is sent; `based_on` is the version that it was edited from.

    Raises `TemplateError` where it has a problem or cannot be written, and `Conflict` where
    another version went live meanwhile (also by hand): show both, and the one before.
    """
    if name not in ALL_NAMES:
        raise TemplateError(f"There is no template “{name}”.")
    found = problems(name, library.language(language), source)
    if found:
        raise TemplateError(
            counted(
                "The template has {} problem and cannot be published.",
                "The template has {} problems and cannot be published.",
                len(found),
            )
        )
    with write(db):
        _settle(db, library, name, language, now)
        current = templates.live(db, name, language)
        if (current.number if current else 0) != based_on:
            raise Conflict("Another version was published meanwhile.")
        version = _record(db, name, language, source, who, comment, "pending", now)
    try:
        library.save(name, language, source)
    except TemplateError:
        with write(db):  # Whoever published was told: it is not done behind their back later.
            templates.give_up(db, version)
        raise
    with write(db):
        templates.go_live(db, version)
        templates.discard_draft(db, name, language, who)
        audit.add(db, who, "published template", now, detail=_place(version))
    events.template_published(name, language, version.number)
    return templates.get(db, name, language, version.number) or version


def roll_back(
    db: Database,
    library: Library,
    name: str,
    language: str,
    number: int,
    *,
    who: str,
    now: datetime,
) -> Version:
    """Publish an earlier version again, as a new one; 0 is the built-in. Raises like `publish`."""
    earlier = templates.get(db, name, language, number)
    source = Source(earlier.text, earlier.html) if earlier else None
    if number == BUILT_IN:
        source = library.built_in(name, language)
    if source is None:
        raise TemplateError("There is no such version.")
    sync_one(db, library, name, language, now)
    current = templates.live(db, name, language)
    return publish(
        db,
        library,
        name,
        language,
        source,
        who=who,
        comment=f"Back to version {number}" if number != BUILT_IN else "Back to the built-in reply",
        based_on=current.number if current else 0,
        now=now,
    )


def sync(db: Database, library: Library, now: datetime) -> int:
    """Record what was edited by hand, finish what was begun, raise and end the alarms.

    Returns how many versions are new. Cheap where nothing has changed.
    """
    new = sum(
        sync_one(db, library, name, language.code, now)
        for language in library.languages()
        for name in ALL_NAMES
    )
    _alarms(db, library, now)
    return new


def sync_one(db: Database, library: Library, name: str, language: str, now: datetime) -> bool:
    """Do it for one template; say whether there is a new version by hand."""
    source, built_in = library.source(name, language)
    current = templates.live(db, name, language)
    same = current is not None and source is not None and current.fingerprint == version_of(source)
    if templates.pending(db, name, language) is None and (same or built_in or source is None):
        return False
    with write(db):
        return _settle(db, library, name, language, now)


def recall(
    open_db: Callable[[], AbstractContextManager[Database]],
) -> Callable[[str, str], Source | None]:
    """Return what a `Library` asks for the last good version of a file that is broken."""

    def last_good(name: str, language: str) -> Source | None:
        try:
            with open_db() as db:
                version = templates.live(db, name, language)
        except InboxbotError:
            return None  # There is no database yet: the built-in template has to do.
        return Source(version.text, version.html) if version else None

    return last_good


def _settle(db: Database, library: Library, name: str, language: str, now: datetime) -> bool:
    """Bring one template's rows in line with its file, within the caller's transaction."""
    begun = templates.pending(db, name, language)
    current = templates.live(db, name, language)
    source, built_in = library.source(name, language)
    on_disk = version_of(source) if source is not None and not built_in else ""
    if begun is not None:
        before = current.fingerprint if current else ""
        if on_disk == before and on_disk != begun.fingerprint:
            # We stopped before the file was written: write it now.
            library.save(name, language, Source(begun.text, begun.html))
            on_disk = begun.fingerprint
        if on_disk == begun.fingerprint:
            templates.go_live(db, begun)
            return False
        templates.give_up(db, begun)
    if not on_disk or source is None or (current and current.fingerprint == on_disk):
        return False
    comment = "Edited in the folder" if current else "As found in the folder"
    version = _record(db, name, language, source, BY_HAND, comment, "live", now)
    if current:  # What a fresh installation finds is no news.
        audit.add(db, BY_HAND, "edited template", now, detail=_place(version))
        events.template_published(name, language, version.number)
    return True


def _record(
    db: Database,
    name: str,
    language: str,
    source: Source,
    who: str,
    comment: str,
    state: str,
    now: datetime,
) -> Version:
    return templates.add(
        db,
        name,
        language,
        text=source.text,
        html=source.html,
        fingerprint=version_of(source),
        who=who,
        comment=comment,
        state=state,
        now=now,
    )


def _place(version: Version) -> str:
    return f"{version.language}/{version.name} version {version.number}"


def _alarms(db: Database, library: Library, now: datetime) -> None:
    """One alert for each broken file, for as long as it is broken."""
    broken = {problem.file for problem in library.check()}
    known = {alert.detail for alert in alerts.unfinished(db) if alert.code is alerts.Code.TEMPLATE}
    if broken == known:
        return
    with write(db):
        for file in sorted(broken - known):
            alerts.open_alert(db, alerts.Code.TEMPLATE, now, detail=file)
            events.template_broken(file)
        for file in sorted(known - broken):
            alerts.end(db, alerts.Code.TEMPLATE, now, detail=file)
