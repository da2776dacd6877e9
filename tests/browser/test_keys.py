"""The whole map of keys in a real browser, own keys, the list of actions, and the phone's bar."""

from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from inboxbot.store import queue, replies, reviews, snippets, tags
from inboxbot.store.database import write
from inboxbot.store.queue import Listing, View
from inboxbot.store.reviews import Review
from tests import letters
from tests.browser.conftest import Visit
from tests.browser.hand import click, untick
from tests.letters import Letter
from tests.stand import Stand


def now() -> datetime:
    return datetime.now(UTC)


def listed(stand: Stand, view: View = View.NEEDS_REVIEW) -> list[int]:
    return queue.ids(stand.db, Listing(view=view), staff="jo", now=now(), limit=500)


def review_of(stand: Stand, letter: int) -> Review:
    found = reviews.get(stand.db, letter)
    assert found is not None
    return found


def press(page: Page, *keys: str) -> None:
    for key in keys:
        with page.expect_navigation():
            page.keyboard.press(key)


def test_in_the_list_keys_act_on_the_letter_where_one_is(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand)
    page = visit_unpainted()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    press(page, "3")  # The cursor stays where it is: the second letter.
    assert review_of(stand, order[1]).category == "general_inquiry"
    assert review_of(stand, order[1]).confirmed_at is not None
    order = listed(stand)
    press(page, "v")
    assert order[1] not in listed(stand)
    order = listed(stand)
    press(page, "m", "e")
    assert review_of(stand, order[1]).assignee == "jo"
    order = listed(stand)
    page.keyboard.press("a")
    press(page, "m")
    assert review_of(stand, order[1]).assignee == "jo"
    page.goto(stand.url + "/queue")
    page.keyboard.press("j")
    first = listed(stand)[0]
    page.keyboard.press("h")
    page.get_by_role("button", name="Set aside").focus()
    press(page, "Enter")
    assert review_of(stand, first).snoozed_until is not None
    first = listed(stand)[0]
    page.keyboard.press("t")
    page.keyboard.type("equipment")
    press(page, "Enter")
    assert tags.of_letters(stand.db, [first]) == {first: ["equipment"]}
    assert review_of(stand, first).confirmed_at is None
    expect(page.locator("[data-row]").first).to_contain_text("equipment")
    press(page, "!")
    assert review_of(stand, first).closed_as == "not_for_us"
    press(page, "z")
    assert review_of(stand, first).closed_as is None


def test_rows_are_chosen_one_by_one_in_a_range_and_all_and_let_go(
    stand: Stand, visit_unpainted: Visit
) -> None:
    page = visit_unpainted()
    chosen = page.locator("[data-row] input:checked")
    for key in ("j", "x", "j", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(chosen).to_have_count(4)
    page.keyboard.press("u")
    expect(chosen).to_have_count(0)
    page.keyboard.press("*")
    page.keyboard.press("a")
    expect(chosen).to_have_count(50)
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)


def test_what_a_list_shows_is_chosen_in_peace(stand: Stand, visit_unpainted: Visit) -> None:
    page = visit_unpainted()
    page.get_by_label("Kind").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    press(page, "Enter")
    assert "category=medication_question&sort=newest" in page.url


def test_in_a_letter_two_keys_set_the_kind_close_and_go_on(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand)
    page = visit_unpainted(f"/m/{order[0]}")
    page.keyboard.press("d")
    press(page, "3")
    found = review_of(stand, order[0])
    assert (found.category, found.state) == ("general_inquiry", "closed")
    assert f"/m/{order[1]}" in page.url
    assert page.title() == f"Letter {order[1]} - inboxbot"
    press(page, "z")
    assert review_of(stand, order[0]).state == "new"
    assert f"/m/{order[0]}" in page.url


def typed(page: Page, key: str, code: str, *, shift: bool = False) -> None:
    """Press a key of a keyboard that the browser does not have: what it types, and where it is."""
    with page.expect_navigation():
        page.evaluate(
            "([key, code, shiftKey]) => document.body.dispatchEvent(new KeyboardEvent('keydown',"
            " { key, code, shiftKey, bubbles: true, cancelable: true }))",
            [key, code, shift],
        )


def test_what_a_key_types_counts_and_not_where_it_lies(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = listed(stand)[0]
    page = visit_unpainted(f"/m/{letter}")
    press(page, "Shift+Digit1")  # It types "!".
    found = review_of(stand, letter)
    assert (found.closed_as, found.confirmed_at) == ("not_for_us", None)
    press(page, "z")
    typed(page, "2", "Digit2", shift=True)  # As in France.
    found = review_of(stand, letter)
    assert (found.category, found.state) == ("medication_question", "new")
    page.keyboard.press("d")
    page.keyboard.down("Shift")
    typed(page, "1", "Digit1", shift=True)
    page.keyboard.up("Shift")
    found = review_of(stand, letter)
    assert (found.category, found.state) == ("profile_request", "closed")


def test_locked_capitals_change_no_key(stand: Stand, visit_unpainted: Visit) -> None:
    letter = listed(stand)[0]
    page = visit_unpainted(f"/m/{letter}")
    press(page, "M")  # Without Shift.
    assert review_of(stand, letter).assignee == "jo"
    typed(page, "u", "KeyU", shift=True)  # With both, as some systems have it.
    assert review_of(stand, letter).assignee is None
    press(page, "z")
    page.goto(f"{stand.url}/m/{letter}")
    press(page, "U")
    expect(page.get_by_role("heading", name="Needs review")).to_be_visible()
    assert review_of(stand, letter).assignee == "jo"
    page.keyboard.press("G")
    press(page, "P")
    expect(page.get_by_role("heading", level=1)).to_have_text("People")


def test_a_key_that_is_held_acts_once_and_goes_on_moving(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand)
    page = visit_unpainted(f"/m/{order[0]}")
    with page.expect_navigation():
        page.keyboard.down("e")
    page.evaluate("onsubmit = () => { document.title = 'sent'; return false; }; true")
    page.keyboard.down("e")
    assert page.title() != "sent"
    with page.expect_navigation():
        page.keyboard.down("j")
    assert f"/m/{order[2]}" in page.url
    with page.expect_navigation():
        page.keyboard.down("j")
    assert f"/m/{order[3]}" in page.url
    assert listed(stand) == order[1:]


def test_a_key_of_ones_own_is_not_pressed_by_another_sign(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = listed(stand)[0]
    page = visit_unpainted(None)
    with write(stand.db):
        stand.db.execute("UPDATE user SET keys = ?", ('{"e": "i", "i": "y"}',))
    page.goto(f"{stand.url}/m/{letter}")
    press(page, "!")
    assert review_of(stand, letter).closed_as == "not_for_us"


def test_the_other_keys_of_a_letter(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(html="<p>Hello</p>"), now())
    with write(stand.db):
        snippets.save(stand.db, "call", "Call", "en", "Please call us.", "kim", now())
        snippets.save(stand.db, "doctor", "Doctor", "en", "Ask your doctor.", "kim", now())
    page = visit_unpainted(f"/m/{letter}")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator("details.menu[open]")).to_have_count(0)
    page.keyboard.press("a")
    press(page, "m")
    assert review_of(stand, letter).assignee == "jo"
    press(page, "Shift+U")
    assert (review_of(stand, letter).state, review_of(stand, letter).assignee) == ("new", None)
    page.goto(f"{stand.url}/m/{letter}")
    press(page, "f")
    expect(page.locator("iframe")).to_have_count(1)
    press(page, "f")
    expect(page.locator("iframe")).to_have_count(0)
    page.keyboard.press("t")
    page.keyboard.type("ramp")
    press(page, "Enter")
    press(page, "z")
    assert tags.of_letters(stand.db, [letter]) == {}
    page.keyboard.press("s")
    expect(page.get_by_role("region", name="What now?").get_by_role("button").first).to_be_focused()
    page.keyboard.press("w")
    page.keyboard.press("b")
    expect(page.locator("body.no-marks.blurred")).to_have_count(1)
    page.keyboard.press("b")
    page.keyboard.press("r")
    page.keyboard.type("Dear Ana, /doc")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, Ask your doctor.")
    page.keyboard.type(" and/or /")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, Ask your doctor. and/or /")
    page.keyboard.press("Escape")
    press(page, "Escape")
    expect(page.get_by_role("heading", name="Needs review")).to_be_visible()
    for key, heading in (("p", "People"), ("r", "Reports"), ("m", "Ready-made replies")):
        page.keyboard.press("g")
        press(page, key)
        expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    page.keyboard.press("g")
    press(page, "s")
    expect(page.get_by_role("heading", name="Your own keys")).to_be_visible()


def test_every_action_of_a_page_is_found_by_its_name(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(reply="held", reply_reason="shadow"), now())
    page = visit_unpainted(f"/m/{letter}")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog")
    expect(palette.get_by_role("option")).not_to_have_count(0)
    page.keyboard.type("nothing like this")
    expect(palette.get_by_role("status")).to_have_text("Nothing of that name on this page.")
    page.keyboard.press("Escape")
    expect(palette).to_have_count(0)
    click(page.get_by_role("button", name="Actions"))
    page.keyboard.type("send it")
    expect(palette.get_by_role("option")).to_have_text(["Send it", "Do not send it"])
    press(page, "Enter")
    reply = replies.acknowledgement(stand.db, letter)
    assert reply is not None
    assert reply.state == "queued"


COMPOSED = """(field) => ["Enter", "Escape"].map((key) => field.dispatchEvent(new KeyboardEvent(
    "keydown", { key, isComposing: true, bubbles: true, cancelable: true })))"""


def test_keys_of_a_composition_belong_to_what_is_being_written(
    stand: Stand, visit_unpainted: Visit
) -> None:
    with write(stand.db):
        snippets.save(stand.db, "call", "Call", "en", "Please call us.", "kim", now())
    page = visit_unpainted(f"/m/{listed(stand)[0]}")
    words = page.get_by_label("Your words")
    page.keyboard.press("r")
    assert words.evaluate(COMPOSED) == [True, True]
    expect(words).to_be_focused()
    page.keyboard.type("/")
    assert page.get_by_label("Find").evaluate(COMPOSED) == [True, True]
    expect(page.get_by_label("Find")).to_be_focused()
    page.keyboard.press("Control+k")
    assert page.get_by_role("combobox").evaluate(COMPOSED) == [True, True]
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.goto(stand.url + "/queue")
    page.keyboard.press("j")
    page.keyboard.press("t")
    tag = page.get_by_label("Word", exact=True)
    assert tag.evaluate(COMPOSED) == [True, True]
    expect(tag).to_be_focused()


def test_keys_can_be_other_ones_and_can_be_switched_off(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand)
    page = visit_unpainted("/me")
    click(page.get_by_text("Change keys"))
    page.get_by_label("the kind is right, next").fill("e")
    click(page.get_by_role("button", name="Save the keys"))
    expect(page.get_by_role("alert")).to_contain_text("“e” cannot be the key for “v”")
    page.get_by_label("the kind is right, next").fill("y")
    click(page.get_by_role("button", name="Save the keys"))
    page.goto(f"{stand.url}/m/{order[0]}")
    expect(page.get_by_role("button", name="Right, next")).to_contain_text("y")
    page.keyboard.press("v")
    press(page, "y")
    assert f"/m/{order[1]}" in page.url
    assert review_of(stand, order[0]).confirmed_at is not None
    page.goto(stand.url + "/help")
    expect(page.locator("dt").filter(has_text="y").first).to_be_visible()
    page.goto(stand.url + "/me")
    untick(page.get_by_label("Single keys do things"))
    click(page.get_by_role("button", name="Save", exact=True))
    page.goto(f"{stand.url}/m/{order[1]}")
    page.keyboard.press("y")
    page.keyboard.press("e")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown',"
        " { key: 'л', code: 'KeyK', ctrlKey: true, bubbles: true }))"
    )
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_be_visible()  # With a modifier it is in nobody's way.
    assert review_of(stand, order[1]).state == "new"


def test_on_a_telephone_the_next_step_is_under_the_thumb(stand: Stand, visit: Visit) -> None:
    order = listed(stand)
    page = visit(f"/m/{order[0]}", viewport={"width": 375, "height": 812})
    bar = page.get_by_role("navigation", name="What now?")
    expect(bar).to_be_in_viewport()
    bar.get_by_role("link", name="Answer").click()
    expect(page.get_by_label("Your words")).to_be_in_viewport()
    covered = page.evaluate(
        "() => document.getElementById('text').getBoundingClientRect().top"
        " >= document.querySelector('.thumb-bar').getBoundingClientRect().top"
    )
    assert not covered
    with page.expect_navigation():
        bar.get_by_role("button", name="Right, next").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    assert review_of(stand, order[0]).confirmed_at is not None


def test_printed_is_the_letter_and_nothing_of_the_page_around_it(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(subject="On paper", text="What she wrote."), now())
    page = visit_unpainted(f"/m/{letter}", color_scheme="dark")
    page.emulate_media(media="print")
    for text in ("On paper", "What she wrote.", "ana@example.net"):
        expect(page.locator("main").get_by_text(text).first).to_be_visible()
    for selector in (".top", ".side", ".compose", ".actions", ".note", "button"):
        for found in page.locator(selector).all():
            expect(found).not_to_be_visible()
    ink = page.evaluate("getComputedStyle(document.querySelector('.words .text')).color")
    assert sum(map(int, ink[4:-1].split(","))) < 200
