"""What our own server found about a sender, by the grammar of RFC 8601."""

import time

import pytest

from inboxbot.mail.authentication import Verdict, dmarc, read, trusted, vouched_domains
from inboxbot.mail.message import Identity, Message

US = Identity(
    mailbox="support",
    name="x",
    address="support@als.example",
    trusted_authserv_ids=frozenset({"mx.als.example"}),
)


def field(*values: str) -> Message:
    return Message(headers=tuple(("Authentication-Results", value) for value in values))


def test_a_field_as_large_providers_write_it() -> None:
    results = read(
        "mx.google.com; dkim=pass header.i=@clinic.example header.s=s1 header.b=AbC12;"
        " spf=pass (google.com: domain of a@clinic.example designates 192.0.2.1 as permitted"
        " sender) smtp.mailfrom=a@clinic.example; dmarc=pass (p=NONE sp=NONE dis=NONE)"
        " header.from=clinic.example"
    )
    assert results is not None
    assert results.authserv_id == "mx.google.com"
    assert [(r.method, r.result) for r in results.results] == [
        ("dkim", "pass"),
        ("spf", "pass"),
        ("dmarc", "pass"),
    ]
    assert results.results[0].property("header.i") == "@clinic.example"
    assert dmarc(results) == (Verdict.PASS, "clinic.example")
    assert vouched_domains(results) == ("clinic.example", "clinic.example")


@pytest.mark.parametrize(
    "value",
    [
        "mx.als.example; dmarc=pass header.from=a.example",
        "MX.ALS.Example 1; DMARC=Pass header.from=a.example",
        '"mx.als.example"; dmarc=pass header.from="a.example"',
        "mx.als.example (a (b) \\) c) 1 ; dmarc (x) = (y) pass header . from = a.example",
        "mx.als.example;spf=none;dmarc/1=pass header.from=a.example",
        'mx.als.example; spf=fail reason="it said; dmarc=fail"; dmarc=pass header.from=a.example',
        "mx.als.example; spf=pass smtp.mailfrom=x+y=z@a.example; dmarc=pass header.from=a.example",
    ],
)
def test_the_grammar_is_read_with_comments_quotes_and_blanks(value: str) -> None:
    results = trusted(field(value), US)
    assert dmarc(results) == (Verdict.PASS, "a.example")


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";",
        "; dmarc=pass",
        "mx.als.example.evil.example; dmarc=pass",
        "evil.example mx.als.example; dmarc=pass",
        "(mx.als.example) evil.example; dmarc=pass",
        "xmx.als.example; dmarc=pass",
        "mx.als.example dmarc=pass",
        "mx.als.example=x; dmarc=pass",
        "mx.als.example 1 2; dmarc=pass",
        '"mx.als.example; dmarc=pass',
    ],
)
def test_what_is_not_the_trusted_servers_name_is_ignored(value: str) -> None:
    assert trusted(field(value), US) is None


@pytest.mark.parametrize(
    "value",
    [
        "mx.als.example; none",
        "mx.als.example",
        "mx.als.example (dmarc=pass)",
        'mx.als.example; spf=none reason="dmarc=pass"',
        "mx.als.example; x-dmarc=pass",
        "mx.als.example; dmarc=temperror",
        "mx.als.example; dmarc=bestguesspass",
        "mx.als.example; dmarc=",
        "mx.als.example; =pass dmarc",
        "mx.als.example; spf=neutral dmarc=pass",
    ],
)
def test_no_verdict_is_made_up(value: str) -> None:
    assert dmarc(trusted(field(value), US)) == (Verdict.UNKNOWN, "")


def test_only_the_topmost_field_of_a_trusted_server_counts() -> None:
    message = field(
        "evil.example; dmarc=fail",
        "mx.als.example; spf=pass smtp.mailfrom=a.example",
        "mx.als.example; dmarc=pass header.from=a.example",
    )
    assert dmarc(trusted(message, US))[0] is Verdict.UNKNOWN


def test_nobody_is_trusted_unless_named() -> None:
    nobody = Identity(mailbox="support", name="x", address="support@als.example")
    assert trusted(field("mx.als.example; dmarc=pass"), nobody) is None


@pytest.mark.parametrize(
    ("rest", "verdict"),
    [
        ("dmarc=fail (p=REJECT sp=NONE dis=NONE) header.from=a.example", Verdict.FAIL),
        ("dmarc=fail (p=quarantine dis=none) header.from=a.example", Verdict.FAIL),
        ("dmarc=fail header.from=a.example", Verdict.FAIL),
        ("dmarc=fail action=oreject header.from=a.example", Verdict.FAIL),
        ("dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=a.example", Verdict.FAIL_NO_POLICY),
        ("dmarc=fail (p=none, dis=none) header.from=a.example", Verdict.FAIL_NO_POLICY),
        ("dmarc=fail action=none header.from=a.example;compauth=fail", Verdict.FAIL_NO_POLICY),
        ("dmarc=fail header.from=a.example policy.dmarc=none", Verdict.FAIL_NO_POLICY),
        ("dmarc=fail (p=REJECT) policy.dmarc=reject action=none", Verdict.FAIL),
        ("dmarc=pass header.from=a.example; dmarc=fail header.from=b.example", Verdict.FAIL),
    ],
)
def test_a_failure_is_told_from_one_of_a_domain_that_asks_for_nothing(
    rest: str, verdict: Verdict
) -> None:
    assert dmarc(trusted(field(f"mx.als.example; {rest}"), US))[0] is verdict


def test_a_method_that_did_not_pass_vouches_for_nothing() -> None:
    results = read(
        "mx.als.example; spf=softfail smtp.mailfrom=a.example; dkim=fail header.d=b.example;"
        " dkim=pass header.d=c.example; iprev=pass policy.iprev=192.0.2.1"
    )
    assert vouched_domains(results) == ("c.example",)


@pytest.mark.parametrize(
    "value",
    [
        "(" * 100_000,
        ")" * 100_000,
        '"' * 100_000,
        "\\" * 100_000,
        "=" * 100_000,
        ";" * 100_000,
        "mx.als.example;" + "a=b " * 30_000,
        "mx.als.example;" + "dmarc=pass;" * 10_000,
        "mx.als.example;" + "a." * 50_000,
        "mx.als.example;" + "a" * 100_000,
    ],
)
def test_hostile_fields_take_no_time(value: str) -> None:
    start = time.process_time()
    dmarc(read(value))
    # Quadratic work would take minutes; the bound leaves room for a busy machine.
    assert time.process_time() - start < 1.0
