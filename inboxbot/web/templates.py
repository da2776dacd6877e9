"""The administrators' workbench: all templates, and the editor of one.

Whatever is typed is kept as the person's own draft first; then it is checked and shown. Nothing
here changes what is sent: that is `inboxbot.web.versions`.
"""

from contextlib import suppress
from datetime import timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import publishing
from inboxbot.errors import Conflict, TemplateError
from inboxbot.reply import workbench
from inboxbot.reply.checks import Source
from inboxbot.reply.folder import ALL_NAMES, FileProblem
from inboxbot.reply.samples import SAMPLES
from inboxbot.reply.template import TITLES
from inboxbot.store import alerts, templates, test_mails
from inboxbot.store.database import write
from inboxbot.store.templates import Draft
from inboxbot.web import bench as benches
from inboxbot.web import formatted, headers, refused, roles
from inboxbot.web.bench import Bench, bench, library
from inboxbot.web.site import db, me, now, site
from inboxbot.web.words import _

pages = Blueprint("templates", __name__)

COUNTED = timedelta(days=30)
VIEWS = {"text": "Text", "html": "HTML", "phone": "Phone", "dark": "Dark"}


@pages.get("/templates")
def listed() -> str:
    """Show every template in every language, and what is wrong with any."""
    shelf = library()
    cells = shelf.matrix()
    return render_template(
        "templates.html",
        names=ALL_NAMES,
        titles=TITLES,
        languages=sorted(shelf.languages(), key=lambda each: (each.code not in shelf.enabled(),)),
        enabled=shelf.enabled(),
        cells=cells,
        live={(each.name, each.language): each for each in templates.all_live(db())},
        drafts=_by_cell(templates.all_drafts(db())),
        sent=templates.sent_since(db(), now() - COUNTED),
        broken=shelf.check(),
        place=_place,
        since={
            each.detail: each.at
            for each in alerts.unfinished(db())
            if each.code is alerts.Code.TEMPLATE
        },
        may_publish=benches.may_publish(),
    )


def _by_cell(drafts: list[Draft]) -> dict[tuple[str, str], list[Draft]]:
    cells: dict[tuple[str, str], list[Draft]] = {}
    for draft in drafts:
        cells.setdefault((draft.name, draft.language), []).append(draft)
    return cells


def _place(problem: FileProblem) -> dict[str, str] | None:
    """Return which template a broken file is, or None for one that belongs to none."""
    language, _, file = problem.file.partition("/")
    name = file.partition(".")[0]
    known = language in {each.code for each in library().languages()}
    return {"name": name, "language": language} if known and name in ALL_NAMES else None


@pages.get("/templates/<name>/<language>")
def edit(name: str, language: str) -> str:
    """Show the editor, with the person's own draft where there is one."""
    return editor(bench(name, language))


def editor(here: Bench, **more: object) -> str:
    """Return the editor; `more` is what a form of it has to say."""
    chosen = request.values
    person = benches.reader(here, chosen.get("who", ""))
    view, part = chosen.get("view", ""), chosen.get("part", "")
    values = {
        **benches.panel(here, here.source, person),
        "broken": benches.broken(here),
        "samples": SAMPLES,
        "past": benches.past_letters(here),
        "values": workbench.values(),
        "view": view if view in VIEWS else "text",
        "views": VIEWS,
        "part": part if part in ("text", "html") else "text",
        "may_publish": benches.may_publish(),
        "can_download": bool(site().identities),
        "can_test": bool(site().identities) and roles.allowed("trying.send", me().role),
        "tested": _tested(here),
    }
    return render_template("template.html", **(values | more))


@pages.post("/templates/<name>/<language>")
def save(name: str, language: str) -> AnyResponse | tuple[str, int] | str:
    """Keep what was typed as a draft, then check it, and go where the button says."""
    _record_edits(name, language)
    here = bench(name, language)
    typed = written()
    wanted = request.form.get("do", "")
    if wanted.startswith("fix:"):
        typed = benches.mended(here, typed, wanted.removeprefix("fix:"))
    try:
        keep(here, typed, based_on=number("based_on"), revision=number("revision"))
    except Conflict:
        changes = benches.both_parts(here.source, typed)
        page = render_template("template_two.html", here=here, typed=typed, changes=changes)
        return page, 409
    here = bench(name, language)
    if "panel" in request.form:
        person = benches.reader(here, request.form.get("who", ""))
        return render_template("template_panel.html", **benches.panel(here, typed, person))
    if wanted == "publish":
        return redirect(url_for("versions.review", **here.at), 303)
    chosen: dict[str, Any] = {
        key: request.form[key] for key in ("who", "view", "part") if request.form.get(key)
    }
    return redirect(url_for("templates.edit", **here.at, **chosen), 303)


def _tested(here: Bench) -> test_mails.TestMail | None:
    """Return the person's test mail of this template, where it was the last one."""
    mail = test_mails.newest(db()) if "tested" in request.args else None
    mine = mail is not None and (mail.staff, mail.template) == (me().name, here.name)
    return mail if mine else None


def _record_edits(name: str, language: str) -> None:
    """Let an edit in the folder become a version before anybody builds on it."""
    here = bench(name, language)
    with suppress(TemplateError):  # A folder that cannot be written keeps no draft away.
        publishing.sync_one(db(), library(), here.name, here.language.code, now())


def written() -> Source:
    """Return the text and the HTML that a form brought; without HTML it is made from the text."""
    text, html = (
        request.form.get(part, "").replace("\r\n", "\n").replace("\r", "\n")
        for part in ("text", "html")
    )
    return Source(text, html if html.strip() else None)


def number(name: str) -> int:
    """Return a number of the form; 0 where there is none."""
    text = request.form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def keep(here: Bench, typed: Source, *, based_on: int, revision: int) -> None:
    """Keep a text as the person's draft. Raises `Conflict` where a newer one is kept already."""
    same = here.draft is not None and here.source == typed and here.draft.based_on == based_on
    with write(db()):
        templates.touch(db(), here.name, here.language.code, me().name, now())
        if same or (here.draft is None and typed == here.live):
            return  # Nothing new; also when the answer to the last save was lost.
        templates.save_draft(
            db(),
            here.name,
            here.language.code,
            me().name,
            text=typed.text,
            html=typed.html,
            based_on=based_on,
            revision=revision,
            now=now(),
        )


@pages.post("/templates/<name>/<language>/discard")
def discard(name: str, language: str) -> str:
    """Throw one's own draft away; the page that follows can bring it back."""
    here = bench(name, language)
    with write(db()):
        templates.discard_draft(db(), name, language, me().name)
    return editor(bench(name, language), gone=here.draft)


@pages.post("/templates/<name>/<language>/mend")
def mend(name: str, language: str) -> AnyResponse:
    """Take what stands in a broken file as the person's draft, to be mended here."""
    here = bench(name, language)
    found = benches.file_text(here)
    if found is not None and here.draft is None:
        keep(here, found, based_on=here.seen, revision=0)
    return redirect(url_for("templates.edit", **here.at), 303)


@pages.get("/templates/<name>/<language>/preview")
def preview(name: str, language: str) -> AnyResponse:
    """Return the HTML that a person would receive, for the sandboxed frame and nothing else."""
    if (
        request.headers.get("Sec-Fetch-Dest", "iframe") != "iframe"
        or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    ):
        abort(403)
    here = bench(name, language)
    filled = benches.preview(here, here.source, benches.reader(here, request.args.get("who", "")))
    scheme = "dark" if request.args.get("scheme") == "dark" else "light"
    body = (
        formatted.harmless(filled.html)
        if filled
        else f"<p>{_('It can be shown once the problems are mended.')}</p>"
    )
    response = make_response(
        f'<!DOCTYPE html><html lang="{here.language.code}"><head><meta charset="utf-8">'
        f'<meta name="color-scheme" content="{scheme}"><title>inboxbot</title></head>'
        f'<body style="margin: 1em">{body}</body></html>'
    )
    response.headers["Content-Security-Policy"] = headers.FRAME_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


@pages.get("/templates/<name>/<language>/letter.eml")
def as_file(name: str, language: str) -> AnyResponse:
    """Return what a person would receive as a file, for one's own mail program."""
    here = bench(name, language)
    filled = benches.preview(here, here.source, benches.reader(here, request.args.get("who", "")))
    identity = next(iter(site().identities.values()), None)
    if filled is None or identity is None:
        abort(404)
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"] = Address(identity.name, addr_spec=identity.address)
    mail["To"] = Address(me().name, addr_spec=identity.address)
    mail["Subject"] = f"[TEST] {filled.subject}"
    mail["X-Unsent"] = "1"
    mail.set_content(filled.text)
    mail.add_alternative(filled.html, subtype="html")
    response = Response(mail.as_bytes(), mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{language}.eml"'
    response.headers["Content-Security-Policy"] = headers.FILE_POLICY
    return response


@pages.post("/templates/<name>/<language>/presence")
def presence(name: str, language: str) -> Response:
    """Say that the person has this template open, and who else has; for the script."""
    here = bench(name, language)
    with write(db()):
        templates.touch(db(), name, language, me().name, now())
    present = templates.present(db(), name, language, other_than=me().name, now=now())
    return jsonify(
        present=[{"staff": staff, "writing": writing} for staff, writing in present.items()],
        seen=here.seen,
    )


@pages.errorhandler(401)
@pages.errorhandler(403)
def _kept(error: HTTPException) -> AnyResponse | tuple[str, int]:
    """Give back what somebody typed while their session ended: nothing of it is lost."""
    if "panel" not in request.form and refused.may_have_words_back():
        page = render_template("template_kept.html", typed=written(), **refused.whose())
        return page, error.code or 403
    return refused.answer(error)
