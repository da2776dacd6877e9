"""Our own Message-IDs: derived, never drawn, and recognised without a database.

`<ack.` and 32 hex digits: 20 of HMAC-SHA256 over what the reply is for, then 12 of
HMAC-SHA256 over those. The first part makes the id of a reply the same after a restore; the
second lets `is_ours` tell an id of ours from a forged one when nothing else is left.
"""

import hmac
import re
from hashlib import sha256

from inboxbot.mail.message import Identity

_OURS = re.compile(r"<(ack|answer)\.([0-9a-f]{20})([0-9a-f]{12})@[^<>@\s]{1,255}>")
# RFC 5322, section 3.6.4, in printable ASCII and short enough for one line.
_VALID = re.compile(r"<(?=[!-~]{3,250}>)[!-;=?A-~]+@[!-;=?A-~]+>")


def acknowledgement_id(identity: Identity, fingerprint: str, kind: str) -> str:
    """Return the one Message-ID of the acknowledgement of this kind to these incoming bytes."""
    return _derived("ack", identity, fingerprint, kind)


def answer_id(identity: Identity, token: str) -> str:
    """Return the Message-ID of the personal answer that `token` stands for."""
    return _derived("answer", identity, token)


def is_ours(message_id: str, identity: Identity) -> bool:
    """Say whether we made this Message-ID: its second part proves its first.

    False with an empty secret, which would prove nothing.
    """
    match = _OURS.fullmatch(message_id.strip())
    if match is None or not identity.secret:
        return False
    return hmac.compare_digest(_proof(identity, match[1], match[2]), match[3])


def is_valid(message_id: str) -> bool:
    """Say whether an id of a stranger may be written into our own header."""
    return _VALID.fullmatch(message_id) is not None


def _derived(prefix: str, identity: Identity, *of: str) -> str:
    subject = "\0".join((prefix, *of)).encode("utf-8", "replace")
    name = hmac.new(identity.secret, subject, sha256).hexdigest()[:20]
    domain = identity.address.rpartition("@")[2].lower()
    return f"<{prefix}.{name}{_proof(identity, prefix, name)}@{domain}>"


def _proof(identity: Identity, prefix: str, name: str) -> str:
    message = f"proof\0{prefix}\0{name}".encode()
    return hmac.new(identity.secret, message, sha256).hexdigest()[:12]
