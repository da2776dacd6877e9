"""One of the peers does the same job: poll the same kind of mailbox, record, acknowledge each.

Run by `peers.py` with the Python of `build/peers`, which knows nothing of ours:
`python benchmarks/peer.py helpdesk|mailbox FOLDER IMAP_PORT USER PASSWORD SMTP_PORT SMTP_USER
SMTP_PASSWORD`. Prints one object. Its store is SQLite as the peer sets it up.
"""

import json
import logging
import sys
import time
import types
import warnings
from pathlib import Path

import django
from django.conf import settings
from django.core.mail import send_mail
from django.core.management import call_command
from django.urls import include, path

APPS = {
    "helpdesk": [
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.sites",
        "django.contrib.humanize",
        "rest_framework",
        "helpdesk",
    ],
    "mailbox": ["django.contrib.contenttypes", "django_mailbox"],
}


def set_up(peer: str, folder: Path, smtp_port: int, smtp_user: str, smtp_password: str) -> None:
    settings.configure(
        SECRET_KEY="for a measurement",
        INSTALLED_APPS=APPS[peer],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
        },
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        MEDIA_ROOT=str(folder / "media"),
        SITE_ID=1,
        # Its migrations ask for a package of teams that its models do without.
        MIGRATION_MODULES={"helpdesk": None},
        HELPDESK_TEAMS_MODE_ENABLED=False,
        USE_TZ=True,
        ROOT_URLCONF="peer_urls",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=smtp_port,
        EMAIL_HOST_USER=smtp_user,
        EMAIL_HOST_PASSWORD=smtp_password,
        DEFAULT_FROM_EMAIL="support@example.org",
        LOGGING_CONFIG=None,
    )
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    if peer == "helpdesk":
        call_command("loaddata", "emailtemplate", verbosity=0)
        pages = types.ModuleType("peer_urls")
        pages.urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
        sys.modules["peer_urls"] = pages


def helpdesk(port: int, user: str, password: str) -> int:
    from helpdesk.email import process_queue
    from helpdesk.models import Queue, Ticket

    queue = Queue.objects.create(
        title="Support",
        slug="support",
        email_address="support@example.org",
        email_box_type="imap",
        email_box_host="127.0.0.1",
        email_box_port=port,
        email_box_ssl=False,
        email_box_user=user,
        email_box_pass=password,
        email_box_imap_folder="INBOX",
        allow_email_submission=True,
    )
    process_queue(queue, logging.getLogger("helpdesk"))
    return Ticket.objects.count()


def mailbox(port: int, user: str, password: str) -> int:
    from django_mailbox.models import Mailbox, Message
    from django_mailbox.signals import message_received

    def acknowledge(message: Message, **_: object) -> None:
        text = "Thank you for your letter. A person will answer you within 48 hours."
        send_mail(f"Re: {message.subject}", text, None, message.from_address)

    message_received.connect(acknowledge)
    box = Mailbox.objects.create(
        name="support", uri=f"imap://{user}:{password}@127.0.0.1:{port}", from_email=None
    )
    for _ in box.get_new_mail():
        pass
    return Message.objects.count()


def main(peer: str, folder: str, port: str, user: str, password: str, *smtp: str) -> None:
    set_up(peer, Path(folder), int(smtp[0]), smtp[1], smtp[2])
    work = {"helpdesk": helpdesk, "mailbox": mailbox}[peer]
    began, cpu = time.perf_counter(), time.process_time()
    recorded = work(int(port), user, password)
    wall, spent = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"letters": recorded, "wall_s": wall, "cpu_s": spent}))


if __name__ == "__main__":
    main(*sys.argv[1:])
