"""Everything about one person, to hand over to them: a zip of JSON, letters as .eml, and a page.

The letters are the bytes as received; the page needs no program but a browser, and loads
nothing.
"""

import html
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from inboxbot.counted import counted
from inboxbot.dossier import dossier
from inboxbot.errors import StoreError
from inboxbot.frozen import dataclass
from inboxbot.store import audit, erasure, messages, people
from inboxbot.store import replies as stored_replies
from inboxbot.store.database import stamp
from inboxbot.store.sqlite import Database

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Letters</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{{font:1rem/1.5 sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap;font:inherit}}article{{border-top:1px solid #888;padding:1rem 0}}
dt{{font-weight:bold}}</style></head><body>
<h1>What we have of {addresses}</h1>
<p>Made on {made}. {count}. The letters themselves are the .eml files beside this page;
data.json holds the same for programs.</p>
{letters}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds."""

    letters: int
    replies: int


def export(
    db: Database,
    address: str,
    target: Path,
    now: datetime,
    *,
    progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005
) -> Exported:
    """Write all about whoever writes from `address` into the zip file `target` (mode 0600).

    Raises `StoreError` where the file cannot be written.
    """
    person = people.person(db, address)
    letters = erasure.letters_of(db, person.addresses)
    replies = 0
    found: list[dict[str, Any]] = []
    try:
        target.touch(mode=0o600, exist_ok=False)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
            for letter in letters:
                found.append(_letter(db, letter))
                _put_raw(db, out, letter)
                for reply, raw in _replies(db, letter):
                    out.writestr(f"replies/{reply}.eml", raw)
                    replies += 1
                progress(1)
            data = {
                "addresses": person.addresses,
                "language": person.language,
                "do_not_acknowledge": person.do_not_acknowledge,
                "made_at": stamp(now),
                "notes": [
                    {"at": stamp(note.at), "staff": note.staff, "text": note.text}
                    for note in people.notes(db, person.id)
                ],
                "letters": found,
            }
            out.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=1))
            out.writestr("index.html", _page(person.addresses, found, now))
    except FileExistsError:
        raise StoreError(f"{target} is there already: name another file.") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be written ({error.strerror}).") from error
    return Exported(len(letters), replies)


def _letter(db: Database, letter: int) -> dict[str, Any]:
    known = dossier(db, letter) or {"id": letter}
    read = [
        {"at": entry.at, "who": entry.who, "what": entry.what}
        for entry in audit.entries(db, message=letter)
    ]
    return {**known, "history": read[::-1]}


def _put_raw(db: Database, out: zipfile.ZipFile, letter: int) -> None:
    try:
        out.writestr(f"letters/{letter}.eml", messages.raw(db, letter))
    except messages.Damaged as error:
        out.writestr(f"letters/{letter}.txt", f"{error}\nWhat was read stands in data.json.\n")
    except StoreError:
        return  # Its bytes were erased by age; what is left stands in data.json.


def _replies(db: Database, letter: int) -> Iterator[tuple[int, bytes]]:
    for reply in stored_replies.of_letter(db, letter):
        if reply.raw:
            yield reply.id, reply.raw


def _page(addresses: tuple[str, ...], letters: list[dict[str, Any]], now: datetime) -> str:
    return _PAGE.format(
        addresses=html.escape(", ".join(addresses)),
        made=f"{now:%Y-%m-%d}",
        count=counted("{} letter", "{} letters", len(letters)),
        letters="\n".join(_article(letter) for letter in letters),
    )


def _article(letter: dict[str, Any]) -> str:
    rows = [
        ("received", letter.get("received_at")),
        ("kind", letter.get("category")),
        ("answered by itself", letter.get("why")),
        *((f"{reply['kind']} of ours", reply["state"]) for reply in letter.get("replies", [])),
        *((f"note of {note['staff']}", note["text"]) for note in letter.get("notes", [])),
        *((f"{entry['what']} by {entry['who']}", entry["at"]) for entry in letter["history"]),
    ]
    listed = "".join(
        f"<dt>{html.escape(str(head))}</dt><dd>{html.escape(str(text or ''))}</dd>"
        for head, text in rows
    )
    subject = html.escape(str(letter.get("subject") or "(no subject)"))
    text = html.escape(str(letter.get("text") or ""))
    return (
        f"<article><h2>{letter['id']}: {subject}</h2><pre>{text}</pre><dl>{listed}</dl></article>"
    )
