"""Nothing that was typed is lost: a stale page, an ended session, two administrators at once."""

from playwright.sync_api import BrowserContext, expect

from inboxbot.store import templates, users
from inboxbot.store.database import write
from inboxbot.store.users import Role
from tests.browser.conftest import Enter
from tests.browser.editing import press, publish, sheet, type_text
from tests.browser.hand import click
from tests.workshop import EDITOR, TEXT, Workshop


def test_a_stale_save_keeps_what_was_typed(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted()
    other = page.context.new_page()
    other.goto(workshop.url + EDITOR)
    type_text(page, TEXT + "first")
    sheet(other).fill(TEXT + "second")
    expect(other.get_by_role("alert")).to_contain_text("Nothing is lost: choose one.")
    assert other.get_by_label("Text").input_value() == TEXT + "second"
    draft = workshop.draft()
    assert draft is not None
    assert draft.text == TEXT + "first"
    press(other, "Keep this one")
    draft = workshop.draft()
    assert draft is not None
    assert draft.text == TEXT + "second"


def test_a_save_after_the_session_ended_keeps_what_was_typed(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted(java_script_enabled=False)
    end_sessions(workshop)
    sheet(page).fill(TEXT + "too late")
    press(page, "Save draft")
    expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
    assert page.get_by_label("Text").input_value() == TEXT + "too late"
    sign_in_again(workshop, page.context)
    press(page, "Save draft")  # With the token of the session that is over.
    expect(page.get_by_role("alert")).to_contain_text("You are signed in again")
    press(page, "Save draft")
    draft = workshop.draft()
    assert draft is not None
    assert draft.text == TEXT + "too late"


def test_the_script_keeps_the_text_until_somebody_is_signed_in_again(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    end_sessions(workshop)
    sheet(page).fill(TEXT + "too late")
    expect(page.locator("[data-live=saved]")).to_contain_text("You were signed out")
    sign_in_again(workshop, page.context)
    expect(page.locator("[data-live=saved]")).to_contain_text("Your draft, saved")
    draft = workshop.draft()
    assert draft is not None
    assert draft.text == TEXT + "too late"


def end_sessions(workshop: Workshop) -> None:
    user = users.named(workshop.db, "ada")
    assert user is not None
    with write(workshop.db):
        users.end_sessions(workshop.db, user.id)


def sign_in_again(workshop: Workshop, context: BrowserContext) -> None:
    context.add_cookies(
        [workshop.cookie(workshop.person("ada", Role.ADMINISTRATOR))]  # type: ignore[list-item]
    )


def test_two_changes_are_shown_and_put_together_on_request(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    type_text(page, TEXT.replace("Thank you", "Many thanks"))
    press(page, "Publish…")
    workshop.publish(TEXT.replace("With warm wishes", "Warmly"))
    page.get_by_label("Why?").fill("Shorter")
    press(page, "Publish now")
    expect(page.get_by_role("alert")).to_contain_text("Version 2 went live while you were writing")
    expect(page.get_by_role("alert")).to_contain_text("kim")
    theirs, mine = page.locator(".beside-each-other .diff").all()
    expect(theirs.locator("ins")).to_have_text("Warmly,")
    expect(mine.locator("ins")).to_have_text(["Many", "thanks"])
    assert workshop.live().text == TEXT.replace("With warm wishes", "Warmly")
    press(page, "Put both changes together")
    both = TEXT.replace("Thank you", "Many thanks").replace("With warm wishes", "Warmly")
    assert sheet(page).input_value() == both
    publish(page, "Both")
    assert workshop.file().read_text() == both
    assert workshop.live().number == 3


def test_changes_of_the_same_line_are_never_put_together_without_a_person(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    type_text(page, TEXT.replace("With warm wishes", "Kindly"))
    workshop.by_hand(TEXT.replace("With warm wishes", "Warmly"))
    type_text(page, TEXT.replace("With warm wishes", "Kindly yours"))
    click(page.get_by_role("link", name="See both, and choose"))
    expect(page.get_by_role("alert")).to_contain_text("edited in the folder")
    expect(page.get_by_role("button", name="Put both changes together")).to_have_count(0)
    press(page, "Take theirs")
    assert "Warmly" in sheet(page).input_value()
    press(page, "Bring it back")
    assert sheet(page).input_value() == TEXT.replace("With warm wishes", "Kindly yours")
    click(page.get_by_role("link", name="See both, and choose"))
    press(page, "Go on with my text")
    publish(page, "Mine is better")
    assert "Kindly yours" in workshop.file().read_text()
    numbers = [each.who for each in templates.history(workshop.db, "general_inquiry", "en")]
    assert numbers == ["ada", "file", "file"]


def test_two_administrators_see_each_other(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted()
    type_text(page, TEXT + "{# my note #}")
    kim = enter_unpainted(name="kim")
    expect(kim.locator("[data-present]")).to_contain_text("ada is writing")
    expect(kim.get_by_text("has a draft of their own")).to_be_visible()
    assert sheet(kim).input_value() == TEXT
