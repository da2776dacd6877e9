"""The process of the review app: the configuration read, the store opened, waitress listening."""

import gc
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from prometheus_client import CollectorRegistry
from waitress import create_server

from inboxbot import assembly, events, metrics, opening, pulse
from inboxbot.clock import utc_now
from inboxbot.config import Config, is_loopback
from inboxbot.errors import NotAllowed, TransientError
from inboxbot.health import problems
from inboxbot.store.settings import instance, mode
from inboxbot.store.sqlite import Database
from inboxbot.web import timing
from inboxbot.web.app import create_app
from inboxbot.web.in_force import in_force
from inboxbot.web.site import Site

THREADS = 8


def serve(configuration: Config, *, port: int | None = None) -> None:
    """Run the review app until SIGTERM or Ctrl-C."""
    events.configure()
    app = from_configuration(configuration)
    # What is there by now stays for good: no request waits while garbage is looked for in it.
    gc.freeze()
    with ExitStack() as stack:
        if configuration.metrics.web_port:
            _serve_figures(app, configuration, stack)
        listen(app, configuration.web.host, configuration.web.port if port is None else port)


def _serve_figures(app: Flask, configuration: Config, stack: ExitStack) -> None:
    """Serve how long pages take, and whether the store can be read."""
    registry = CollectorRegistry()
    timing.watch(app, metrics.Answered(registry).answered)

    def not_ready() -> list[str]:
        with closing(opening.connect(configuration)) as db:
            mode(db)
        return []

    stack.enter_context(pulse.served(configuration.metrics.web_port, registry, not_ready))


def from_configuration(configuration: Config) -> Flask:
    """Return the app for a configuration; makes sure that the store is up to date first."""
    read_at = utc_now()
    with opening.store(configuration) as db:
        identities = assembly.identities(configuration, instance(db))
    templates = assembly.library(configuration)
    # The first look at all templates takes seconds: nobody has to wait for it.
    threading.Thread(target=templates.check, name="templates", daemon=True).start()
    made = Site(
        store=configuration.store_path,
        key=opening.key(configuration),
        organisation=configuration.organisation.name,
        zone=ZoneInfo(configuration.organisation.time_zone),
        hours_to_answer=configuration.organisation.hours_to_answer,
        session_idle=timedelta(minutes=configuration.web.session_idle_minutes),
        session_longest=timedelta(hours=configuration.web.session_hours),
        identities=identities,
        envelope_senders={box.name: box.smtp.envelope_sender for box in configuration.mailbox},
        acknowledger=assembly.acknowledger(configuration, templates),
        rules=assembly.rules(configuration, templates),
        articles=assembly.Knowledge(configuration.knowledge_path),
        health=_problems(configuration, configuration.store_path),
        in_force=in_force(configuration, read_at=read_at),
    )
    return create_app(made)


def _problems(
    configuration: Config, store: Path
) -> Callable[[Database, datetime], tuple[str, ...]]:
    return lambda db, now: problems(
        db,
        store=store,
        min_free_mb=configuration.store.min_free_mb,
        silent_after=timedelta(minutes=configuration.alerts.intake_silent_minutes),
        now=now,
    )


def listen(app: Flask, host: str, port: int) -> None:
    """Answer requests until SIGTERM or Ctrl-C.

    Raises `TransientError` where host and port cannot be used, `NotAllowed` where a port is kept
    for root.
    """

    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    server = _server(app, host, port)
    # A name may stand for more than one address, and port 0 for any that is free.
    for address, number in getattr(server, "effective_listen", ()) or [
        (server.effective_host, server.effective_port)
    ]:
        events.web_started(address, int(number))
    try:
        server.run()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        server.close()
    events.stopped()


def _server(app: Flask, host: str, port: int) -> Any:
    place = f"web.host {host} with web.port {port}"
    try:
        return create_server(
            app,
            host=host,
            port=port,
            threads=THREADS,
            ident="",
            # A proxy on this machine says who is asking; nobody else is believed.
            trusted_proxy="127.0.0.1" if is_loopback(host) else None,
            trusted_proxy_headers={"x-forwarded-for"} if is_loopback(host) else set(),
            clear_untrusted_proxy_headers=True,
        )
    except PermissionError as error:
        raise NotAllowed(
            f"{place} cannot be used ({error.strerror}): choose a port above 1023."
        ) from error
    except OSError as error:
        raise TransientError(
            f"{place} cannot be used ({error.strerror}): choose others, or stop the program that "
            "listens there."
        ) from error
    except ValueError as error:  # How waitress says that a name stands for no address.
        raise TransientError(f"{place} cannot be used: the host is not known.") from error
