"""For those who look after the service: is it well, and the safety stop."""

import shutil
from datetime import datetime, timedelta
from importlib.metadata import version

from flask import Blueprint, redirect, render_template, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from inboxbot import modes
from inboxbot.frozen import dataclass
from inboxbot.health import Health
from inboxbot.lately import lately
from inboxbot.store import audit, backup, figures, settings
from inboxbot.store.audit import Narrowed
from inboxbot.store.settings import Mode
from inboxbot.web import diagnostics, roles
from inboxbot.web.site import SeenHealth, db, me, now, site

pages = Blueprint("admin", __name__)

SEEN_FOR = timedelta(seconds=10)


@pages.get("/health")
def health_page() -> str:
    """Say in plain words how the service is doing."""
    return render_template(
        "health.html",
        problems=problems(),
        figures=figures.figures(db()),
        mode=settings.mode(db()),
        before_pause=settings.before_pause(db()),
        mode_set=next(audit.entries(db(), Narrowed(what="mode"), limit=1), None),
        machine=machine(),
        happened=lately(db(), diagnostics.LAST),
        diagnostics=_diagnostics() if roles.allowed("admin.diagnostics_file", me().role) else "",
    )


@pages.get("/health/diagnostics")
def diagnostics_file() -> Response:
    """Return the diagnostics as a file: what the page shows to copy."""
    response = FlaskResponse(_diagnostics(), mimetype="text/plain")
    name = f"inboxbot-diagnostics-{now():%Y%m%dT%H%M%SZ}.txt"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _diagnostics() -> str:
    found = site().in_force
    return diagnostics.text(
        db(),
        diagnostics.Known(
            health=Health(settings.mode(db()), problems(), figures.figures(db())),
            sections=found.sections if found else (),
            store=site().store,
            now=now(),
        ),
    )


@dataclass(frozen=True, slots=True)
class Machine:
    """What the page says of the machine; sizes are in MB."""

    version: str
    database_mb: int
    free_mb: int
    backup_verified_at: datetime | None


def machine() -> Machine:
    """Look at the files of the store."""
    store = site().store
    return Machine(
        version=version("inboxbot"),
        database_mb=store.stat().st_size // 2**20,
        free_mb=shutil.disk_usage(store.parent).free // 2**20,
        backup_verified_at=settings.get_moment(db(), backup.VERIFIED_AT),
    )


def problems() -> tuple[str, ...]:
    """Return what is wrong with the service, in sentences; as it was a few seconds ago."""
    check, mailboxes = site().health, me().limited_to
    if check is None:
        return ()
    seen = site().seen_health.get(mailboxes)
    if seen is None or abs(now() - seen.at) > SEEN_FOR:
        seen = SeenHealth(now(), check(db(), now()))
        site().seen_health[mailboxes] = seen
    return seen.problems


@pages.post("/health/pause")
def pause() -> Response:
    """Stop all acknowledgements: a safety stop that everybody on the team has."""
    modes.set_mode(db(), Mode.PAUSED, who=me().name, now=now())
    return redirect(url_for("admin.health_page"), 303)


@pages.post("/health/resume")
def resume() -> Response:
    """End the safety stop; what was held stays held."""
    modes.resume(db(), who=me().name, now=now())
    return redirect(url_for("admin.health_page"), 303)
