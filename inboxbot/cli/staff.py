"""What staff do from a terminal; each command is one call of `inboxbot.review`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from inboxbot.actions import Action, AddNote, Close, Correct, Hold, Release
from inboxbot.classify.category import Category
from inboxbot.cli import common
from inboxbot.cli.common import (
    NotFound,
    configuration,
    options,
    print_json,
    print_table,
)
from inboxbot.clock import utc_now
from inboxbot.store.queue import Row, View
from inboxbot.store.sqlite import Database

if TYPE_CHECKING:
    from inboxbot.config import Config
    from inboxbot.store.places import Unfetched
    from inboxbot.writing import Writer

CATEGORIES = click.Choice([category.value for category in Category])
ID = click.argument("letter", metavar="ID", type=common.number)


@contextmanager
def _store(config_file: str | None) -> Iterator[Database]:
    from inboxbot import opening

    with opening.store(configuration(config_file)) as db:
        yield db


@click.command("queue")
@click.option(
    "--view",
    type=click.Choice([view.value for view in View]),
    default=View.OPEN.value,
    show_default=True,
    help="Which letters.",
)
@click.option("--category", type=CATEGORIES, help="Only letters of this kind.")
@click.option("--search", "query", help="Only letters that match, as in the review app.")
@click.option("--limit", type=common.limit, help="At most so many.")
@options
def queue_command(
    view: str,
    category: str | None,
    query: str | None,
    limit: int | None,
    config_file: str | None,
    as_json: bool,
) -> None:
    """List the letters that wait for a person: urgent ones first, then the oldest."""
    from inboxbot import modes, opening
    from inboxbot.store import places, queue
    from inboxbot.store.queue import Listing

    listing = Listing(view=View(view), category=Category(category) if category else None)
    settings = configuration(config_file)
    with opening.store(settings) as db:
        if query:
            from zoneinfo import ZoneInfo

            from inboxbot.store import search

            at = utc_now().astimezone(ZoneInfo(settings.organisation.time_zone))
            try:
                listing = search.narrowed(listing, query, at)
            except search.SearchError as error:
                raise click.UsageError(str(error)) from None
        rows = queue.rows(db, listing, staff=modes.operator(), now=utc_now(), limit=limit or -1)
        unfetched = places.unfetched(db) if listing.view is View.PROBLEMS else []
    if as_json:
        for row in rows:
            print_json(_as_object(row))
        for place in unfetched:
            print_json(_as_unfetched(place))
    else:
        _print_queue(rows, unfetched)


def _print_queue(rows: list[Row], unfetched: "list[Unfetched]") -> None:
    print_table(
        [
            (
                row.id,
                f"{row.received_at:%Y-%m-%d %H:%M}",
                ("! " if row.urgent else "") + row.category,
                f"{row.confidence:.2f}" + ("?" if row.needs_review else ""),
                row.disposition,
                row.reason or row.outbox_reason or "",
                row.outbox_state or "",
                row.state,
                row.assignee or "",
            )
            for row in rows
        ],
        ("id", "received (UTC)", "category", "sure", "reply", "why", "outbox", "state", "who"),
    )
    for place in unfetched:
        click.echo(
            f"not fetched: mailbox {place.mailbox}, UID {place.uid}, since "
            f"{place.since:%Y-%m-%d %H:%M} UTC. {place.why} Read it in your mail program."
        )


def _as_object(row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "fingerprint": row.fingerprint,
        "message_id": row.message_id,
        "received_at": row.received_at.isoformat(),
        "category": row.category,
        "confidence": row.confidence,
        "urgent": row.urgent,
        "disposition": row.disposition,
        "reason": row.reason,
        "state": row.state,
        "assignee": row.assignee,
    }


def _as_unfetched(place: "Unfetched") -> dict[str, object]:
    """Return a letter that is not here: it has no number of ours, but a place on the server."""
    unknown = ("fingerprint", "message_id", "category", "confidence", "assignee")
    return {
        "id": None,
        **dict.fromkeys(unknown),
        "received_at": (place.received_at or place.since).isoformat(),
        "urgent": False,
        "disposition": "hold",
        "reason": "not_fetched",
        "state": "new",
        "mailbox": place.mailbox,
        "uid": place.uid,
        "why": place.why,
    }


@click.command("show")
@ID
@options
def show_command(letter: int, config_file: str | None, as_json: bool) -> None:
    """Show one letter with everything that was decided on it, and what happened to it since.

    That somebody read it here is written into the audit.
    """
    from inboxbot import modes, review
    from inboxbot.dossier import dossier
    from inboxbot.store import audit
    from inboxbot.store.database import write

    with _store(config_file) as db:
        found = dossier(db, letter)
        if found is None:
            raise NotFound(str(review.no_letter(db, letter)))
        with write(db):
            audit.add(db, modes.operator(), "viewed", utc_now(), message=letter)
    if as_json:
        print_json(found)
    else:
        _print_dossier(found)


def _print_dossier(found: dict[str, Any]) -> None:
    click.secho(str(found["subject"] or "(no subject)"), bold=True)
    sender = found["from"] or {"name": "", "address": "unknown"}
    rows = [
        ("letter", f"{found['id']}, version {found['version']}"),
        ("from", f"{sender['name']} <{sender['address']}>".strip()),
        ("received", found["received_at"]),
        ("category", _category(found)),
        ("next best", f"{found['runner_up']['category']} {found['runner_up']['confidence']:.2f}"),
        ("because of", ", ".join(f"“{item['phrase']}”" for item in found["evidence"])),
        ("unsure", found["unsure_because"]),
        ("urgent", ", ".join(f"{flag['code']}: {flag['reason']}" for flag in found["urgent"])),
        ("sensitive", ", ".join(flag["code"] for flag in found["sensitive"])),
        ("medicines", ", ".join(dict.fromkeys(item["generic"] for item in found["medicines"]))),
        ("reply", f"{found['disposition']}: {found['why']}"),
        *(("rule", f"{hit['reason']}: {hit['evidence']}") for hit in found["hits"]),
        *(("outbox", f"{each['kind']} {each['id']}: {each['state']}") for each in found["replies"]),
        ("state", " ".join(filter(None, [found["state"], found["assignee"]]))),
        *(("note", f"{note['staff']}: {note['text']}") for note in found["notes"]),
        *(("defect", defect) for defect in found["defects"]),
    ]
    for head, text in rows:
        if text:
            click.echo(f"  {head:<11} {text}")
    click.echo(f"\n{found['text']}")
    for each in found["replies"]:
        click.secho(f"\n{each['kind']} {each['id']}, {each['state']}:", bold=True)
        click.echo(each["text"].rstrip())


def _category(found: dict[str, Any]) -> str:
    sorted_as = f"{found['decided_category']} {found['confidence']:.2f}"
    if found["category"] == found["decided_category"]:
        return sorted_as
    return f"{found['category']}, set by staff; sorted as {sorted_as}"


@click.command("why")
@ID
@options
def why_command(letter: int, config_file: str | None, as_json: bool) -> None:
    """Say in one sentence why a letter was or was not acknowledged."""
    from inboxbot import review
    from inboxbot.dossier import why

    with _store(config_file) as db:
        sentence = why(db, letter)
        if sentence is None:
            raise NotFound(str(review.no_letter(db, letter)))
    if as_json:
        print_json({"id": letter, "why": sentence})
    else:
        click.echo(sentence)


@click.command("correct")
@ID
@click.argument("category", metavar="CATEGORY", type=CATEGORIES)
@click.option("--why", default="", help="A word or two to learn from, such as medicine or form.")
@options
def correct_command(
    letter: int, category: str, why: str, config_file: str | None, as_json: bool
) -> None:
    """Set the category of letter ID; the same as before confirms it.

    CATEGORY is profile_request, medication_question or general_inquiry.
    """
    _act(config_file, letter, Correct(Category(category), why[:200]), as_json)


@click.command("release")
@click.argument("letter", metavar="[ID]", type=common.number, required=False)
@click.option("--held-for", metavar="REASON", help="All that are held for this reason, instead.")
@click.option("--all", "everything", is_flag=True, help="All that are held, instead.")
@options
def release_command(
    letter: int | None,
    held_for: str | None,
    everything: bool,
    config_file: str | None,
    as_json: bool,
) -> None:
    """Send the acknowledgement of letter ID that was held back or kept silent.

    Where a personal answer to it is held, that goes instead, as it was written.
    It leaves with the next pass over the outbox. Where many are released the limits of [replies]
    hold, and nobody gets two: the newest letter's goes, the others stay held.
    """
    if (letter is not None) + (held_for is not None) + everything != 1:
        raise click.UsageError("Name one letter, or --held-for REASON, or --all.")
    settings = configuration(config_file)
    with _store(config_file) as db:
        if letter is not None:
            _perform(db, [letter], Release(written=_writer(settings, db).acknowledgement), as_json)
        else:
            from inboxbot import assembly
            from inboxbot.store import replies

            rules = assembly.rules(settings, assembly.library(settings))
            _perform(db, replies.letters_held(db, held_for), Release(rules=rules), as_json)


def _writer(settings: "Config", db: Database) -> "Writer":
    from inboxbot import assembly
    from inboxbot.store.settings import instance
    from inboxbot.writing import Writer

    return Writer(
        db,
        assembly.acknowledger(settings, assembly.library(settings)),
        assembly.identities(settings, instance(db)),
        utc_now(),
    )


@click.command("hold")
@ID
@options
def hold_command(letter: int, config_file: str | None, as_json: bool) -> None:
    """Keep the acknowledgement of letter ID back, if it has not left yet."""
    _act(config_file, letter, Hold(), as_json)


@click.command("close")
@ID
@click.option("--not-for-us", is_flag=True, help="It was spam or not meant for us.")
@options
def close_command(letter: int, not_for_us: bool, config_file: str | None, as_json: bool) -> None:
    """Close letter ID: it needs nothing more. A further letter of its writer reopens it."""
    _act(config_file, letter, Close("not_for_us" if not_for_us else "done"), as_json)


@click.command("note")
@ID
@click.argument("text", metavar="[TEXT]", required=False)
@options
def note_command(letter: int, text: str | None, config_file: str | None, as_json: bool) -> None:
    """Write a note on letter ID, for staff only; without TEXT it is read from standard input."""
    text = sys.stdin.read() if text is None else text
    if not text.strip():
        raise click.UsageError("A note needs some words.")
    _act(config_file, letter, AddNote(text), as_json)


def _act(config_file: str | None, letter: int, action: Action, as_json: bool) -> None:
    with _store(config_file) as db:
        _perform(db, [letter], action, as_json)


def _perform(db: Database, letters: list[int], action: Action, as_json: bool) -> None:
    from inboxbot import modes, review
    from inboxbot.store import reviews

    try:
        done = review.perform(
            db,
            action,
            [review.Letter(each) for each in letters],
            staff=modes.operator(),
            now=utc_now(),
        )
    except review.NoSuchLetter as error:
        raise NotFound(str(error)) from error
    for letter in done.letters:
        after = reviews.get(db, letter)
        assert after is not None  # noqa: S101  (it was changed a moment ago)
        if as_json:
            print_json(
                {
                    "id": letter,
                    "state": after.state,
                    "category": after.category,
                    "assignee": after.assignee,
                    "version": after.version,
                }
            )
        else:
            click.echo(f"letter {letter}: {_sentence(action)}")
    for letter, why in done.refused.items():
        if as_json:
            print_json({"id": letter, "error": why})
        else:
            click.echo(f"letter {letter}: not done. {why}", err=True)
    if not letters and not as_json:
        click.echo("Nothing is held for that reason.")


def _sentence(action: Action) -> str:
    match action:
        case Correct(category):
            return f"category set to {category}"
        case Release():
            return "its reply leaves with the next pass of `inboxbot send`"
        case Hold():
            return "its acknowledgement is held"
        case Close():
            return "closed"
        case _:
            return "noted"
