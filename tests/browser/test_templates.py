"""The administrators' workbench in a real browser: with its script, without, and by two people."""

import email
import json
import os
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from pathlib import Path

from playwright.sync_api import expect

from inboxbot.store import alerts, audit, outbox, templates
from inboxbot.store.database import write
from inboxbot.store.users import Role
from tests.browser.conftest import Enter
from tests.browser.editing import press, publish, sheet, type_text
from tests.browser.hand import click, tick
from tests.workshop import EDITOR, SECRET, TEXT, Workshop, written

BROKEN = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "broken_templates.jsonl")
    .read_text("utf-8")
    .splitlines()
]


def test_a_template_with_a_slip_is_mended_with_one_click_and_published(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    type_text(page, TEXT.replace("{{ phone }}", "{{ fone }}").replace("Hello,", "Good day,"))
    problem = page.locator(".mistake").filter(has_text="is not a known value")
    expect(problem).to_contain_text("line 7, column 23")
    expect(problem).to_contain_text("Did you mean phone?")
    expect(page.locator(".lines .wrong")).not_to_have_count(0)
    click(problem.get_by_role("button", name="Fix"))
    expect(page.get_by_role("status").filter(has_text="It can be published.")).to_be_visible()
    assert sheet(page).input_value() == TEXT.replace("Hello,", "Good day,")
    expect(page.locator(".text-pane")).to_contain_text("Good day,")
    publish(page, "Sounds warmer")
    expect(page.locator(".toast")).to_contain_text("Version 2 is sent from now on.")
    assert workshop.file().read_text() == TEXT.replace("Hello,", "Good day,")
    assert (workshop.live().who, workshop.live().comment) == ("ada", "Sounds warmer")
    assert workshop.draft() is None
    click(page.get_by_role("button", name="Send this one again version 1"))
    expect(page.locator(".toast")).to_contain_text("Version 3 is sent from now on.")
    click(page.get_by_role("button", name="Send this one again the built-in reply"))
    expect(page.locator(".toast")).to_contain_text("Version 4 is sent from now on.")
    assert workshop.live().comment == "Back to the built-in reply"
    assert "published template" in [entry.what for entry in audit.entries(workshop.db)]


def test_everything_works_without_javascript(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted(java_script_enabled=False)
    sheet(page).fill(TEXT.replace("{{ phone }}", "{{ fone }}"))
    page.get_by_label("for", exact=True).select_option("everything filled")
    press(page, "Check and preview")
    expect(page.locator(".mistake").first).to_contain_text("line 7, column 23")
    press(page, "Fix")
    assert sheet(page).input_value() == TEXT
    sheet(page).fill(TEXT.replace("Thank you", "Many thanks"))
    press(page, "Save draft")
    expect(page.locator(".text-pane")).to_contain_text("Dear Ana,")
    tick(page.get_by_role("radio", name="Dark"))
    expect(page.frame_locator(".dark-pane iframe").locator("body")).to_contain_text("Many thanks")
    expect(page.locator(".diff ins")).to_have_text(["Many", "thanks"])
    publish(page, "Shorter")
    click(page.get_by_role("button", name="Send this one again version 1"))
    expect(page.locator(".toast")).to_contain_text("Version 3 is sent from now on.")
    assert workshop.file().read_text() == TEXT
    press(page, "Undo")
    assert "Many thanks" in workshop.file().read_text()
    assert [each.number for each in templates.history(workshop.db, "general_inquiry", "en")] == [
        4,
        3,
        2,
        1,
    ]


def test_the_preview_follows_within_a_third_of_a_second(workshop: Workshop, enter: Enter) -> None:
    page = enter(f"{EDITOR}?view=html")
    began, was_idle = time.monotonic(), idle_s()
    took = page.evaluate(
        """async () => {
            const area = document.getElementById("text");
            const frame = document.querySelector(".light-pane iframe");
            const took = [];
            for (let turn = 0; turn < 15; turn++) {
                const shown = new Promise((done) => {
                    frame.addEventListener("load", done, { once: true });
                });
                const began = performance.now();
                const at = area.value.indexOf("Thank");
                area.setRangeText("x", at, at, "end");
                area.dispatchEvent(new Event("input", { bubbles: true }));
                await shown;
                took.push(performance.now() - began);
            }
            return took;
        }"""
    )
    print(f"preview: median {statistics.median(took):.0f} ms, longest {max(took):.0f} ms")
    # The machine may be busy with other things; then it is given twice the time.
    was_free = idle_s() - was_idle > (time.monotonic() - began) / 2
    assert statistics.median(took) <= (300 if was_free else 600)
    expect(page.frame_locator(".light-pane iframe").locator("body")).to_contain_text("x" * 15)


def idle_s() -> float:
    """Return how long the processors had nothing to do so far, all together."""
    idle = Path("/proc/stat").read_text().split(maxsplit=5)[4]
    return int(idle) / os.sysconf("SC_CLK_TCK")


def test_what_is_typed_is_kept_by_itself(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted()
    type_text(page, TEXT + "half {{")
    expect(page.locator("[data-live=saved]")).to_contain_text("Your draft, saved")
    draft = workshop.draft()
    assert draft is not None
    assert (draft.text, draft.based_on) == (TEXT + "half {{", 1)
    page.goto("about:blank")
    page.goto(workshop.url + EDITOR)
    assert sheet(page).input_value() == TEXT + "half {{"
    assert workshop.live().text == TEXT


def test_a_broken_file_is_shown_and_mended_in_the_editor(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    workshop.by_hand(TEXT.replace("{{ phone }}", "{{ phnoe }}"))
    with write(workshop.db):
        alerts.open_alert(
            workshop.db,
            alerts.Code.TEMPLATE,
            datetime.now(UTC),
            detail="en/general_inquiry.txt.j2",
        )
    page = enter_unpainted("/templates")
    banner = page.get_by_role("alert").filter(has_text="in the folder")
    expect(banner).to_contain_text("“phnoe” is not a known value. Did you mean phone?")
    expect(banner).to_contain_text("Version 1 is sent since")
    click(banner.get_by_role("link").first)
    press(page, "Mend it here")
    click(page.locator(".mistake").get_by_role("button", name="Fix").first)
    expect(page.get_by_role("status").filter(has_text="It can be published.")).to_be_visible()
    press(page, "Publish…")
    tick(page.get_by_label("The file in the folder holds a broken edit"))
    page.get_by_label("Why?").fill("Mended")
    press(page, "Publish now")
    assert workshop.file().read_text() == TEXT
    page.goto(workshop.url + "/templates")
    expect(page.get_by_role("alert").filter(has_text="in the folder")).to_have_count(0)


def test_errors_block_and_warnings_need_a_tick(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted(java_script_enabled=False)
    sheet(page).fill(TEXT + "Take 50 mg of it twice a day.\n")
    press(page, "Publish…")
    expect(page.get_by_text("This looks like a dose")).to_be_visible()
    expect(page.get_by_role("button", name="Publish now")).to_have_count(0)
    click(page.get_by_role("link", name="Mend them"))
    sheet(page).fill(TEXT + "We are glad!\n")
    press(page, "Publish…")
    page.get_by_label("Why?").fill("Cheerful")
    page.locator("form[action$=publish]").evaluate("form => form.noValidate = true")
    press(page, "Publish now")
    expect(page.get_by_role("alert")).to_contain_text("Tick each point")
    assert page.get_by_label("Why?").input_value() == "Cheerful"
    assert workshop.live().number == 1
    tick(page.get_by_label("An exclamation mark"))
    press(page, "Publish now")
    assert workshop.live().number == 2


def test_a_letter_is_previewed_by_its_values_alone(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    type_text(page, TEXT + "It came on {{ received_date }}.\n")
    page.get_by_label("for", exact=True).select_option(value="m1")
    expect(page.locator(".text-pane")).to_contain_text("It came on")
    expect(page.locator(".text-pane")).to_contain_text(str(datetime.now(UTC).year))
    click(page.get_by_text("Values used"))
    expect(page.locator(".used dl")).to_contain_text("received_date")
    assert SECRET not in page.content()
    assert "viewed" not in [entry.what for entry in audit.entries(workshop.db)]
    click(page.get_by_role("link", name="Open the letter"))
    expect(page.locator("main")).to_contain_text(SECRET)
    assert "viewed" in [entry.what for entry in audit.entries(workshop.db)]


def test_what_if_shows_what_the_last_letters_would_have_got_and_sends_nothing(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    before = len(list(outbox.listed(workshop.db)))
    page = enter_unpainted()
    type_text(page, TEXT.replace("Hello,", "Good day,"))
    click(page.get_by_role("link", name="What if"))
    expect(page.locator("main")).to_contain_text("Of the last 3 letters")
    expect(page.locator(".versions > li").first).to_contain_text("Other words for")
    expect(page.locator(".versions ins").first).to_contain_text("Good day,")
    assert SECRET not in page.content()
    assert len(list(outbox.listed(workshop.db))) == before


def test_the_history_says_who_when_why_what_and_how_often(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    first = workshop.live()
    with write(workshop.db):
        workshop.db.execute("UPDATE outbox SET template_version = ?", [first.fingerprint])
    workshop.publish(TEXT.replace("Thank you", "Many thanks"))
    page = enter_unpainted(f"{EDITOR}/history")
    newest, oldest, built_in = page.locator(".versions > li").all()
    expect(built_in).to_contain_text("What was sent before anybody changed it.")
    expect(newest).to_contain_text("kim")
    expect(newest).to_contain_text("Clearer")
    expect(newest.locator("del")).to_have_text(["Thank", "you"])
    expect(newest).to_contain_text("Used for 0 replies")
    expect(oldest).to_contain_text("edited in the folder")
    expect(oldest).to_contain_text("Used for 3 replies")


def test_values_are_inserted_at_the_cursor_and_problems_found_by_keys(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted()
    sheet(page).evaluate("area => area.setSelectionRange(9, 9)")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        click(page.get_by_role("button", name="Insert received_date"))
    assert sheet(page).input_value().startswith("Subject: {{ received_date }}We have")
    expect(page.locator(".mistake")).not_to_have_count(0)
    sheet(page).focus()
    page.keyboard.press("Alt+ArrowDown")
    assert sheet(page).evaluate("area => area.selectionStart") == 9


def test_the_preview_can_be_kept_as_a_mail_file(workshop: Workshop, enter_unpainted: Enter) -> None:
    page = enter_unpainted()
    type_text(page, TEXT.replace("Thank you", "Many thanks"))
    page.get_by_label("for", exact=True).select_option("everything filled")
    expect(page.locator(".text-pane")).to_contain_text("Dear Ana,")
    with page.expect_download() as download:
        click(page.get_by_role("link", name="Keep it as a mail file"))
    mail = email.message_from_bytes(download.value.path().read_bytes(), policy=policy.default)
    assert mail["Subject"] == "[TEST] We have received your message"
    text, html = (part.get_content() for part in mail.iter_parts())
    assert "Dear Ana," in text
    assert "Many thanks" in html


HOSTILE = (
    "<script>window.top.ran = 1; alert(1)</script>",
    "<img src=x onerror=\"alert(1)\"><img src='https://evil.example/p.gif'>",
    "<svg onload=alert(1)><p>x</p>",
    "<a href='javascript:alert(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<style>@import 'https://evil.example/a.css'; body { background: url(//evil.example) }</style>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<meta http-equiv=refresh content='0; url=https://evil.example'>",
    "<base href=https://evil.example><form action=/x><input autofocus onfocus=alert(1)>",
    "</textarea></template><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    '<p style="background-image: url(https://evil.example/a.png)">x</p>',
    "{{ '<script>alert(1)</script>' }}",
    "{% raw %}<script>alert(1)</script>{% endraw %}",
    "<p>{{ organisation }}</p><object data=https://evil.example></object>",
)


def test_a_hostile_template_runs_and_loads_nothing(workshop: Workshop, enter: Enter) -> None:
    page = enter()
    strangers: list[str] = []
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda sent: None if sent.url.startswith(workshop.url) else strangers.append(sent.url),
    )
    for source in (*HOSTILE, "".join(HOSTILE)):
        with write(workshop.db):
            templates.discard_draft(workshop.db, "general_inquiry", "en", "ada")
            templates.save_draft(
                workshop.db,
                "general_inquiry",
                "en",
                "ada",
                text=TEXT + source,
                html=f"<p>{{{{ organisation }}}}</p>{source}",
                based_on=1,
                revision=0,
                now=datetime.now(UTC),
            )
        page.goto(workshop.url + f"{EDITOR}?view=html")
        assert page.evaluate("window.ran") is None
        if source == "".join(HOSTILE):
            with page.expect_response(lambda answer: answer.request.method == "POST"):
                sheet(page).press("x")  # Through the script, too.
            assert page.evaluate("window.ran") is None
            for where in ("/publish", "/what-if"):
                page.goto(workshop.url + EDITOR + where)
    assert (dialogs, strangers) == ([], [])


def test_a_broken_template_is_kept_as_a_draft_and_shown_at_its_place(
    workshop: Workshop, enter_unpainted: Enter
) -> None:
    page = enter_unpainted("/me")
    token = page.locator("input[name=form_token]").first.input_value()
    right = 0
    for case in BROKEN:
        source = case["source"].replace("¦", "")
        before = case["source"][: case["source"].index("¦")]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        typed = (
            {"text": source, "html": ""}
            if case["part"] == "text"
            else {"text": TEXT, "html": source}
        )
        draft = workshop.draft()
        answer = page.request.post(
            workshop.url + EDITOR,
            form={
                **typed,
                "form_token": token,
                "panel": "1",
                "based_on": "1",
                "revision": str(draft.revision if draft else 0),
            },
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status == 200, case["name"]
        draft = workshop.draft()
        assert draft is not None
        kept = draft.text if case["part"] == "text" else draft.html or ""
        assert kept == source.replace("\r\n", "\n").replace("\r", "\n"), case["name"]
        right += f'data-go="{case["part"]}:{line}:{column}"' in answer.text()
    assert right >= 0.95 * len(BROKEN)
    assert workshop.live().number == 1


def test_looking_changes_nothing_and_only_administrators_may(workshop: Workshop) -> None:
    pages = ("", "/publish", "/history", "/what-if", "/preview", "/both")
    with write(workshop.db):
        templates.save_draft(
            workshop.db,
            "general_inquiry",
            "en",
            "ada",
            text=TEXT + "x",
            html=None,
            based_on=1,
            revision=0,
            now=datetime.now(UTC),
        )
    written(workshop.file(), TEXT + "edited by hand")
    rows = list(templates_of(workshop))
    for role, name in ((Role.ADMINISTRATOR, "ada"), (Role.STAFF, "jo"), (Role.AUDITOR, "otto")):
        client = workshop.app.test_client()
        cookie = workshop.cookie(workshop.person(name, role))
        client.set_cookie(str(cookie["name"]), str(cookie["value"]), domain="localhost")
        for where in ("/templates", *(EDITOR + page for page in pages)):
            answer = client.get(where)
            allowed = role is Role.ADMINISTRATOR
            assert (answer.status_code in (200, 302)) is allowed, where
            if where.endswith("/preview") and allowed:
                assert "sandbox" in answer.headers["Content-Security-Policy"]
                assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert client.get("/templates/nothing/en").status_code == (404 if allowed else 403)
    assert list(templates_of(workshop)) == rows


def templates_of(workshop: Workshop) -> Iterator[tuple[object, ...]]:
    for table in ("template_version", "template_draft", "template_presence"):
        yield from workshop.db.execute(f"SELECT * FROM {table}")
