"""Every page as people meet it: accessible in every state, and nothing sticks out or is cut."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import ViewportSize

from inboxbot import modes
from inboxbot.classify.category import Flag, Medicine
from inboxbot.mail.message import Attachment
from inboxbot.reply.reason import Disposition, Reason
from inboxbot.store import snippets
from inboxbot.store.database import write
from inboxbot.store.settings import Mode
from inboxbot.store.users import Role
from tests import letters
from tests.browser.conftest import Visit, sign_in, visits
from tests.browser.desk import Desk
from tests.browser.looking import (
    SCHEMES,
    Seen,
    each_size,
    faint_in,
    faults_of,
    look_in_every_way,
    too_wide,
)
from tests.letters import Letter
from tests.stand import Stand, moved, new_store

FULL = (
    "queue",
    "queue-done",
    "letter",
    "letter-unsure",
    "letter-silent",
    "letter-formatted",
    "letter-source",
    "letter-right-to-left",
    "people",
    "person",
    "replies",
    "health",
    "audit",
    "account",
    "factor",
    "help",
    "not-found",
    "search-mistake",
)
TEXT = (
    "Hello,\n\nmy father started riluzole last week. Since then he has trouble breathing at night "
    "and his doctor mentioned mexiletine tablets, too. Is it safe to take both?\n\n"
    "I read about it at https://www.example.net/riluzole.\n\nThank you with all my heart,\nAna"
)


def paths(stand: Stand) -> dict[str, str]:
    """Fill in what the pages show, and return where each of them is."""
    now = datetime.now(UTC)
    db = stand.db
    big = letters.add(
        db,
        Letter(
            subject="Riluzole, and my father's breathing",
            text=TEXT,
            urgent=(Flag("breathing", 0.93, "it speaks of trouble breathing at night"),),
            sensitive=(Flag("child", 0.7, "a child writes"),),
            medicines=(Medicine("riluzole", "riluzole", "text", 26, 34),),
            disposition=Disposition.HOLD,
            reason=Reason.NOT_ADDRESSED,
            reply="held",
            reply_reason="not_addressed",
            html="<h1>Hello</h1><p style='color: #a00'>my <b>father</b> started</p>",
            attachments=(
                Attachment(1, "the prescription.pdf", "application/pdf", 210_000, "a"),
                Attachment(2, "photo.exe", "application/octet-stream", 21_000, "b"),
            ),
            defects=("The end of the message is missing; it may have been cut off.",),
        ),
        now,
    )
    silent = letters.add(
        db,
        Letter(disposition=Disposition.SUPPRESS, reason=Reason.AUTO_SUBMITTED, reply=""),
        now,
    )
    arabic = letters.add(
        db,
        Letter(
            subject="مرحبا من القاهرة",
            text="أكتب إليكم من القاهرة.\nThis line is English.\n母は日本にいます。",
            name="محمد علي",
            language="ar",
        ),
        now,
    )
    with write(db):
        snippets.save(db, "dose", "About doses", "en", "Please ask the doctor.", "kim", now)
    return {
        "queue": "/queue",
        "queue-done": "/queue?view=done",
        "letter": f"/m/{big}",
        "letter-unsure": "/m/5",
        "letter-silent": f"/m/{silent}",
        "letter-formatted": f"/m/{big}?show=formatted",
        "letter-source": f"/m/{big}?show=source",
        "letter-right-to-left": f"/m/{arabic}",
        "people": "/people",
        "person": f"/person/{big}",
        "replies": "/replies",
        "health": "/health",
        "audit": "/audit",
        "account": "/me",
        "factor": "/me/second-factor",
        "help": "/help",
        "not-found": "/m/999999",
        "search-mistake": "/queue",
    }


def test_every_page_is_accessible_and_fits_at_every_size(
    stand: Stand, visit_unpainted: Visit
) -> None:
    modes.set_mode(stand.db, Mode.LIVE, who="test", now=datetime.now(UTC))
    where = paths(stand)
    assert set(where) == set(FULL)
    # axe is put into the page; the app's own policy has tests of its own.
    page = visit_unpainted(None, name="ada", role=Role.ADMINISTRATOR, bypass_csp=True)
    faults, seen = [], Seen()
    for name, path in where.items():
        page.goto(stand.url + path)
        if name == "search-mistake":
            page.get_by_role("searchbox").fill("ack:maybe")
            page.keyboard.press("Enter")
            page.wait_for_url("**/queue?s=*")
        faults += look_in_every_way(page, name, seen, enlarged=True)
    assert faults == []


def test_the_door_and_an_empty_house_are_accessible_too(
    unpainted_desk: Desk, house: Stand, tmp_path: Path
) -> None:
    path = tmp_path / "empty.sqlite3"
    new_store(path).close()
    faults, seen = [], Seen()
    trouble = ("The disk is nearly full.",)
    with (
        moved(house, path, health=lambda _db, _now: trouble) as stand,
        visits(unpainted_desk, stand) as visit,
    ):
        page = visit("/login", name=None, bypass_csp=True)
        faults += look_in_every_way(page, "sign-in", seen)
        page.goto(stand.url + "/welcome/old")
        faults += look_in_every_way(page, "link-over", seen)
        sign_in(page, stand, "ada", Role.ADMINISTRATOR)
        for name in ("queue", "health", "audit", "replies"):
            page.goto(f"{stand.url}/{name}")
            faults += look_in_every_way(page, f"empty-{name}", seen)
    assert faults == []


def test_a_fault_that_we_make_ourselves_is_found(visit_unpainted: Visit) -> None:
    page = visit_unpainted("/login", name=None, bypass_csp=True)
    page.evaluate("document.querySelector('label[for=name]').remove()")
    assert [fault for fault in faults_of(page) if fault.startswith("label: ")]


def test_a_fault_in_one_of_many_rows_that_are_alike_is_found(visit_unpainted: Visit) -> None:
    page = visit_unpainted(bypass_csp=True)
    seen: set[str] = set()
    rules = ["link-name", "color-contrast"]
    assert faults_of(page, seen, only=rules) == []
    assert page.locator("[data-alike]").count() > 50
    page.evaluate("document.querySelectorAll('[data-row] a')[20].replaceChildren()")
    page.evaluate("document.querySelectorAll('[data-row] a')[30].style.color = '#ddd'")
    found = faults_of(page, seen, only=rules)
    assert {fault.partition(":")[0] for fault in found} == set(rules)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_that_stands_out_too_little_is_found_as_axe_finds_it(
    visit_unpainted: Visit, scheme: str
) -> None:
    page = visit_unpainted(bypass_csp=True)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    assert faint_in(page) == []
    for row, style in enumerate(
        (
            "color: #808080",
            "color: rgb(128 128 128 / 0.9)",
            "opacity: 0.4",
            "color: #777; background: #888",
            "color: #767676; background: #fff",  # Just enough.
            "color: color-mix(in srgb, #fff 40%, #000); background: #fff",  # Enough.
            "color: #949494; background: #fff; font-size: 24px",  # Enough for so large a text.
            "color: #949494; background: #fff; font-size: 18px; font-weight: bold",
        )
    ):
        page.evaluate(
            "([row, style]) =>"
            " document.querySelectorAll('[data-row] a')[row].setAttribute('style', style)",
            [row, style],
        )
    page.get_by_role("searchbox").fill("riluzole")
    page.get_by_role("searchbox").evaluate("box => box.style.color = '#808080'")
    ours = set(faint_in(page))
    theirs = set(faults_of(page, only=["color-contrast"]))
    assert len(ours) >= 6
    assert ours == theirs


NARROW_AND_WIDE: dict[str, ViewportSize] = {
    "320": {"width": 320, "height": 800},
    "1280": {"width": 1280, "height": 800},
}
HOSTILE = (
    "\u202egnp.exe\u202c reversed",
    "Z\u0336\u0321a\u0334\u0322l\u0335g\u0337o" * 200,
    "x" * 10_000,
    "word " * 2_000,
    "👩‍👩‍👧‍👦" * 500,
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7*7 }}{% for x in y %}",
    "ﷺ" * 300,
    "مرحبا " * 400,
    "\u200b\u200b\u200b",
    "\u2028\u2029 line separators",
    "ⒽⓄⓈⓉⒾⓁⒺ ｆｕｌｌｗｉｄｔｈ",
    "中文" * 800,
    "a\u0300" * 3_000,
    "\u2067rtl isolate \u2066 ltr",
    "tab\tand\x0bcontrol\x07",
    "…" * 1_000,
    "https://example.net/" + "a" * 3_000,
    "",
)


def test_hostile_names_and_subjects_break_no_layout(
    unpainted_desk: Desk, house: Stand, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "inboxbot.sqlite3"
    db = new_store(path)
    now = datetime.now(UTC)
    rows = [
        letters.add(db, Letter(name=text, subject=other, text=text or "words"), now)
        for text, other in zip(HOSTILE, HOSTILE[::-1], strict=True)
    ]
    db.close()
    dialogs: list[str] = []
    with moved(house, path) as stand, visits(unpainted_desk, stand) as visit:
        page = visit(None)
        page.set_viewport_size(NARROW_AND_WIDE["320"])
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        for where in ["/queue?view=open", *(f"/m/{row}" for row in rows)]:
            page.goto(stand.url + where)
            number = where.rpartition("/")[2]
            name = f"Letter {number}" if where.startswith("/m/") else "All open"
            assert page.title() == f"{name} - inboxbot"
            for width in each_size(page, NARROW_AND_WIDE):
                assert too_wide(page) <= 0, (width, where)
            if where.startswith("/queue"):  # The first of them, which is wide at the end.
                heights = page.evaluate(
                    "[...document.querySelectorAll('[data-row]')].map(row => row.offsetHeight)"
                )
                assert len(heights) == len(rows)
                assert max(heights) < 130, heights
    assert dialogs == []
    assert stand.faults == []
