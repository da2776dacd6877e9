"""pace: the limits of mail providers, and those of one's own."""

from pathlib import Path
from typing import get_args

import pytest

from inboxbot.config.mailbox import Smtp
from inboxbot.pace import PROVIDERS, Pace, pace

ROOT = Path(__file__).parents[2]


def test_every_provider_may_be_named_in_the_settings_and_stands_in_the_documentation():
    named = set(get_args(Smtp.model_fields["provider"].annotation)) - {""}
    assert named == set(PROVIDERS)
    page = (ROOT / "docs" / "operations" / "providers.md").read_text()
    for name, limits in PROVIDERS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        minute = limits.per_minute or ""
        assert row.startswith(" ".join(f"| `{name}` | {minute} | {limits.per_day:,} |".split()))


@pytest.mark.parametrize(
    ("provider", "own", "found"),
    [
        ("", {}, Pace()),
        ("", {"per_day": 9}, Pace(per_day=9)),
        ("microsoft-365", {}, Pace(30, 10_000)),
        ("microsoft-365", {"per_minute": 5}, Pace(5, 10_000)),
        ("gmail", {"per_day": 200}, Pace(per_day=200)),
    ],
)
def test_what_is_set_replaces_what_is_usual_at_the_provider(provider, own, found):
    assert pace(provider, **({"per_minute": 0, "per_day": 0} | own)) == found
