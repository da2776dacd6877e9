"""Reading in a worker: what kills it costs one message, never its neighbours."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inboxbot.classify.category import Category
from inboxbot.reader import CHUNK_BYTES, CHUNK_MESSAGES, CRASHED, TOO_LONG, Reader, _chunks
from inboxbot.reading import LoadClassifier, Reading, ReadingFailed, read
from inboxbot.reading_worker import TOO_MUCH_MEMORY, Limits
from tests.actor import Actor, actor, no_model, parser_that_fails
from tests.memory import heaps_of_threads


def letter(subject: str, text: str = "How is it taken?") -> bytes:
    return f"From: Jane <jane@example.net>\nSubject: {subject}\n\n{text}\n".encode()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(actor, Limits(wall_s=4.0, cpu_s=0.3, memory=1 << 30)) as reader:
        yield reader


def test_a_message_is_parsed_and_classified_in_the_worker(reader: Reader) -> None:
    reading = reader.read(letter("hello"))

    assert isinstance(reading, Reading)
    assert reading.message.subject == "hello"
    assert reading.message.text == "How is it taken?"
    assert reading.classification.category is Category.MEDICATION_QUESTION


def test_the_answers_come_in_the_order_of_the_messages(reader: Reader) -> None:
    raws = [letter(f"number {n}") for n in range(3 * CHUNK_MESSAGES + 1)]

    subjects = [reading.message.subject for reading in reader.read_many(raws)]

    assert subjects == [f"number {n}" for n in range(len(raws))]


@pytest.mark.parametrize("subject", ["spin", "sleep", "die", "exit", "bomb", "raise"])
def test_a_letter_that_only_the_classifier_fails_on_is_read_and_left_to_people(
    reader: Reader, subject: str
) -> None:
    reading = reader.read(letter(subject))

    assert isinstance(reading, Reading)
    assert reading.message.text == "How is it taken?"
    assert reading.classification.category is Category.GENERAL_INQUIRY
    assert reading.classification.needs_review
    assert reading.classification.unsure_because


@pytest.mark.parametrize("subject", ["spin", "sleep", "die", "exit", "bomb", "raise"])
def test_a_bad_message_never_takes_its_neighbours_with_it(reader: Reader, subject: str) -> None:
    raws = [letter("one"), letter("two"), letter(subject), letter("four"), letter("five")]

    readings = list(reader.read_many(raws))

    assert [reading.message.subject for reading in readings] == [
        "one",
        "two",
        subject,
        "four",
        "five",
    ]
    certain = [reading.classification.confidence == 0.9 for reading in readings]
    assert certain == [True, True, False, True, True]


@pytest.mark.parametrize("subject", ["hello", "die"])
def test_a_letter_larger_than_a_chunk_is_read_as_any_other(reader: Reader, subject: str) -> None:
    large = letter(subject, "How is it taken? " * (CHUNK_BYTES // 8))
    assert len(large) > CHUNK_BYTES

    first, reading, last = reader.read_many([letter("one"), large, letter("three")])

    assert isinstance(reading, Reading)
    assert reading.message.subject == subject
    assert (reading.classification.confidence == 0.9) is (subject == "hello")
    assert reading.message.text.startswith("How is it taken? How is it taken?")
    assert [first.message.subject, last.message.subject] == ["one", "three"]


def test_two_bad_messages_in_one_chunk_are_both_found(reader: Reader) -> None:
    raws = [letter("die"), letter("two"), letter("exit"), letter("die"), letter("five")]

    certain = [r.classification.confidence == 0.9 for r in reader.read_many(raws)]

    assert certain == [False, True, False, False, True]


def test_a_missing_model_leaves_every_letter_read_and_for_review() -> None:
    with Reader(no_model) as reader:
        reading = reader.read(letter("hello"))

    assert isinstance(reading, Reading)
    assert reading.message.sender is not None
    assert reading.classification.needs_review


def test_a_worker_killed_between_messages_is_replaced(reader: Reader) -> None:
    reader.read(letter("one"))
    assert reader.worker_pid is not None
    os.kill(reader.worker_pid, signal.SIGKILL)

    assert isinstance(reader.read(letter("two")), Reading)
    assert isinstance(reader.read(letter("three")), Reading)


def test_a_closed_reader_may_be_used_again() -> None:
    reader = Reader(actor)
    reader.read(letter("one"))
    reader.close()

    assert isinstance(reader.read(letter("two")), Reading)
    reader.close()


@pytest.mark.parametrize(
    ("act", "reason"),
    [("spin", TOO_LONG), ("sleep", TOO_LONG), ("die", CRASHED), ("bomb", TOO_MUCH_MEMORY)],
)
def test_what_the_parser_itself_cannot_survive_is_told_in_plain_words(
    act: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOXBOT_TEST_PARSER", act)
    with Reader(parser_that_fails, Limits(wall_s=3.0, cpu_s=0.3)) as reader:
        good, bad, after = reader.read_many([letter("one"), letter("poison"), letter("three")])

    assert isinstance(good, Reading)
    assert isinstance(after, Reading)
    assert isinstance(bad, ReadingFailed)
    assert bad.reason == reason
    assert bad.message.subject == "poison"
    assert bad.message.defects[-1].endswith(f"reading it {reason}.")
    assert bad.classification.category is Category.GENERAL_INQUIRY
    assert bad.classification.needs_review


def test_the_worker_loads_only_what_reading_needs_and_has_one_heap() -> None:
    with Reader(LoadClassifier("light")) as reader:
        assert isinstance(reader.read(letter("hello")), Reading)
        maps = Path(f"/proc/{reader.worker_pid}/maps").read_text()

    assert "/numpy" in maps
    # What only keeps the store and reads the settings.
    assert not [name for name in ("/_sqlite3", "/pydantic") if name in maps]
    assert heaps_of_threads(maps) == 0


def test_giving_a_message_up_still_tells_who_wrote(reader: Reader) -> None:
    failed = reader.give_up(letter("hello"))

    assert failed.message.sender is not None
    assert failed.message.sender.address == "jane@example.net"
    assert failed.message.text == ""
    assert failed.classification.needs_review


def test_the_worker_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from inboxbot.reader import Reader\n"
        "from inboxbot.reading import LoadClassifier\n"
        "if __name__ == '__main__':\n"
        "    reader = Reader(LoadClassifier('light'))\n"
        "    reader.read(b'Subject: x\\n\\nhello')\n"
        "    print(reader.worker_pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    worker = int(parent.stdout.readline())
    assert Path(f"/proc/{worker}").exists()

    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()

    assert gone(worker, within_s=10)


def gone(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_chunks_are_bounded_by_number_and_by_bytes() -> None:
    small = [b"x"] * (CHUNK_MESSAGES + 3)
    large = [b"x" * CHUNK_BYTES, b"y", b"z" * CHUNK_BYTES, b"w"]

    assert [len(chunk) for chunk in _chunks(small)] == [CHUNK_MESSAGES, 3]
    assert [len(chunk) for chunk in _chunks(large)] == [1, 1, 1, 1]
    assert list(_chunks([])) == []


def test_reading_in_place_survives_a_classifier_that_fails() -> None:
    reading = read(letter("raise"), Actor())

    assert reading.message.subject == "raise"
    assert reading.classification.needs_review
