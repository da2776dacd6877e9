"""Figures for Prometheus, read back by the format's own parser, over a real socket."""

import logging
import re
import urllib.error
import urllib.request
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from inboxbot import events, metrics, pulse
from inboxbot.errors import StoreError
from inboxbot.store import audit, backup, figures, settings
from inboxbot.store.database import connect, stamp, write
from inboxbot.tokens import FOLDER, TokenFile, Tokens
from inboxbot.web import timing
from tests.outbox_rows import put_reply
from tests.stand import new_app


@pytest.fixture
def registry(db, store_path, now):
    @contextmanager
    def open_store():
        with closing(connect(store_path)) as own:
            yield own

    found = CollectorRegistry()
    found.register(metrics.StoreFigures(open_store, store_path, lambda: now + timedelta(hours=1)))
    return found


@pytest.fixture
def counted(registry):
    handler = metrics.Counted(registry)
    before = events.log.level
    events.log.setLevel(logging.INFO)
    events.log.addHandler(handler)
    yield handler
    events.log.removeHandler(handler)
    events.log.setLevel(before)


def samples(registry):
    """Return every sample by name and labels."""
    text = generate_latest(registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_the_store_holds_is_counted(db, registry, now, tmp_path):
    put_reply(db, 1, now, state="sent")
    put_reply(db, 2, now, state="held", reason="shadow")
    put_reply(db, 3, now, state="uncertain")
    put_reply(db, 4, now, state="queued")
    db.execute("UPDATE outbox SET sent_at = ? WHERE id = 1", [stamp(now + timedelta(seconds=70))])
    with write(db):
        audit.add(db, "ana", "signed in", now)
        audit.add(db, "ana", "sign-in failed", now)
    backup.make(db, tmp_path / "copies", now)
    found = samples(registry)
    for name, labels, value in [
        ("inboxbot_messages_ingested_total", {"category": "general_inquiry"}, 4),
        ("inboxbot_ack_total", {"category": "general_inquiry", "result": "sent"}, 1),
        ("inboxbot_ack_total", {"category": "general_inquiry", "result": "held"}, 1),
        ("inboxbot_ack_total", {"category": "general_inquiry", "result": "unknown"}, 1),
        ("inboxbot_outbox_depth", {"state": "queued"}, 1),
        ("inboxbot_outbox_oldest_seconds", {}, 3600),
        ("inboxbot_queue_depth", {"category": "general_inquiry", "status": "new"}, 4),
        ("inboxbot_queue_oldest_seconds", {}, 3600),
        ("inboxbot_login_total", {"result": "failed"}, 1),
        ("inboxbot_login_total", {"result": "ok"}, 1),
        ("inboxbot_backup_last_verified_timestamp_seconds", {}, now.timestamp()),
        ("inboxbot_arrival_to_ack_seconds_bucket", {"le": "60.0"}, 0),
        ("inboxbot_arrival_to_ack_seconds_bucket", {"le": "75.0"}, 1),
        ("inboxbot_arrival_to_ack_seconds_sum", {}, 70),
    ]:
        assert found[name, tuple(sorted(labels.items()))] == value, name
    assert found["inboxbot_db_size_bytes", ()] > 0
    assert found["inboxbot_disk_free_bytes", ()] > 0


def test_what_takes_long_to_count_is_given_again_and_what_waits_is_counted(db, store_path, now):
    @contextmanager
    def open_store():
        with closing(connect(store_path)) as own:
            yield own

    times = iter([0.0, 2.0, 101.9, 102.0, 103.0])
    registry = CollectorRegistry()
    registry.register(
        metrics.StoreFigures(open_store, store_path, lambda: now, lambda: next(times))
    )

    def looked() -> list[float]:
        found = samples(registry)
        return [
            found[name, tuple(sorted(labels.items()))]
            for name, labels in (
                ("inboxbot_messages_ingested_total", {"category": "general_inquiry"}),
                ("inboxbot_queue_depth", {"category": "general_inquiry", "status": "new"}),
                ("inboxbot_outbox_depth", {"state": "held"}),
            )
        ]

    put_reply(db, 1, now, state="held", reason="shadow")
    assert looked() == [1, 1, 1]
    put_reply(db, 2, now, state="held", reason="shadow")
    assert looked() == [1, 2, 2]
    assert looked() == [2, 2, 2]


def test_what_the_log_tells_is_counted(registry, counted):
    events.mailbox_failed("support", TimeoutError(), 5)
    events.reply_ended(1, "sent", 1, 250)
    events.reply_ended(2, "deferred", 1, 451)
    events.reply_ended(3, "uncertain", 1, 0)
    events.uidvalidity_changed(1, 5, 0, False)
    events.template_broken("urgent")
    events.job_failed("poll support", ValueError())
    events.decided(1, "general_inquiry", 0.97, "acknowledge", "", 0.02)
    events.decided(
        2, "general_inquiry", 0.5, "acknowledge", ""
    )  # Given up before it was classified.
    counted.polled("support", 0.2, well=True)
    counted.polled("support", 9, well=False)
    found = samples(registry)
    for name, labels in [
        ("inboxbot_imap_errors_total", (("kind", "TimeoutError"),)),
        ("inboxbot_smtp_replies_total", (("class", "2xx"),)),
        ("inboxbot_smtp_replies_total", (("class", "4xx"),)),
        ("inboxbot_smtp_replies_total", (("class", "none"),)),
        ("inboxbot_uidvalidity_changes_total", ()),
        ("inboxbot_template_fallback_total", ()),
        ("inboxbot_job_failures_total", (("job", "poll"),)),
        ("inboxbot_poll_total", (("mailbox", "support"), ("result", "ok"))),
        ("inboxbot_poll_total", (("mailbox", "support"), ("result", "error"))),
        ("inboxbot_classify_seconds_count", ()),
    ]:
        assert found[name, labels] == 1, name
    assert found["inboxbot_classification_confidence_count", ()] == 2
    assert found["inboxbot_classify_seconds_sum", ()] == pytest.approx(0.02)
    assert found["inboxbot_poll_duration_seconds_sum", ()] == pytest.approx(9.2)


def test_the_end_of_a_certificate_is_told_as_the_last_look_saw_it(db, registry, now):
    with write(db):
        settings.put_moment(db, f"{settings.CERTIFICATE_UNTIL}support", now + timedelta(days=9))
        until = now + timedelta(days=70)
        settings.put_moment(db, f"{settings.SMTP_CERTIFICATE_UNTIL}support", until)
        settings.put_moment(db, "certificate", now)
    name = "inboxbot_tls_peer_expiry_timestamp_seconds"
    told = {key: value for key, value in samples(registry).items() if key[0] == name}
    assert told == {
        (name, (("mailbox", "support"), ("server", server))): (
            now + timedelta(days=days)
        ).timestamp()
        for server, days in (("imap", 9), ("smtp", 70))
    }


def test_the_ends_of_tokens_and_permissions_are_told_to_count_down_to(store_path, registry, now):
    file = TokenFile(store_path.parent / FOLDER, "support")
    with file.locked():
        file.save(
            Tokens(
                client="us", access="secret", access_until=now + timedelta(hours=1),
                obtained_at=now, granted_at=now, grant_until=now + timedelta(days=90),
            )
        )  # fmt: skip
    name = "inboxbot_oauth_token_expiry_timestamp_seconds"
    told = {labels: value for (key, labels), value in samples(registry).items() if key == name}
    assert told == {
        (("mailbox", "support"), ("what", what)): (now + lasts).timestamp()
        for what, lasts in (("access", timedelta(hours=1)), ("permission", timedelta(days=90)))
    }


def test_the_answers_of_the_review_app_are_timed_by_page_and_code(db, store_path, registry):
    app = new_app(store_path)
    timing.watch(app, metrics.Answered(registry).answered)
    client = app.test_client()
    client.get("/alive")
    client.get("/queue?view=mine&s=some-token")
    client.get("/nowhere/ana@example.net")
    name = "inboxbot_http_request_duration_seconds_count"
    told = {labels: value for (key, labels), value in samples(registry).items() if key == name}
    assert told == {
        (("code", "200"), ("route", "app.alive")): 1,
        (("code", "302"), ("route", "queue.letters")): 1,
        (("code", "404"), ("route", "none")): 1,
    }


def test_every_metric_has_a_good_name_and_says_what_it_is(registry, counted):
    text = generate_latest(registry).decode()
    families = list(text_string_to_metric_families(text))
    assert len(families) > 25
    for family in families:
        assert re.fullmatch(r"inboxbot_[a-z_]+", family.name)
        assert family.documentation
        assert family.type != "unknown"


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_three_pages_answer_on_loopback(registry):
    reasons = []
    with pulse.served(0, registry, lambda: reasons) as port:
        assert get(port, "/livez") == (200, "alive\n")
        assert get(port, "/readyz") == (200, "ready\n")
        status, text = get(port, "/metrics")
        assert status == 200
        assert "inboxbot_build_info" in text
        reasons.append("disk")
        assert get(port, "/readyz") == (503, "disk\n")
        assert get(port, "/other")[0] == 404
    with pytest.raises(urllib.error.URLError):
        get(port, "/livez")


def test_a_store_that_cannot_be_read_is_not_ready_and_the_process_lives(db, registry, store_path):
    def ready():
        with closing(connect(store_path)) as own:
            own.execute("SELECT 1 FROM message")
        return []

    db.close()
    store_path.write_bytes(b"no database")
    with pulse.served(0, registry, ready) as port:
        assert get(port, "/readyz") == (503, "store: StoreError\n")
        assert get(port, "/metrics") == (503, "StoreError")
        assert get(port, "/livez")[0] == 200


def test_a_port_that_is_taken_is_named(registry):
    with (
        pulse.served(0, registry, list) as port,
        pytest.raises(StoreError, match=f"metrics.port {port}"),
        pulse.served(port, registry, list),
    ):
        pass


@pytest.mark.parametrize(
    ("late", "free_mb", "reasons"),
    [
        (timedelta(minutes=1), 500, []),
        (timedelta(minutes=20), 500, ["no good poll: support"]),
        (timedelta(minutes=45), 500, ["no good poll: support", "replies wait"]),
        (timedelta(minutes=1), 5, ["disk"]),
    ],
)
def test_it_is_ready_while_it_does_its_work(db, now, late, free_mb, reasons):
    put_reply(db, 1, now, state="queued")
    found = pulse.not_ready(
        figures.troubles(db),
        silent_after=timedelta(minutes=15),
        free_mb=free_mb,
        min_free_mb=200,
        now=now + late,
    )
    assert found == reasons
