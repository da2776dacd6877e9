"""The tasks of a working day in a real browser: by keyboard alone, and without JavaScript."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from inboxbot.store import drafts, queue, replies, reviews, snippets
from inboxbot.store.database import write
from inboxbot.store.queue import Listing, View
from inboxbot.store.users import Role
from tests import letters
from tests.browser.conftest import Visit
from tests.browser.hand import click, tick
from tests.letters import Letter
from tests.stand import Stand


def number(page: Page) -> int:
    found = re.search(r"/m/(\d+)", page.url)
    assert found is not None
    return int(found[1])


def listed(stand: Stand, view: View, limit: int = 500) -> list[int]:
    return queue.ids(stand.db, Listing(view=view), staff="jo", now=datetime.now(UTC), limit=limit)


def press(page: Page, *keys: str) -> None:
    """Press keys, and wait for the page that each of them opens."""
    for key in keys:
        with page.expect_navigation():
            page.keyboard.press(key)


@pytest.mark.parametrize("count", [20, pytest.param(50, marks=pytest.mark.long)])
def test_as_many_sorted_letters_are_confirmed_with_as_many_key_presses(
    stand: Stand, visit_unpainted: Visit, count: int
) -> None:
    first = listed(stand, View.NEEDS_REVIEW)
    page = visit_unpainted(f"/m/{first[0]}")
    for _ in range(count):
        press(page, "v")
    assert listed(stand, View.NEEDS_REVIEW) == first[count:]
    assert number(page) == first[count]


def test_the_list_is_walked_and_a_letter_opened_by_keys(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand, View.NEEDS_REVIEW)
    page = visit_unpainted()
    page.keyboard.press("j")
    page.keyboard.press("j")
    press(page, "Enter")
    assert number(page) == order[1]
    press(page, "j")
    assert number(page) == order[2]
    press(page, "k")
    assert number(page) == order[1]
    press(page, "u")
    expect(page.get_by_role("heading", name="Needs review")).to_be_visible()


def test_a_category_is_corrected_and_the_correction_undone_by_keys(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(), datetime.now(UTC))
    page = visit_unpainted(f"/m/{letter}")
    press(page, "3")
    expect(page.get_by_role("status").filter(has_text="Category changed.")).to_be_visible()
    found = reviews.get(stand.db, letter)
    assert found is not None
    assert found.category == "general_inquiry"
    press(page, "z")
    found = reviews.get(stand.db, letter)
    assert found is not None
    assert found.category == "medication_question"
    assert found.confirmed_at is None


def test_letters_are_taken_closed_set_aside_and_refused_by_keys(
    stand: Stand, visit_unpainted: Visit
) -> None:
    rows = [letters.add(stand.db, Letter(subject=str(n)), datetime.now(UTC)) for n in range(4)]
    page = visit_unpainted(f"/m/{rows[0]}")
    press(page, "m")
    page.goto(f"{stand.url}/m/{rows[1]}")
    press(page, "e")
    page.goto(f"{stand.url}/m/{rows[2]}")
    page.keyboard.press("h")
    page.keyboard.press("Tab")
    press(page, "Enter")
    page.goto(f"{stand.url}/m/{rows[3]}")
    press(page, "!")
    states = [reviews.get(stand.db, row) for row in rows]
    assert [state and state.state for state in states] == ["claimed", "closed", "new", "closed"]
    assert states[0] is not None
    assert states[0].assignee == "jo"
    assert states[2] is not None
    assert states[2].snoozed_until is not None
    assert states[3] is not None
    assert states[3].closed_as == "not_for_us"


def test_a_note_is_written_by_keys(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(), datetime.now(UTC))
    page = visit_unpainted(f"/m/{letter}")
    page.keyboard.press("n")
    page.keyboard.type("Called back; prefers the telephone.")
    press(page, "Control+Enter")
    assert [note.text for note in reviews.notes(stand.db, letter)] == [
        "Called back; prefers the telephone."
    ]


def test_many_letters_are_chosen_and_done_by_keys_and_undone_with_one(
    stand: Stand, visit_unpainted: Visit
) -> None:
    order = listed(stand, View.NEEDS_REVIEW)
    page = visit_unpainted()
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("[data-selected]")).to_have_text("3 ✓")
    page.get_by_role("button", name="Done", exact=True).focus()
    press(page, "Enter")
    assert listed(stand, View.NEEDS_REVIEW) == order[3:]
    press(page, "z")
    assert listed(stand, View.NEEDS_REVIEW) == order


def test_a_search_is_typed_found_kept_and_its_words_stay_out_of_the_address(
    stand: Stand, visit_unpainted: Visit
) -> None:
    wanted = letters.add(
        stand.db, Letter(subject="A wheelchair ramp", text="Who builds ramps?"), datetime.now(UTC)
    )
    page = visit_unpainted()
    page.keyboard.press("/")
    page.keyboard.type("subject:ramp category:medication")
    press(page, "Enter")
    assert "ramp" not in page.url
    expect(page.locator("[data-row]")).to_have_count(1)
    click(page.get_by_text("Keep this search"))
    page.get_by_label("Name").fill("Ramps")
    click(page.get_by_role("button", name="Save"))
    page.goto(stand.url + "/queue")
    click(page.get_by_role("link", name="Ramps"))
    click(page.locator("[data-row] a"))
    assert number(page) == wanted


def test_a_search_with_a_mistake_is_explained_and_kept(
    stand: Stand, visit_unpainted: Visit
) -> None:
    page = visit_unpainted()
    page.get_by_role("searchbox").fill('category:medcation "riluzole')
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("quotation mark is not closed")
    expect(page.get_by_role("searchbox")).to_have_value('category:medcation "riluzole')


def test_why_no_acknowledgement_went_is_said_in_a_sentence(
    stand: Stand, visit_unpainted: Visit
) -> None:
    from inboxbot.reply.reason import Disposition, Reason

    letter = letters.add(
        stand.db,
        Letter(disposition=Disposition.SUPPRESS, reason=Reason.AUTO_SUBMITTED, reply=""),
        datetime.now(UTC),
    )
    page = visit_unpainted(f"/m/{letter}")
    card = page.get_by_role("region", name="What was answered by itself")
    expect(card).to_contain_text("the message says that a machine wrote it")


def test_what_was_sent_is_shown_from_the_very_bytes(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(), datetime.now(UTC))
    page = visit_unpainted(f"/m/{letter}")
    click(page.get_by_text("Read exactly what was sent"))
    expect(page.get_by_text("A person will answer you within 48 hours.")).to_be_visible()


def test_an_uncertain_acknowledgement_is_settled(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(reply="uncertain"), datetime.now(UTC))
    page = visit_unpainted(f"/m/{letter}")
    click(page.get_by_role("button", name="It was sent"))
    expect(page.get_by_role("status").filter(has_text="Settled.")).to_be_visible()
    reply = replies.acknowledgement(stand.db, letter)
    assert reply is not None
    assert reply.state == "sent"


def test_a_held_acknowledgement_is_released_and_taken_back(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(reply="held", reply_reason="shadow"), datetime.now(UTC))
    page = visit_unpainted(f"/m/{letter}")
    with page.expect_navigation():
        click(page.get_by_role("button", name="Send it", exact=True))
    reply = replies.acknowledgement(stand.db, letter)
    assert reply is not None
    assert reply.state == "queued"
    assert reply.due_at > datetime.now(UTC) + timedelta(seconds=5)
    press(page, "z")
    reply = replies.acknowledgement(stand.db, letter)
    assert reply is not None
    assert (reply.state, reply.reason) == ("held", "shadow")


def test_an_answer_is_written_with_a_ready_made_reply_sent_and_taken_back(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(), datetime.now(UTC))
    with write(stand.db):
        snippets.save(stand.db, "doctor", "Doctor", "en", "Ask your doctor.", "kim", now())
    page = visit_unpainted(f"/m/{letter}")
    page.keyboard.press("r")
    page.keyboard.type("Dear Ana, thank you. ")
    click(page.get_by_text("Ready-made replies"))
    click(page.get_by_role("button", name="/doctor"))
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, thank you. Ask your doctor.")
    expect(
        page.get_by_role("region", name="Answer", exact=True).get_by_text("ana@example.net")
    ).to_be_visible()
    page.get_by_label("Your words").focus()
    press(page, "Control+Enter")
    expect(page.get_by_text("Your answer leaves in ten seconds.")).to_be_visible()
    expect(page.get_by_label("Your words")).to_have_value("")
    (answer,) = [each for each in replies.of_letter(stand.db, letter) if each.kind == "answer"]
    assert (answer.state, answer.recipient) == ("queued", "ana@example.net")
    assert b"Ask your doctor." in answer.raw
    assert b"In-Reply-To: " in answer.raw
    assert b"Auto-Submitted" not in answer.raw
    assert [each.used for each in snippets.everything(stand.db)] == [1]
    press(page, "z")
    assert [each.kind for each in replies.of_letter(stand.db, letter)] == ["acknowledgement"]
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, thank you. Ask your doctor.")


def now() -> datetime:
    return datetime.now(UTC)


def test_what_is_being_written_is_kept_by_itself(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(), now())
    page = visit_unpainted(f"/m/{letter}")
    with page.expect_response("**/draft"):
        page.get_by_label("Your words").fill("Half a sentence")
    click(page.get_by_role("link", name="Queue"))
    page.goto(f"{stand.url}/m/{letter}")
    expect(page.get_by_label("Your words")).to_have_value("Half a sentence")


def test_an_answer_with_an_open_place_is_stopped_and_kept(stand: Stand, visit: Visit) -> None:
    letter = letters.add(stand.db, Letter(), now())
    page = visit(f"/m/{letter}")
    page.get_by_label("Your words").fill("Dear [name], see the attached leaflet.")
    page.get_by_role("button", name="Send the answer").click()
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("not filled in")
    expect(problem).to_contain_text("speaks of an attachment")
    expect(problem).to_be_focused()
    expect(problem).to_be_in_viewport()
    problem.get_by_role("link").click()
    expect(page.get_by_label("Your words")).to_be_focused()
    expect(page.get_by_label("Your words")).to_have_value("Dear [name], see the attached leaflet.")
    assert len(replies.of_letter(stand.db, letter)) == 1


def test_a_colleague_who_answered_meanwhile_is_named_before_a_second_answer_leaves(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(), now())
    mine = visit_unpainted(f"/m/{letter}")
    theirs = visit_unpainted(f"/m/{letter}", name="kim")
    theirs.get_by_label("Your words").fill("Dear Ana, I looked it up.")
    click(theirs.get_by_role("button", name="Send the answer"))
    mine.get_by_label("Your words").fill("Dear Ana, me too.")
    click(mine.get_by_role("button", name="Send the answer"))
    expect(mine.get_by_role("alert")).to_contain_text("kim answered this letter")
    assert sum(each.kind == "answer" for each in replies.of_letter(stand.db, letter)) == 1
    click(mine.get_by_role("button", name="Send anyway"))
    assert sum(each.kind == "answer" for each in replies.of_letter(stand.db, letter)) == 2


def test_a_stale_page_gives_the_choice_and_overwrites_nothing(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = letters.add(stand.db, Letter(), now())
    mine = visit_unpainted(f"/m/{letter}")
    theirs = visit_unpainted(f"/m/{letter}", name="kim")
    press(theirs, "m")
    mine.locator("#note").fill("Please call her.")
    click(mine.get_by_role("button", name="Add note"))
    expect(mine.get_by_role("main")).to_contain_text("kim assigned the letter")
    expect(mine.get_by_role("main")).to_contain_text("Please call her.")
    assert reviews.notes(stand.db, letter) == []
    click(mine.get_by_role("button", name="Do what I wanted all the same"))
    found = reviews.get(stand.db, letter)
    assert found is not None
    assert found.assignee == "kim"
    assert [note.text for note in reviews.notes(stand.db, letter)] == ["Please call her."]


def test_a_colleague_on_the_same_letter_is_seen_in_letter_and_list(
    stand: Stand, visit_unpainted: Visit
) -> None:
    letter = listed(stand, View.NEEDS_REVIEW)[0]
    visit_unpainted(f"/m/{letter}", name="kim")
    with write(stand.db):
        drafts.touch(stand.db, letter, "ada", writing=True, now=now())
    page = visit_unpainted(f"/m/{letter}")
    expect(page.locator("[data-present]")).to_contain_text("kim is looking")
    page.goto(stand.url + "/queue")
    expect(page.locator("[data-row]").first).to_contain_text("ada is writing")


def test_everything_of_a_person_is_on_one_page(stand: Stand, visit_unpainted: Visit) -> None:
    first = letters.add(stand.db, Letter(subject="The first one", minutes_ago=9000), now())
    second = letters.add(stand.db, Letter(subject="The second one"), now())
    page = visit_unpainted(f"/m/{second}")
    press(page, "p")
    assert "ana" not in page.url
    expect(page.get_by_role("link", name="The first one")).to_be_visible()
    page.locator("#note").fill("Cares for her father.")
    click(page.get_by_role("button", name="Add note"))
    tick(page.get_by_label("Do not acknowledge"))
    click(page.get_by_role("button", name="Save"))
    page.goto(f"{stand.url}/m/{first}")
    expect(page.get_by_text("Cares for her father.")).to_be_visible()
    expect(page.get_by_text("Is never acknowledged")).to_be_visible()


def test_the_safety_stop_is_everybodys_and_an_administrator_lets_go(
    stand: Stand, visit_unpainted: Visit
) -> None:
    from inboxbot import modes
    from inboxbot.store import settings
    from inboxbot.store.settings import Mode

    modes.set_mode(stand.db, Mode.LIVE, who="test", now=now())
    page = visit_unpainted("/health")
    click(page.get_by_role("button", name="Pause all acknowledgements"))
    assert settings.mode(stand.db) is Mode.PAUSED
    expect(page.get_by_role("status").filter(has_text="Paused.")).to_be_visible()
    expect(page.get_by_role("button", name="Let them go again")).to_have_count(0)
    chief = visit_unpainted("/health", name="ada", role=Role.ADMINISTRATOR)
    click(chief.get_by_role("button", name="Let them go again"))
    assert settings.mode(stand.db) is Mode.LIVE


def test_what_helps_others_to_help_is_copied_with_one_press(
    stand: Stand, visit_unpainted: Visit
) -> None:
    page = visit_unpainted("/health", name="ada", role=Role.ADMINISTRATOR)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    click(page.get_by_role("button", name="Copy", exact=True))
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("inboxbot ")


def test_the_day_goes_by_without_javascript(stand: Stand, visit_unpainted: Visit) -> None:
    letter = letters.add(stand.db, Letter(), now())
    page = visit_unpainted("/queue", java_script_enabled=False)
    expect(page.locator("ol.letters li")).to_have_count(50)
    tick(page.get_by_label("Choose letter").first)
    click(page.get_by_role("button", name="Confirm", exact=True))
    expect(page.get_by_text("Category confirmed.")).to_be_visible()
    click(page.get_by_role("button", name="Undo"))
    expect(page.get_by_text("Undone")).to_be_visible()
    page.goto(f"{stand.url}/m/{letter}")
    click(page.get_by_role("button", name="General inquiry"))
    page.locator("#note").fill("A note.")
    click(page.get_by_role("button", name="Add note"))
    click(page.get_by_role("button", name="Take it"))
    page.get_by_label("Your words").fill("Dear Ana, ")
    click(page.get_by_role("button", name="Keep for later"))
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, ")
    page.get_by_label("Your words").fill("Dear Ana, welcome.")
    click(page.get_by_role("button", name="Send the answer"))
    expect(page.get_by_text("Your answer leaves in ten seconds.")).to_be_visible()
    click(page.get_by_role("button", name="Take it back"))
    expect(page.get_by_label("Your words")).to_have_value("Dear Ana, welcome.")
    click(page.get_by_role("button", name="Done").first)
    page.get_by_role("searchbox").fill("status:done")
    click(page.get_by_role("button", name="Search"))
    expect(page.locator("ol.letters li")).to_have_count(1)
    found = reviews.get(stand.db, letter)
    assert found is not None
    assert (found.state, found.category) == ("closed", "general_inquiry")
