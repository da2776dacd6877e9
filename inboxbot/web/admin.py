"""For those who look after the service: is it well, and the safety stop."""

from datetime import timedelta

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from inboxbot import modes
from inboxbot.store import figures, settings
from inboxbot.store.settings import Mode
from inboxbot.web.site import db, me, now, site

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
    )


def problems() -> tuple[str, ...]:
    """Return what is wrong with the service, in sentences; as it was a few seconds ago."""
    check, seen = site().health, site().seen_health
    if check is None:
        return ()
    if seen.at is None or abs(now() - seen.at) > SEEN_FOR:
        seen.at, seen.problems = now(), check(db(), now())
    return seen.problems


@pages.post("/health/pause")
def pause() -> Response:
    """Stop all acknowledgements: a safety stop that everybody on the team has."""
    modes.set_mode(db(), Mode.PAUSED, who=me().name, now=now())
    return redirect(url_for("admin.health_page"), 303)


@pages.post("/health/resume")
def resume() -> Response:
    """Let acknowledgements leave again; what was held stays held."""
    modes.set_mode(db(), Mode.LIVE, who=me().name, now=now())
    return redirect(url_for("admin.health_page"), 303)
