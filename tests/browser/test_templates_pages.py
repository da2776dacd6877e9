"""Every page of the administrators' workbench: accessible in every state, and nothing is cut."""

import re
from datetime import UTC, datetime

from playwright.sync_api import expect

from inboxbot.store import templates
from inboxbot.store.database import write
from inboxbot.store.users import Role
from tests.browser.conftest import Enter, visits
from tests.browser.desk import Desk
from tests.browser.looking import Seen, look_in_every_way
from tests.workshop import EDITOR, TEXT, Workshop, written

PAGES = {
    "templates": "/templates",
    "template": f"{EDITOR}?who=s3",
    "template-html": f"{EDITOR}?view=html&part=html",
    "template-phone": "/templates/bereavement/en?view=phone&who=s1",
    "template-dark": "/templates/bereavement/en?view=dark",
    "template-mistakes": "/templates/urgent/en",
    "template-right-to-left": "/templates/urgent/ar",
    "template-publish": "/templates/profile_request/en/publish",
    "template-mistakes-publish": "/templates/urgent/en/publish",
    "template-both": f"{EDITOR}/both",
    "template-history": f"{EDITOR}/history?done=2&before=1",
    "template-what-if": f"{EDITOR}/what-if",
}


def test_every_page_of_templates_is_accessible_and_fits(
    unpainted_desk: Desk, workshop: Workshop
) -> None:
    fill(workshop)
    faults, seen = [], Seen()
    # axe is put into the page.
    with visits(unpainted_desk, workshop) as visit:
        page = visit(None, name="ada", role=Role.ADMINISTRATOR, bypass_csp=True)
        for name, path in PAGES.items():
            page.goto(workshop.url + path)
            assert re.sub(r"\?.*", "", path) in page.url
            faults += look_in_every_way(page, name, seen)
    assert faults == []


def fill(workshop: Workshop) -> None:
    """Bring every template into a state that a page has to show."""
    workshop.publish(TEXT.replace("Thank you", "Many thanks"))
    shipped = workshop.library
    assert shipped is not None
    request = shipped.source("profile_request", "en")[0]
    urgent = shipped.source("urgent", "en")[0]
    assert request is not None
    assert urgent is not None
    now = datetime.now(UTC)
    with write(workshop.db):
        for name, text, html, based_on in (
            ("general_inquiry", TEXT.replace("Hello,", "Good day,"), None, 1),
            ("profile_request", request.text.replace("Hello,", "Hello!"), None, 0),
            ("urgent", urgent.text.replace("phone", "fone"), "<p>x</p><script>x</script>", 0),
        ):
            templates.save_draft(
                workshop.db,
                name,
                "en",
                "ada",
                text=text,
                html=html,
                based_on=based_on,
                revision=0,
                now=now,
            )
    written(workshop.file("bereavement"), "Subject: x\n\nbroken {{ phnoe }}\n")


def test_what_is_painted_behind_the_text_lies_exactly_under_it(
    workshop: Workshop, enter: Enter
) -> None:
    page = enter(EDITOR)
    expect(page.locator(".lines .syntax").first).to_be_visible()
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".lines span")].map((span) => {
            const style = getComputedStyle(span);
            const sheet = getComputedStyle(document.querySelector(".sheet textarea"));
            return [style.fontSize === sheet.fontSize, style.display, style.borderLeftWidth,
                style.paddingLeft, style.color];
        })"""
    )
    assert sizes
    assert {tuple(each) for each in sizes} == {(True, "inline", "0px", "0px", "rgba(0, 0, 0, 0)")}
