"""The pages of administration as people meet them: accessible in every state, nothing cut off."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Page

from inboxbot import going_live
from inboxbot.store import audit, holds, users
from inboxbot.store.database import write
from inboxbot.store.users import Role
from inboxbot.web.erasures import Erasure
from tests.browser.conftest import visits
from tests.browser.desk import Desk
from tests.browser.looking import Seen, look_in_every_way
from tests.office import TEMPLATES, parts, watch
from tests.stand import Stand, moved, new_store


def fill(stand: Stand) -> dict[str, str]:
    """Fill in what the pages show, and return where each of them is."""
    now = datetime.now(UTC)
    watch(stand.db, now, baseline=1204)
    with write(stand.db):
        stand.db.execute(
            "UPDATE review SET confirmed_at = received_at, category = CASE WHEN message_id % 5"
            " THEN category ELSE 'general_inquiry' END WHERE message_id % 3 = 0"
        )
        holds.put(stand.db, "person7@example.net", who="ada", why="case 12/26", now=now)
        audit.add(stand.db, "kim", "sign-in failed", now)
        audit.add(stand.db, "ada", "mode", now, detail="shadow -> live")
    stand.person("kim", Role.STAFF, password=True)
    stand.person("an-auditor-with-a-long-name", Role.AUDITOR)
    kim = users.named(stand.db, "kim")
    assert kim is not None
    return {
        "reports": "/reports",
        "settings": "/settings",
        "retention": "/settings/retention",
        "going-live": "/going-live",
        "users": "/users",
        "user": f"/users/{kim.id}",
        "person-data": "/person/5/data",
    }


def open_details(page: Page) -> None:
    """Unfold the first of what is folded: it is looked at, too."""
    page.evaluate(
        "[...document.querySelectorAll('details')].slice(0, 2).forEach(each => each.open = true)"
    )


def test_the_pages_of_administration_are_accessible_and_fit(
    unpainted_desk: Desk, house: Stand, filled: Path, tmp_path: Path
) -> None:
    store = tmp_path / "state" / "inboxbot.sqlite3"
    shutil.copytree(filled.parent, store.parent)
    faults, seen = [], Seen()
    with moved(house, store, **parts(tmp_path)) as stand, visits(unpainted_desk, stand) as visit:
        where = fill(stand)
        page = visit(None, name="ada", role=Role.ADMINISTRATOR, bypass_csp=True)
        for name, path in where.items():
            page.goto(stand.url + path)
            open_details(page)
            faults += look_in_every_way(page, name, seen)
        page.goto(f"{stand.url}/users")
        page.get_by_label("User name").fill("jo")
        page.get_by_role("button", name="Add, and make a link").press("Enter")
        faults += look_in_every_way(page, "user-link", seen)
        page.goto(f"{stand.url}/person/6/data")
        page.get_by_role("button", name="Look what would be erased").press("Enter")
        page.wait_for_selector("h1:has-text('What would be erased')")
        faults += look_in_every_way(page, "erasure", seen)
        erasures = stand.app.extensions["inboxbot"].erasures
        erasures.all["going-on"] = Erasure(
            "ada", "ana@example.net", datetime.now(UTC), letters=12_345, looked_at=678
        )
        page.goto(f"{stand.url}/erasures/going-on")
        faults += look_in_every_way(page, "erasure-going-on", seen)
    assert stand.faults == []
    assert faults == []


def test_before_anything_has_happened_they_are_accessible_too(
    unpainted_desk: Desk, house: Stand, tmp_path: Path
) -> None:
    store = tmp_path / "state" / "inboxbot.sqlite3"
    new_store(store).close()
    faults, seen = [], Seen()
    with moved(house, store, **parts(tmp_path)) as stand, visits(unpainted_desk, stand) as visit:
        going_live.approve_templates(
            stand.db, going_live.fingerprint(TEMPLATES), who="ada", now=datetime.now(UTC)
        )
        page = visit(None, name="ada", role=Role.ADMINISTRATOR, bypass_csp=True)
        for name, path in (("reports", "/reports"), ("going-live", "/going-live")):
            page.goto(stand.url + path)
            faults += look_in_every_way(page, f"empty-{name}", seen)
    assert stand.faults == []
    assert faults == []
