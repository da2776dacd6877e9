"""Which list of letters a page is about, as the address bar says it.

No words that were searched for stand in an address: a search is kept in the store under a
random token, and the token stands there.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

from flask import request, url_for

from inboxbot.classify.category import Category
from inboxbot.frozen import dataclass
from inboxbot.store import mailboxes, search, searches, undo
from inboxbot.store.queue import Listing, Sort, View
from inboxbot.store.undo import Step
from inboxbot.web.site import db, me, now, site
from inboxbot.web.words import _

T = TypeVar("T", bound=StrEnum)
D = TypeVar("D")
_SOME_LETTER = 10**15


@dataclass(frozen=True, slots=True)
class Chosen:
    """The list that a page shows, and the search in it: what was typed and what is wrong in it.

    `own` says that the search is of whoever looks, who alone may change it.
    """

    listing: Listing
    token: str = ""
    query: str = ""
    name: str = ""
    shared: bool = False
    own: bool = False
    problem: str = ""

    def arguments(self, **changes: object) -> dict[str, Any]:
        """Return what goes into an address to come to this list; `changes` replace parts."""
        listing = self.listing
        values: dict[str, object] = {
            "view": listing.view if listing.view is not View.NEEDS_REVIEW else None,
            "sort": listing.sort if listing.sort is not Sort.OLDEST else None,
            "category": listing.category,
            "mailbox": listing.mailbox,
            "s": self.token or None,
        }
        values |= changes
        return {name: str(value) for name, value in values.items() if value is not None}

    def around(self) -> tuple[str, str]:
        """Return what stands around the number in the address of a letter of this list."""
        address = url_for("letter.show", letter=_SOME_LETTER, **self.arguments())
        before, _, behind = address.partition(str(_SOME_LETTER))
        return before, behind


def chosen() -> Chosen:
    """Read the list out of the address; what makes no sense there is passed over.

    A search that is gone is a problem: without it the list would hold other letters.
    """
    values = request.values
    token = values.get("s", "")
    found = searches.get(db(), token, me().name) if token else None
    default = View.EVERYTHING if found else View.NEEDS_REVIEW
    listing = Listing(
        view=_one_of(View, values.get("view"), default),
        sort=_one_of(Sort, values.get("sort"), _usual_sort(values.get("view"))),
        category=_one_of(Category, values.get("category"), None),
        mailbox=_mailbox(values.get("mailbox")),
    )
    if found is None:
        gone = _("This search is no longer kept, or it is a colleague's. Please search again.")
        return Chosen(listing, problem=gone if token else "")
    here = Chosen(
        listing,
        token,
        found.query,
        found.name or "",
        shared=found.shared,
        own=found.staff == me().name,
    )
    try:
        at = now().astimezone(site().zone)
        return replace(here, listing=search.narrowed(listing, found.query, at, staff=me().name))
    except search.SearchError as error:
        return replace(here, problem=str(error))


def just_done() -> Step | None:
    """Return the action that was just done, while it may be undone: the address names it."""
    token = request.args.get("done", "")
    step = undo.get(db(), token) if token else None
    return step if step is not None and step.may_be_undone(me().name, now()) else None


def _usual_sort(view: str | None) -> Sort:
    return Sort.NEWEST if view in (View.DONE, View.EVERYTHING) else Sort.OLDEST


def _mailbox(name: str | None) -> str | None:
    return name if name and name in mailboxes.in_sight(db()) else None


def _one_of(kind: type[T], text: str | None, default: D) -> T | D:
    try:
        return kind(text) if text else default
    except ValueError:
        return default
