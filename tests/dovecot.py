"""A real Dovecot on loopback from a temporary folder; it ends with the test session.

One server for the session, one account for each test: whoever knows the password has one.
"""

import base64
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from imapclient import IMAPClient

from inboxbot.mail.imap import Settings

PASSWORD = "only-for-tests"

CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/dovecot.log
info_log_path = {root}/dovecot.log
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
ssl = yes
ssl_cert = <{root}/cert.pem
ssl_key = <{root}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
first_valid_uid = 0
passdb {{
  driver = static
  args = password={password}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {root}/oauth2.conf.ext
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/home/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  # One for all connections.
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""

OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = email
issuers = https://issuer.test
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One mailbox owner on the test server."""

    server: "Dovecot"
    name: str

    def settings(self, **changes: object) -> Settings:
        """Return how to reach it: over TLS unless changed."""
        values: dict[str, object] = {
            "host": "localhost",
            "port": self.server.tls_port,
            "security": "tls",
            "username": self.name,
            "auth": "password",
            "secret": lambda: PASSWORD,
            "ca_file": str(self.server.root / "ca.pem"),
            "timeout_s": 10.0,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    def client(self, folder: str | None = "INBOX") -> IMAPClient:
        """Return a client of the test's own, such as a member of staff uses."""
        client = IMAPClient("127.0.0.1", self.server.port, ssl=False, timeout=10)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client._imap.debug = 0
        client.login(self.name, PASSWORD)
        if folder:
            client.select_folder(folder)
        return client

    @property
    def maildir(self) -> Path:
        """Return the folder of the account's INBOX."""
        return self.server.root / "home" / self.name / "Maildir"

    def admin(self, *arguments: str) -> str:
        """Run a `doveadm` command of several words for this account."""
        return self.server.doveadm(*arguments[:2], "-u", self.name, *arguments[2:])

    def fill(self, letters: Iterable[bytes]) -> int:
        """Put many letters into INBOX as files, much faster than over IMAP; return how many."""
        for folder in ("cur", "new", "tmp"):
            (self.maildir / folder).mkdir(parents=True, exist_ok=True)
        count, stamp = 0, secrets.token_hex(4)
        for count, letter in enumerate(letters, 1):
            (self.maildir / "new" / f"{1_700_000_000 + count}.{stamp}.test").write_bytes(letter)
        self.server.give(self.maildir.parent)
        return count


class Dovecot:
    """The server: its ports, its certificate authority, and its administrator's command."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port, self.tls_port = _free_ports(2)
        self._configuration = root / "dovecot.conf"
        self._owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        self._write_files()
        self._process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", str(self._configuration)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait()

    def account(self) -> Account:
        """Make a new account with an empty INBOX."""
        return Account(self, f"u{secrets.token_hex(6)}")

    def doveadm(self, *arguments: str) -> str:
        """Run `doveadm` and return what it said."""
        return subprocess.run(
            ["doveadm", "-c", str(self._configuration), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def give(self, path: Path) -> None:
        """Give a tree to the user that Dovecot reads mail as."""
        if os.geteuid() == 0:
            for each in (path, *path.rglob("*")):
                os.chown(each, self._owner.pw_uid, self._owner.pw_gid)

    def stop(self) -> None:
        """End the server and every session of it; idling ones would outlive it alone."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def _write_files(self) -> None:
        root, is_root = self.root, os.geteuid() == 0
        for folder in ("run", "state", "home", "keys/default/HS256"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(str(root / "ca.pem"))
        certificate.private_key_pem.write_to_path(str(root / "key.pem"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(root / "cert.pem"), append=True)
        self.token_key = secrets.token_bytes(32)
        key = base64.b64encode(self.token_key).decode()
        (root / "keys/default/HS256/default").write_text(key)
        (root / "oauth2.conf.ext").write_text(OAUTH2.format(root=root))
        own = self._owner.pw_name
        self._configuration.write_text(
            CONFIGURATION.format(
                root=root,
                password=PASSWORD,
                port=self.port,
                tls_port=self.tls_port,
                internal="dovecot" if is_root else own,
                group="dovecot" if is_root else str(self._owner.pw_gid),
                login="dovenull" if is_root else own,
                uid=self._owner.pw_uid,
                gid=self._owner.pw_gid,
            )
        )
        for path in (root, root / "home"):
            path.chmod(0o755)
        if is_root:
            os.chown(root / "home", self._owner.pw_uid, self._owner.pw_gid)

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        log = self.root / "dovecot.log"
        while time.monotonic() < deadline:
            if self._process.poll() is not None or (log.exists() and "Fatal" in log.read_text()):
                self.stop()
                raise RuntimeError(f"Dovecot did not start: {log.read_text()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                sock.settimeout(1)
                if sock.recv(4) == b"* OK":
                    return
            time.sleep(0.01)
        self.stop()
        raise RuntimeError("Dovecot did not greet within 20 s")


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Run one Dovecot for the whole session."""
    root = Path(tempfile.mkdtemp(prefix="inboxbot-dovecot-"))
    server = None
    try:
        server = Dovecot(root)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def account(dovecot: Dovecot) -> Account:
    """Make an account of the test's own."""
    return dovecot.account()


def _free_ports(count: int) -> tuple[int, ...]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)
    finally:
        for each in sockets:
            each.close()
