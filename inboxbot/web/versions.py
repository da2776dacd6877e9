"""What changes a template that is sent: publish a draft, go back to an earlier version.

Whoever edits what somebody else has changed meanwhile sees both and what both started from, and
chooses; nothing is overwritten.
"""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import publishing, rehearsal
from inboxbot.errors import Conflict, TemplateError
from inboxbot.frozen import dataclass
from inboxbot.reply import merging
from inboxbot.reply.checks import Source
from inboxbot.reply.workbench import Change
from inboxbot.store import templates
from inboxbot.store.templates import Version
from inboxbot.web import bench as benches
from inboxbot.web.bench import Bench, Changes, acknowledger, bench, both_parts, folded, library
from inboxbot.web.site import db, me, now, site
from inboxbot.web.templates import keep, number
from inboxbot.web.words import _

pages = Blueprint("versions", __name__)

LAST = 20
SHOWN = 50
WHY_LIMIT = 500


@pages.get("/templates/<name>/<language>/publish")
def review(name: str, language: str) -> str | AnyResponse:
    """Show what would change, and ask why."""
    here = bench(name, language)
    if here.draft is None:
        return redirect(url_for("templates.edit", **here.at))
    return _review(here)


def _review(here: Bench, wrong: str = "") -> str:
    live = here.live or Source("")
    return render_template(
        "template_publish.html",
        here=here,
        found=benches.problems(here, here.source),
        warnings=benches.warnings(here, here.source),
        changes=both_parts(live, here.source),
        waiting=templates.waiting(db(), here.name),
        alone=here.language.code in library().enabled(),
        below=[
            _(each.english)
            for each in library().languages()
            if each.code != here.language.code
            and library().written_in(each.code) == here.language.code
        ],
        may_publish=benches.may_publish(),
        why=request.form.get("why", ""),
        wrong=wrong,
    )


@pages.post("/templates/<name>/<language>/publish")
def publish(name: str, language: str) -> AnyResponse | tuple[str, int]:
    """Make the person's draft the version that is sent."""
    here = bench(name, language)
    draft = here.draft
    why = request.form.get("why", "").strip()[:WHY_LIMIT]
    if draft is None:
        raise Conflict(_("There is no draft any more: it was published or thrown away."))
    ticked = all(
        f"seen-{index}" in request.form
        for index, _text in enumerate(benches.warnings(here, here.source))
    )
    if draft.revision != number("revision"):
        return _review(here, _("The draft was changed meanwhile. Please look again.")), 409
    if not why:
        return _review(here, _("Say in a few words why: the next person will be glad of it.")), 422
    if not ticked:
        return _review(here, _("Tick each point below when you have looked at it.")), 422
    if not benches.may_publish():
        return _review(here, _("There is no folder of templates to write into.")), 422
    try:
        version = publishing.publish(
            db(),
            library(),
            name,
            language,
            here.source,
            who=me().name,
            comment=why,
            based_on=draft.based_on,
            now=now(),
        )
    except Conflict:
        publishing.sync_one(db(), library(), name, language, now())
        return _both(bench(name, language)), 409
    except TemplateError as error:
        return _review(bench(name, language), str(error)), 422
    return _to_history(here, version, before=here.seen)


def _to_history(here: Bench, version: Version, *, before: int) -> AnyResponse:
    return redirect(
        url_for("versions.history", **here.at, done=version.number, before=before or None), 303
    )


@pages.get("/templates/<name>/<language>/both")
def both(name: str, language: str) -> str | AnyResponse:
    """Show what somebody else published, what the draft says, and what both started from."""
    here = bench(name, language)
    if not here.moved:
        return redirect(url_for("templates.edit", **here.at))
    return _both(here)


def _both(here: Bench) -> str:
    live, base = here.live or Source(""), _base(here)
    return render_template(
        "template_both.html",
        here=here,
        theirs=both_parts(base, live),
        mine=both_parts(base, here.source),
        merged=_merged(here) is not None,
    )


def _base(here: Bench) -> Source:
    """Return the version that the draft started from; where it has none, the built-in one."""
    version = templates.get(db(), here.name, here.language.code, here.based_on)
    if version is not None:
        return Source(version.text, version.html)
    return library().built_in(here.name, here.language.code) or Source("")


def _merged(here: Bench) -> Source | None:
    base, live = _base(here), here.live or Source("")
    text = merging.merged(base.text, live.text, here.source.text)
    html = merging.merged(base.html or "", live.html or "", here.source.html or "")
    return None if text is None or html is None else Source(text, html or None)


@pages.post("/templates/<name>/<language>/both")
def choose(name: str, language: str) -> AnyResponse | tuple[str, int]:
    """Go on with one's own text, with theirs, or with both changes put together."""
    here = bench(name, language)
    if here.draft is None:
        return redirect(url_for("templates.edit", **here.at), 303)
    wanted = request.form.get("do", "")
    if number("seen") != here.seen or number("revision") != here.draft.revision:
        return _both(here), 409
    if wanted == "theirs":
        return redirect(url_for("templates.discard", **here.at), 307)
    chosen = _merged(here) if wanted == "merge" else here.source
    if chosen is None:
        return _both(here), 409
    keep(here, chosen, based_on=here.seen, revision=here.draft.revision)
    return redirect(url_for("templates.edit", **here.at), 303)


@dataclass(frozen=True, slots=True)
class Row:
    """A version in the history: what it changed, and how often it was sent."""

    version: Version
    changes: Changes
    sent: int


@pages.get("/templates/<name>/<language>/history")
def history(name: str, language: str) -> str:
    """Show every version: who, when, why, what; each can be sent again."""
    return _history(bench(name, language))


def _history(here: Bench, wrong: str = "") -> str:
    versions = templates.history(db(), here.name, here.language.code)
    built_in = library().built_in(here.name, here.language.code)
    first = built_in or Source("")
    rows = []
    for at, version in enumerate(versions[:SHOWN]):
        older = versions[at + 1] if at + 1 < len(versions) else None
        before = Source(older.text, older.html) if older else first
        rows.append(
            Row(
                version,
                both_parts(before, Source(version.text, version.html)),
                templates.times_sent(db(), version),
            )
        )
    done, before_it = request.args.get("done", ""), request.args.get("before", "")
    live = here.version
    return render_template(
        "template_history.html",
        here=here,
        rows=rows,
        more=len(versions) > SHOWN,
        has_built_in=built_in is not None,
        done=live if live is not None and done == str(live.number) else None,
        before=next((each for each in versions if str(each.number) == before_it), None),
        may_publish=benches.may_publish(),
        wrong=wrong,
    )


@pages.post("/templates/<name>/<language>/rollback")
def roll_back(name: str, language: str) -> AnyResponse | tuple[str, int]:
    """Send an earlier version again, as a new one."""
    here = bench(name, language)
    if not benches.may_publish():
        return _history(here, _("There is no folder of templates to write into.")), 422
    if number("live") != here.seen:
        return _history(here, _("Another version went live meanwhile. Please look again.")), 409
    try:
        version = publishing.roll_back(
            db(), library(), name, language, number("to"), who=me().name, now=now()
        )
    except TemplateError as error:
        return _history(here, str(error)), 422
    return _to_history(here, version, before=here.seen)


@pages.get("/templates/<name>/<language>/what-if")
def what_if(name: str, language: str) -> str:
    """Show what the draft would have said to the last letters; nothing is sent."""
    here = bench(name, language)
    sound = benches.preview(here, here.source, benches.reader(here, "")) is not None
    changes = (
        rehearsal.what_if(
            db(),
            acknowledger(),
            here.name,
            here.language.code,
            live=here.live,
            draft=here.source,
            zone=site().zone,
            limit=LAST,
        )
        if sound
        else []
    )
    return render_template(
        "template_what_if.html",
        here=here,
        sound=sound,
        count=len(changes),
        changed=sum(change.changed for _at, change in changes),
        groups=_groups([change for _at, change in changes]),
    )


@dataclass(frozen=True, slots=True)
class Group:
    """Letters that would be answered in the same other words; the first of them is shown."""

    letters: list[int]
    change: Change
    changes: Changes


def _groups(changes: list[Change]) -> list[Group]:
    groups: dict[object, Group] = {}
    for change in changes:
        lines = folded(change.before, change.after)
        other = tuple(
            piece
            for line in lines
            if not isinstance(line, int)
            for piece in line
            if piece.kind != "same"
        )
        group = groups.setdefault((other, change.error), Group([], change, [("text", lines)]))
        group.letters.append(change.letter)
    return sorted(groups.values(), key=lambda group: not group.change.changed)
