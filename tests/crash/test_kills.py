"""Pulling the plug on the real daemon: nothing is lost, and nobody is answered twice."""

from tests.crash import harness
from tests.dovecot import Dovecot


def test_r07_thirty_kills_lose_nothing_and_answer_nobody_twice(dovecot: Dovecot) -> None:
    figures = harness.run(30, seed=7, dovecot=dovecot)
    assert figures.kept, figures
    assert figures.persons > 50
    assert sum(figures.in_flight_at_kill.values()) > 5, "the kills missed the sending"
