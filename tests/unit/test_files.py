import mailbox
import os
import threading
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from inboxbot.mail import files
from inboxbot.mail.files import Unreadable, iter_files, received
from tests.numbered import letter, letters

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def names(path: Path) -> list[str]:
    return [str(Path(source).relative_to(path)) for source, _ in iter_files([path])]


def test_a_file_gives_its_exact_bytes(tmp_path: Path) -> None:
    raw = b"From: \xff\r\n\r\nbare \r and \n and \x00\r\n"
    (tmp_path / "a.eml").write_bytes(raw)
    assert list(iter_files([tmp_path / "a.eml"])) == [(str(tmp_path / "a.eml"), raw)]


def through_a_pipe(content: bytes) -> list[bytes | Unreadable]:
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as pipe, suppress(BrokenPipeError):
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return [raw for _, raw in iter_files([f"/dev/fd/{reading}"])]
    finally:
        os.close(reading)
        writer.join()


def test_letters_that_come_through_a_pipe_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = letter(1) + b"x" * 200_000
    assert through_a_pipe(raw) == [raw]
    postmark = b"From a Mon Mar  2 09:00:00 2026\n"
    assert through_a_pipe(postmark + b"a\n\n" + postmark + b"b\n\n") == [b"a\n", b"b\n"]
    monkeypatch.setattr(files, "SIZE_LIMIT", 1024)
    (found,) = through_a_pipe(raw)
    assert isinstance(found, Unreadable)
    assert "larger" in found.why


def test_an_empty_file_is_an_empty_letter(tmp_path: Path) -> None:
    (tmp_path / "empty.eml").touch()
    assert [raw for _, raw in iter_files([tmp_path])] == [b""]


def test_a_folder_is_read_in_the_order_of_names_with_the_folders_in_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.eml", "a.eml", "b/2.eml", "b/1", ".hidden.eml", "a.toml"):
        (tmp_path / name).write_bytes(letter(1))
    assert names(tmp_path) == ["a.eml", "b/1", "b/2.eml", "c.eml"]


def test_a_link_that_leads_back_to_its_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(letter(1))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert names(tmp_path) == ["a.eml"]


def test_what_is_not_there_is_an_item_and_the_next_one_follows(tmp_path: Path) -> None:
    (tmp_path / "b.eml").write_bytes(letter(1))
    (tmp_path / "broken.eml").symlink_to(tmp_path / "nowhere")
    found = list(iter_files([tmp_path / "missing.eml", tmp_path]))
    assert [type(raw) for _, raw in found] == [Unreadable, bytes, Unreadable]
    assert isinstance(found[0][1], Unreadable)
    assert found[0][1].why == "It cannot be read: No such file or directory."


def test_a_file_beyond_the_limit_is_an_item_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SIZE_LIMIT", 1024)
    (tmp_path / "big.eml").write_bytes(b"x" * 1025)
    (tmp_path / "big.mbox").write_bytes(
        b"From a Mon Mar  2 09:00:00 2026\n\n" + b"y" * 2000 + b"\n\n"
        b"From b Mon Mar  2 09:00:00 2026\nSubject: small\n\nz\n"
    )
    found = [raw for _, raw in iter_files([tmp_path])]
    assert [type(raw) for raw in found] == [Unreadable, Unreadable, bytes]


def test_an_mbox_written_by_the_standard_library_comes_back_letter_by_letter(
    tmp_path: Path,
) -> None:
    path = tmp_path / "archive.mbox"
    box = mailbox.mbox(path)
    for number in range(3):
        message = EmailMessage()
        message["Subject"] = f"Letter {number}"
        message.set_content("Hello\n\nFrom here on it is text.\n\n>From quoted\n")
        box.add(message)
    box.close()
    found = list(iter_files([path]))
    assert [source for source, _ in found] == [f"{path}:{number}" for number in (1, 2, 3)]
    for number, (_, raw) in enumerate(found):
        assert isinstance(raw, bytes)
        assert f"Subject: Letter {number}".encode() in raw
        assert b"\nFrom here on it is text.\n" in raw


def test_an_mboxrd_loses_one_quote_of_each_quoted_line(tmp_path: Path) -> None:
    path = tmp_path / "archive.mbox"
    path.write_bytes(
        b"From a@b.test Mon Mar  2 09:00:00 2026\nSubject: 1\n\n>From me\n>>From you\n> From no\n\n"
        b"From a@b.test Mon Mar  2 09:00:00 2026\nSubject: 2\n\nend\n"
    )
    assert [raw for _, raw in iter_files([path])] == [
        b"Subject: 1\n\nFrom me\n>From you\n> From no\n",
        b"Subject: 2\n\nend\n",
    ]


def test_a_line_of_a_letter_that_begins_with_from_does_not_split_it(tmp_path: Path) -> None:
    path = tmp_path / "archive.mbox"
    path.write_bytes(
        b"From a@b.test Mon Mar  2 09:00:00 2026\nSubject: 1\n\nHello\n\nFrom all of us\n"
    )
    assert [raw for _, raw in iter_files([path])] == [b"Subject: 1\n\nHello\n\nFrom all of us\n"]


def test_a_letter_that_begins_with_a_postmark_is_one_letter_if_its_name_says_eml(
    tmp_path: Path,
) -> None:
    raw = b"From a@b.test Mon Mar  2 09:00:00 2026\nSubject: 1\n\nHello\n"
    (tmp_path / "a.eml").write_bytes(raw)
    (tmp_path / "b").write_bytes(raw)
    assert [found for _, found in iter_files([tmp_path])] == [raw, b"Subject: 1\n\nHello\n"]


def test_an_mbox_with_crlf_is_split_too(tmp_path: Path) -> None:
    path = tmp_path / "archive.mbox"
    mark = b"From a@b.test Mon Mar  2 09:00:00 2026\r\n"
    path.write_bytes(mark + letter(1) + b"\r\n" + mark + letter(2) + b"\r\n")
    assert [raw for _, raw in iter_files([path])] == [letter(1), letter(2)]


def test_a_maildir_gives_new_and_read_letters_but_none_half_written(tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    box.add(letter(1))
    seen = mailbox.MaildirMessage(letter(2))
    seen.set_subdir("cur")
    box.add(seen)
    (tmp_path / "box/tmp/half").write_bytes(b"half")
    box.add_folder("Old").add(letter(3))
    found = [raw for _, raw in iter_files([tmp_path / "box"])]
    assert len(found) == 3
    assert b"half" not in found


def test_an_archive_of_thousands_of_letters_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "archive.mbox"
    with path.open("wb") as file:
        for raw in letters(3000, size=10_000):
            file.write(b"From a@b.test Mon Mar  2 09:00:00 2026\n" + raw + b"\n")
    tracemalloc.start()
    count = sum(1 for _ in iter_files([path]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 3000
    assert peak < 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Received: by x; Mon, 1 Dec 2025 10:00:00 +0100\nDate: Sun, 30 Nov 2025 10:00 +0000", 9),
        (b"Date: Mon, 1 Dec 2025 10:00:00 -0000", 10),
        (b"Received: by x; nonsense\nDate: Mon, 1 Dec 2025 12:00:00 +0000", 12),
    ],
)
def test_a_letter_came_when_its_newest_received_field_says(header: bytes, expected: int) -> None:
    when = datetime(2025, 12, 1, expected, tzinfo=UTC)
    assert received(header + b"\n\nx", NOW) == when


@pytest.mark.parametrize(
    "header", [b"", b"Date: never", b"Date: Mon, 1 Dec 2099 10:00:00 +0000", b"Date: \xff\xff"]
)
def test_a_letter_without_a_believable_date_came_when_it_was_read(header: bytes) -> None:
    assert received(header + b"\n\nx", NOW) == NOW
