"""`inboxbot explain`: the contract that people outside rely on."""

import hashlib
import json
import mailbox

import pytest

KEYS = {
    "source",
    "fingerprint",
    "message_id",
    "from",
    "subject",
    "date",
    "text",
    "attachments",
    "defects",
    "language",
    "category",
    "confidence",
    "runner_up",
    "needs_review",
    "evidence",
    "urgent",
    "medicines",
    "disposition",
    "reason",
    "reasons",
    "reply_to",
    "template",
    "language_of_reply",
}


def letter(number):
    return (
        f"From: Person {number} <p{number}@post.test>\r\nTo: support@example.org\r\n"
        f"Subject: Question {number}\r\nMessage-ID: <{number}@post.test>\r\n"
        "Date: Mon, 02 Mar 2026 09:00:00 +0000\r\n\r\nCan I take riluzole with food?\r\n"
    ).encode()


@pytest.fixture
def folder(installation):
    """The same three letters as files, as an mbox and as a Maildir."""
    eml = installation.folder / "eml"
    eml.mkdir()
    box = mailbox.mbox(installation.folder / "letters.mbox")
    maildir = mailbox.Maildir(installation.folder / "Maildir")
    for number in (3, 1, 2):
        (eml / f"{number}.eml").write_bytes(letter(number))
    for number in (1, 2, 3):
        box.add(letter(number))
        maildir.add(letter(number))
    box.close()
    return installation.folder


def test_an_object_has_the_keys_of_the_contract_and_says_what_would_be_done(installation, folder):
    (found,) = installation.objects("explain", str(folder / "eml" / "1.eml"))
    assert set(found) >= KEYS
    assert found["fingerprint"] == hashlib.sha256(letter(1)).hexdigest()
    assert found["message_id"] == "<1@post.test>"
    assert found["from"] == {"name": "Person 1", "address": "p1@post.test"}
    assert found["date"] == "2026-03-02T09:00:00+00:00"
    assert found["text"].strip() == "Can I take riluzole with food?"
    assert found["category"] == "medication_question"
    assert set(found["runner_up"]) == {"category", "confidence"}
    assert found["medicines"] == ["riluzole"]
    assert found["language"] == "en"
    assert (found["disposition"], found["reason"], found["reasons"]) == ("acknowledge", None, [])
    assert found["reply_to"] == "p1@post.test"
    assert (found["template"], found["language_of_reply"]) == ("medication_question", "en")


def test_files_folders_mbox_and_maildir_give_their_letters_in_order(installation, folder):
    eml = installation.objects("explain", str(folder / "eml"))
    assert [item["message_id"] for item in eml] == [f"<{n}@post.test>" for n in (1, 2, 3)]
    for other in ("letters.mbox", "Maildir"):
        found = installation.objects("explain", str(folder / other))
        assert sorted(item["message_id"] for item in found) == [
            f"<{n}@post.test>" for n in (1, 2, 3)
        ]
    several = installation.objects(
        "explain", str(folder / "eml" / "2.eml"), str(folder / "eml" / "1.eml")
    )
    assert [item["message_id"] for item in several] == ["<2@post.test>", "<1@post.test>"]


def test_a_file_that_cannot_be_read_gives_an_error_and_the_run_goes_on(installation, folder):
    found = installation.objects("explain", str(folder / "none.eml"), str(folder / "eml" / "1.eml"))
    assert set(found[0]) == {"source", "error"}
    assert found[0]["source"] == str(folder / "none.eml")
    assert found[1]["message_id"] == "<1@post.test>"


def test_it_writes_nothing(installation, folder):
    before = sorted(path for path in folder.rglob("*"))
    installation.run("explain", str(folder / "eml"))
    assert sorted(path for path in folder.rglob("*")) == before


def test_the_time_of_receipt_can_be_given(installation, folder):
    (found,) = installation.objects(
        "explain", str(folder / "eml" / "1.eml"), "--received-at", "2026-03-02T09:00:00"
    )
    assert (found["disposition"], found["reason"]) == ("suppress", "too_old")


def test_stored_letters_are_explained_by_their_number(installation, folder):
    installation.run("import", str(folder / "eml" / "1.eml"))
    installation.run("poll")
    found = installation.objects("explain", "--id", "1", "--id", "99")
    assert found[0]["message_id"] == "<1@post.test>"
    assert found[1]["error"]


def test_people_get_a_page_of_text(installation, folder):
    said = installation.run("explain", str(folder / "eml" / "1.eml")).stdout
    assert "medication_question" in said
    assert "Acknowledged" in said
    with pytest.raises(json.JSONDecodeError):
        json.loads(said)


def test_without_letters_it_says_what_it_needs(installation):
    assert "--id" in installation.run("explain", code=64).stderr
