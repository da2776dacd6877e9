from hypothesis import given
from hypothesis import strategies as st

from inboxbot.mail.mailbox import field, identity
from tests.numbered import letter


def test_a_field_is_found_in_any_case_unfolded_and_only_in_the_header() -> None:
    raw = b"Subject: a\r\nMESSAGE-id :\r\n\t<x@y>\r\n  z\r\nDate: d\r\n\r\nFrom: body\r\n"
    assert field(raw, b"message-id") == b"<x@y> z"
    assert field(raw, b"date") == b"d"
    assert field(raw, b"from") is None
    assert field(b"\r\nDate: in the body", b"date") is None
    assert field(b"Date: a\nDate: b\n\n", b"date") == b"a"
    assert field(b"X-Date: a\n\n", b"date") is None


def test_the_identity_changes_with_message_id_date_and_size_and_nothing_else() -> None:
    raw = letter(1)
    same = raw.replace(b"Subject: Letter 1", b"Subject: Other 1!")
    assert len(same) == len(raw)
    assert identity(raw, 500) == identity(same, 500)
    assert identity(raw, 500) != identity(raw, 501)
    assert identity(raw, 500) != identity(raw.replace(b"09:00", b"09:01"), 500)
    assert identity(raw, 500) != identity(raw.replace(b"<1@", b"<2@"), 500)
    assert identity(letter(1, message_id=""), 500) is None


@given(st.binary(max_size=2000), st.integers(0, 10**9))
def test_any_bytes_have_an_identity_or_none(raw: bytes, size: int) -> None:
    found = identity(raw, size)
    assert found is None or len(found) == 64
