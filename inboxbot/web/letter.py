"""One letter: its words, why it was sorted so, what was sent, and everything to do with it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    abort,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from inboxbot import review, writing
from inboxbot.dossier import decision_of, outcome
from inboxbot.errors import Conflict, InboxbotError, StoreError
from inboxbot.mail.parse import parse
from inboxbot.reply import language
from inboxbot.reply.reason import EXPLANATIONS, Reason
from inboxbot.review import Letter
from inboxbot.store import (
    audit,
    conversations,
    decisions,
    drafts,
    messages,
    people,
    queue,
    replies,
    reviews,
    tags,
    users,
)
from inboxbot.store.database import moment, write
from inboxbot.store.decisions import Recorded
from inboxbot.store.outbox import State as ReplyState
from inboxbot.store.outbox import is_of_another_kind
from inboxbot.store.replies import SentReply
from inboxbot.web import asked, formatted, marks, ready_made, timeline, words
from inboxbot.web.listing import Chosen, chosen, just_done
from inboxbot.web.site import db, me, now, number, site, writer

pages = Blueprint("letter", __name__)

VIEWS = ("text", "whole", "formatted", "source")
SOURCE_LIMIT = 200_000
BESIDE = 12
# So many letters of a person are offered to be put together with one, and so many shown beside it.
OFFERED = 50
SHOWN = 6
_RISKY = re.compile(
    r"\.(?:exe|scr|com|bat|cmd|ps1|vbs?|js|jse|wsf|msi|jar|lnk|hta|iso|img|docm|xlsm|pptm|zip|rar|7z"
    r"|html?|svg|apk|dmg)$",
    re.IGNORECASE,
)


@pages.get("/m/<int:letter>")
def show(letter: int) -> str:
    """Show a letter."""
    recorded = recorded_or_404(letter)
    with write(db()):
        drafts.touch(db(), letter, me().name, writing=False, now=now())
    return page(recorded)


def page(recorded: Recorded, **more: object) -> str:
    """Return the whole page of a letter; `more` are what a form has to say on it.

    That somebody saw it is written down, whatever they came with.
    """
    letter = recorded.id
    here = chosen()
    found = reviews.get(db(), letter)
    if found is None:
        abort(404)
    with write(db()):
        audit.add(db(), me().name, "viewed", now(), message=letter)
    view = request.args.get("show", "text")
    before, after = queue.neighbours(db(), here.listing, letter, staff=me().name, now=now())
    sent = replies.of_letter(db(), letter)
    own, others = _drafts(letter, sent)
    decision = decision_of(recorded)
    acknowledgement = next((each for each in sent if each.kind == "acknowledgement"), None)
    values: dict[str, Any] = {
        "letter": recorded,
        "review": found,
        "here": here,
        "before": before,
        "after": after,
        "beside": queue.rows(
            db(), here.listing, staff=me().name, now=now(), limit=BESIDE, after=before
        ),
        "view": view if view in VIEWS else "text",
        "body": _body(recorded, view),
        "why": outcome(decision, acknowledgement),
        "language_why": language.EXPLANATIONS[decision.language_because]
        if decision.language_because
        else "",
        "trace": _trace(recorded),
        "evidence": _evidence(recorded),
        "articles": _articles(recorded),
        "acknowledgement": acknowledgement,
        "answers": [each for each in sent if each.kind == "answer"],
        "held": replies.held(db(), letter),
        "answered": replies.is_answered(db(), letter),
        "notes": reviews.notes(db(), letter),
        "tags": tags.of_letters(db(), [letter]).get(letter, []),
        "known_tags": tags.known(db()),
        "timeline": timeline.events(recorded, sent),
        "person": _person(recorded),
        "present": drafts.present(db(), [letter], other_than=me().name, now=now()).get(letter, []),
        "draft": own[0] if own else None,
        "drafts": [*own[1:], *others],
        "snippets": ready_made.for_letter(recorded),
        "colleagues": [
            user.name for user in users.everybody(db()) if user.may_work_on(recorded.mailbox)
        ],
        "done": just_done(),
        "settled": conversations.is_settled(db(), letter),
        "sorted_anew": acknowledgement is not None
        and acknowledgement.state in (ReplyState.HELD, ReplyState.QUEUED, ReplyState.DEFERRED)
        and is_of_another_kind(db(), letter, acknowledgement.template, found.category),
        "can_write": writer() is not None and recorded.reply_to is not None,
        "can_answer": bool(site().identities) and recorded.reply_to is not None,
        "risky": lambda name: bool(_RISKY.search(name)),
    }
    return render_template("letter.html", **(values | more))


def _drafts(letter: int, sent: list[SentReply]) -> tuple[list[drafts.Draft], list[drafts.Draft]]:
    """Return one's own drafts and those of colleagues, without what was sent meanwhile.

    A draft stays in the store while its answer may be taken back: then it shows again.
    """
    answered: dict[str | None, datetime] = {}
    for each in sent:
        if each.kind == "answer":
            answered[each.created_by] = each.created_at
    kept = [
        draft
        for draft in drafts.of_letter(db(), letter)
        if draft.staff not in answered or draft.updated_at > answered[draft.staff]
    ]
    return (
        [draft for draft in kept if draft.staff == me().name],
        [draft for draft in kept if draft.staff != me().name],
    )


def recorded_or_404(letter: int) -> Recorded:
    """Return what was recorded of a letter, or answer that there is none."""
    recorded = decisions.recorded(db(), letter)
    if recorded is None:
        abort(404)
    return recorded


def _body(recorded: Recorded, view: str) -> Mapping[str, Any]:
    """Return what the chosen view of the letter shows, or a sentence why it cannot."""
    readable = writing.may_be_read(recorded)
    if view not in ("whole", "source", "formatted") and (recorded.text or readable):
        return {"text": marks.marked(recorded.text, _spans(recorded, "text"))}
    try:
        raw = messages.raw(db(), recorded.id)
    except messages.Damaged:
        return {"damaged": True}
    except StoreError:
        return {"gone": words._("The letter's bytes were erased; only what was read is kept.")}
    if view == "source":
        text = raw[:SOURCE_LIMIT].decode("utf-8", "replace")
        return {"text": marks.visible(text), "cut": len(raw) > SOURCE_LIMIT}
    if not readable:
        return {"gone": words._("This letter could not be read safely. You can download it.")}
    if view == "whole":
        text = parse(raw).full_text
        return {"text": marks.marked(text), "cut": len(text) > marks.SHOWN_LIMIT}
    html = formatted.html_of(raw)
    if html is None:
        return {"gone": words._("This letter has no formatted version.")}
    if formatted.is_too_tangled(html):
        return {"gone": words._("The formatted version is too tangled to be shown safely.")}
    return {"frame": True, "remote": formatted.remote_count(html)}


def _spans(recorded: Recorded, field: str) -> list[marks.Span]:
    spans = [
        marks.Span(
            item["start"],
            item["end"],
            "for" if item["weight"] >= 0 else "against",
            _counts_for(item["toward"], item["weight"]),
        )
        for item in recorded.evidence
        if item["field"] == field
    ]
    spans += [
        marks.Span(
            item["start"],
            item["end"],
            "medicine",
            words._("medicine: {}").format(item["generic"]),
        )
        for item in recorded.medicines
        if item["field"] == field
    ]
    return spans


def _counts_for(toward: str, weight: float) -> str:
    name = (
        words.CATEGORIES.get(toward)  # type: ignore[call-overload]
        or words.URGENT.get(toward)
        or words.SENSITIVE.get(toward)
        or toward
    )
    text = words._("counts for: {}") if weight >= 0 else words._("counts against: {}")
    return text.format(words._(name))


def _evidence(recorded: Recorded) -> list[dict[str, Any]]:
    """Return the words that counted, each once, the heaviest first."""
    heaviest: dict[tuple[str, str], dict[str, Any]] = {}
    for item in sorted(recorded.evidence, key=lambda each: -abs(each["weight"])):
        heaviest.setdefault((item["phrase"].casefold(), item["toward"]), item)
    return [
        {
            "phrase": marks.visible(item["phrase"][:80]),
            "label": _counts_for(item["toward"], item["weight"]),
            "against": item["weight"] < 0,
        }
        for item in list(heaviest.values())[:12]
    ]


def _trace(recorded: Recorded) -> list[tuple[str, str, bool]]:
    """Return every rule that applied: what it says, what showed it, whether it decided."""
    return [
        (
            words._(EXPLANATIONS[Reason(hit["reason"])]),
            hit["evidence"],
            hit["reason"] == recorded.reason,
        )
        for hit in recorded.hits
    ]


def _articles(recorded: Recorded) -> list[tuple[str, list[Any]]]:
    """Return the medicines that the letter names, each with the organisation's articles."""
    known = site().articles()
    found: dict[str, list[Any]] = {}
    for item in recorded.medicines:
        found.setdefault(
            item["generic"], [each for each in known if each.medicine == item["generic"]]
        )
    return list(found.items())


def _person(recorded: Recorded) -> Mapping[str, Any] | None:
    """Return who wrote, and their letters: those of the same conversation, and the others."""
    address = recorded.reply_to or recorded.sender_address
    if not address:
        return None
    person = people.person(db(), address)
    count, first = people.letters_counted(db(), person.addresses)
    here = recorded.conversation
    theirs = people.letters(
        db(), person.addresses, limit=OFFERED if here is not None else SHOWN + 1
    )
    return {
        "address": address,
        "person": person,
        "count": count,
        "first": first,
        "notes": people.notes(db(), person.id),
        "together": people.conversation(db(), here, limit=OFFERED) if here is not None else [],
        "others": [
            each
            for each in theirs
            if each.id != recorded.id and (here is None or each.conversation != here)
        ],
        "all_offered": count <= OFFERED,
        "shown": SHOWN,
    }


@pages.post("/m/<int:letter>/do/<action>")
def act(letter: int, action: str) -> AnyResponse | tuple[str, int]:
    """Do one action with a letter, and go on as the person likes it."""
    recorded = recorded_or_404(letter)
    here = chosen()
    try:
        wanted = asked.action(action, request.form)
        done = review.perform(
            db(),
            wanted,
            [Letter(letter, _version())],
            staff=me().name,
            now=now(),
            token=f"{request.form.get('once', '')[:60]}-{action}",
        )
    except Conflict as error:
        return conflict(recorded, action, error), 409
    except InboxbotError as error:
        return page(recorded, sorry=str(error)), 409
    return redirect(_next(letter, action, here, done.token), 303)


# After these the letter needs no more looking at; the others stay on it.
_GOES_ON = {"confirm", "close", "not-for-us", "snooze", "settle", "renew"}


def _next(letter: int, action: str, here: Chosen, token: str) -> str:
    if action in _GOES_ON and me().afterwards != "stay":
        if me().afterwards == "list":
            return url_for("queue.letters", **here.arguments(done=token))
        _, after = queue.neighbours(db(), here.listing, letter, staff=me().name, now=now())
        if after is None:
            return url_for("queue.letters", **here.arguments(done=token))
        return url_for("letter.show", letter=after, **here.arguments(done=token))
    return url_for("letter.show", letter=letter, **here.arguments(done=token))


def _version() -> int:
    found = number(request.form.get("version", ""))
    if found is None:
        raise asked.NotUnderstood(words._("The form is incomplete. Please load the page again."))
    return found


def conflict(recorded: Recorded, action: str, error: Conflict) -> str:
    """Show what somebody else did meanwhile, and what this person wanted: both stay possible."""
    found = reviews.get(db(), recorded.id)
    last = next(
        (
            entry
            for entry in audit.entries(db(), message=recorded.id, limit=20)
            if entry.what not in ("viewed", "downloaded")
        ),
        None,
    )
    kept = {
        name: value
        for name, value in request.form.items()
        if name not in ("version", "once", "form_token")
    }
    return render_template(
        "conflict.html",
        letter=recorded,
        review=found,
        here=chosen(),
        action=action,
        text=str(error),
        stale=found is not None and request.form.get("version") != str(found.version),
        last=last,
        last_at=moment(last.at) if last else None,
        last_what=timeline.said(last.what, last.detail) if last else "",
        kept=kept,
    )


@pages.post("/m/<int:letter>/presence")
def presence(letter: int) -> AnyResponse:
    """Note that the page is open, or being written on; say who else is there."""
    recorded_or_404(letter)
    mode = request.form.get("mode", "")
    with write(db()):
        if mode == "gone":
            drafts.leave(db(), letter, me().name)
        else:
            drafts.touch(db(), letter, me().name, writing=mode == "writing", now=now())
    others = drafts.present(db(), [letter], other_than=me().name, now=now()).get(letter, [])
    found = reviews.get(db(), letter)
    return jsonify(
        present=[{"staff": each.staff, "writing": each.writing} for each in others],
        version=found.version if found else 0,
    )
