"""config/inboxbot.toml → a frozen `Config`, or every problem at once.

Secrets are never in the file: each server section names a credential. Only the faces (`cli`,
`daemon`, `web.app`) and the demo read the configuration; everything else is handed values.
"""

from inboxbot.config.credentials import credential, credential_variable
from inboxbot.config.examples import placeholders
from inboxbot.config.loading import find, load
from inboxbot.config.mailbox import Mailbox, Server
from inboxbot.config.sections import Config, Replies
from inboxbot.config.values import is_loopback

__all__ = [
    "Config",
    "Mailbox",
    "Replies",
    "Server",
    "credential",
    "credential_variable",
    "find",
    "is_loopback",
    "load",
    "placeholders",
]
