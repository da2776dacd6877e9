"""Figures for Prometheus: what the store holds, counted when asked, and what the log told of.

Nothing else in inboxbot knows of metrics: events are counted as they are logged, everything else
is read from the store, so a restart forgets only the former. Labels are codes, never an address,
a name or a subject.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from inboxbot import tokens
from inboxbot.store import backup, settings, tallies
from inboxbot.store.sqlite import Database, library
from inboxbot.store.tallies import EveryLetter

# Counting every letter takes seconds where there are a million. So that it never takes more than a
# fiftieth of the time, however often somebody asks, such counts are given again for so many times
# as long as they took; but what is counted at once is counted whenever it is asked for.
KEPT_TIMES = 50
AT_ONCE_S = 0.1


class StoreFigures(Collector):
    """What the store holds, counted at a scrape in one read transaction.

    `now` is the time of day, `clock` one of seconds that only goes forward.
    """

    def __init__(
        self,
        open_store: Callable[[], AbstractContextManager[Database]],
        path: Path,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_store = open_store
        self._path = path
        self._now = now
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._kept: EveryLetter | None = None
        self._kept_until = 0.0

    def describe(self) -> Iterable[Any]:
        """Name nothing beforehand: registering must not touch the store."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield every figure; the sizes also where the store cannot be read."""
        info = {"version": version("inboxbot"), "sqlite": library()}
        yield InfoMetricFamily("inboxbot_build", "What is running", info)
        yield from self._sizes()
        yield self._tokens()
        with self._open_store() as db:
            db.execute("BEGIN")
            try:
                yield from self._counted(db)
            finally:
                db.execute("ROLLBACK")

    def _sizes(self) -> Iterator[Any]:
        wal = self._path.with_name(f"{self._path.name}-wal")
        for name, text, value in (
            ("inboxbot_db_size_bytes", "Size of the database", _size(self._path)),
            ("inboxbot_wal_size_bytes", "Size of its write-ahead log", _size(wal)),
            (
                "inboxbot_disk_free_bytes",
                "Free space where the database lies",
                shutil.disk_usage(self._path.parent).free,
            ),
        ):
            yield GaugeMetricFamily(name, text, value)

    def _tokens(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "inboxbot_oauth_token_expiry_timestamp_seconds",
            "When the access token ends, and the permission if it is not used",
            labels=["mailbox", "what"],
        )
        for mailbox, access, permission in tokens.ends(
            self._path.parent / tokens.FOLDER, self._now()
        ):
            family.add_metric([mailbox, "access"], access.timestamp())
            if permission is not None:
                family.add_metric([mailbox, "permission"], permission.timestamp())
        return family

    def _every_letter(self, db: Database) -> EveryLetter:
        with self._one_at_a_time:
            began = self._clock()
            if self._kept is None or began >= self._kept_until:
                self._kept = tallies.of_every_letter(db)
                took = self._clock() - began
                kept_s = KEPT_TIMES * took if took >= AT_ONCE_S else 0.0
                self._kept_until = began + took + kept_s
            return self._kept

    def _counted(self, db: Database) -> Iterator[Any]:
        every = self._every_letter(db)
        queue = tallies.queue_depth(db, every.done)
        for tally in (*tallies.tallies(db), queue, *every.tallies):
            kind = CounterMetricFamily if tally.counter else GaugeMetricFamily
            family = kind(f"inboxbot_{tally.name}", tally.text, labels=tally.labels)
            for *labels, value in tally.rows:
                family.add_metric([str(label) for label in labels], value)
            yield family
        for name, text, oldest in tallies.oldest(db):
            waited = (self._now() - oldest).total_seconds() if oldest else 0.0
            yield GaugeMetricFamily(f"inboxbot_{name}", text, max(waited, 0.0))
        verified = settings.get_moment(db, backup.VERIFIED_AT)
        yield GaugeMetricFamily(
            "inboxbot_backup_last_verified_timestamp_seconds",
            "When the last backup was verified; 0 for never",
            verified.timestamp() if verified else 0,
        )
        yield _certificates(db)
        yield _histogram(every)


def _certificates(db: Database) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "inboxbot_tls_peer_expiry_timestamp_seconds",
        "When the certificate of the server of a mailbox ends",
        labels=["mailbox", "server"],
    )
    for server, prefix in (
        ("imap", settings.CERTIFICATE_UNTIL),
        ("smtp", settings.SMTP_CERTIFICATE_UNTIL),
    ):
        for mailbox, until in settings.moments(db, prefix):
            family.add_metric([mailbox, server], until.timestamp())
    return family


def _histogram(every: EveryLetter) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "inboxbot_arrival_to_ack_seconds", "From a letter's arrival to its acknowledgement"
    )
    buckets = [(str(float(limit)), count) for limit, count in every.acknowledged_within.items()]
    family.add_metric([], [*buckets, ("+Inf", every.acknowledged)], sum_value=every.seconds)
    return family


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class Counted(logging.Handler):
    """Counts events as they are logged; add it to the logger `inboxbot`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._imap_errors = Counter(
            "inboxbot_imap_errors", "Mailboxes that could not be read", ["kind"], registry=registry
        )
        self._smtp_replies = Counter(
            "inboxbot_smtp_replies",
            "Answers of mail servers to replies, by class",
            ["class"],
            registry=registry,
        )
        self._uidvalidity = Counter(
            "inboxbot_uidvalidity_changes", "Mailboxes that were numbered anew", registry=registry
        )
        self._fallback = Counter(
            "inboxbot_template_fallback",
            "Times that a template was found broken and the last good one kept",
            registry=registry,
        )
        self._reload = Counter(
            "inboxbot_config_reload", "Configurations read anew", ["result"], registry=registry
        )
        self._failed = Counter(
            "inboxbot_job_failures", "Jobs that ended with an error", ["job"], registry=registry
        )
        self._confidence = Histogram(
            "inboxbot_classification_confidence",
            "How sure the classifier was",
            buckets=(0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0),
            registry=registry,
        )
        self._classify_s = Histogram(
            "inboxbot_classify_seconds",
            "How much work classifying a letter took",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5),
            registry=registry,
        )
        self._polls = Counter(
            "inboxbot_poll", "Looks into a mailbox", ["mailbox", "result"], registry=registry
        )
        self._poll_s = Histogram(
            "inboxbot_poll_duration_seconds",
            "How long a look took",
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300),
            registry=registry,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Count one event."""
        fields = getattr(record, "fields", {})
        match record.msg:
            case "mailbox-failed":
                self._imap_errors.labels(fields["error"]).inc()
            case "reply":
                code = int(fields["code"])
                self._smtp_replies.labels(f"{code // 100}xx" if code > 0 else "none").inc()
            case "uidvalidity-changed":
                self._uidvalidity.inc()
            case "template-broken":
                self._fallback.inc()
            case "reloaded" | "reload-refused":
                self._reload.labels("ok" if record.msg == "reloaded" else "refused").inc()
            case "job-failed":
                self._failed.labels(str(fields["job"]).partition(" ")[0]).inc()
            case "decided":
                self._confidence.observe(float(fields["confidence"]))
                if fields["classified_s"]:
                    self._classify_s.observe(float(fields["classified_s"]))

    def polled(self, mailbox: str, seconds: float, *, well: bool) -> None:
        """Count one look into a mailbox, and how long it took."""
        self._polls.labels(mailbox, "ok" if well else "error").inc()
        self._poll_s.observe(seconds)


class Answered:
    """Times the answers of the review app, which is a process of its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "inboxbot_http_request_duration_seconds",
            "How long a page of the review app took",
            ["route", "code"],
            buckets=(0.01, 0.05, 0.1, 0.15, 0.3, 1, 3, 10),
            registry=registry,
        )

    def answered(self, route: str, code: int, seconds: float) -> None:
        """Count one answer; `route` is the name of a page, never an address."""
        self._seconds.labels(route, str(code)).observe(seconds)
