"""What checks the certificate of a mail server."""

import os
from pathlib import Path

import pytest
import trustme

from inboxbot.errors import PermanentError
from inboxbot.mail.server import ServerSettings, tls_context


def settings(ca_file: Path | None, security: str = "tls") -> ServerSettings:
    return ServerSettings(
        host="mail.example.org",
        port=993,
        security=security,  # type: ignore[arg-type]
        username="support",
        auth="password",
        secret=lambda: "",
        ca_file=str(ca_file) if ca_file else None,
    )


def test_the_certificates_of_authorities_are_read_once_and_anew_when_their_file_has_changed(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(file)
    first = tls_context(settings(file))
    assert tls_context(settings(file)) is first
    trustme.CA().cert_pem.write_to_path(file)
    os.utime(file, ns=(1, 1))
    second = tls_context(settings(file))
    assert first.get_ca_certs() != second.get_ca_certs()


def test_a_file_of_authorities_that_is_missing_or_none_is_named_by_its_setting(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ca.pem"
    for _ in range(2):
        with pytest.raises(PermanentError, match="ca_file"):
            tls_context(settings(file))
        file.write_text("no certificate")


def test_without_encryption_nobody_is_trusted() -> None:
    assert tls_context(settings(None, "none")).get_ca_certs() == []
