"""Pulling the plug on the real daemon: nothing is lost, and nobody is answered twice."""

import pytest

from tests.crash import harness
from tests.dovecot import Dovecot


@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.timeout(1_800)
def test_r07_kills_lose_nothing_and_answer_nobody_twice(dovecot: Dovecot, kills: int) -> None:
    figures = harness.run(kills, seed=7, dovecot=dovecot)
    assert figures.kept, figures
    assert figures.persons > 2 * kills
    assert sum(figures.in_flight_at_kill.values()) > kills / 20, "the kills missed the sending"
