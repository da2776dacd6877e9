"""A server is believed after it has told of a letter, and doubted after it failed to."""

from inboxbot.pause import SWEEP_EVERY_S
from inboxbot.push import BELIEVED_S, FALSE_ALARMS, SILENCES, Push


def told(push: Push, listed: int = 1, waiting: int = 0) -> None:
    push.waited(True)
    push.looked(listed, waiting)


def test_a_server_that_showed_nothing_yet_is_looked_at_as_often_as_one_without_push():
    push = Push(60)
    assert push.patience_s() == 60
    push.looked(5, 0)
    assert push.patience_s() == 60


def test_a_server_that_told_of_a_letter_is_waited_for_until_the_next_sweep():
    push = Push(60)
    told(push)
    assert push.patience_s() == BELIEVED_S == SWEEP_EVERY_S


def test_a_letter_that_only_a_sweep_found_is_soon_looked_after():
    push = Push(60)
    told(push)
    push.swept(0)
    assert push.patience_s() == BELIEVED_S
    push.swept(1)
    assert push.patience_s() == 60
    push.looked(0, 0)
    assert push.patience_s() == BELIEVED_S


def silent(push: Push) -> None:
    push.waited(False)
    push.looked(1, 0)


def test_a_server_whose_letter_a_look_found_first_is_doubted_until_it_tells_of_the_next():
    push = Push(60)
    told(push)
    silent(push)
    assert push.patience_s() == 60
    told(push)
    assert push.is_believed


def test_a_server_that_told_of_no_letter_three_times_in_a_row_is_never_believed_again():
    push = Push(60)
    told(push)
    for _ in range(SILENCES):
        silent(push)
    told(push)
    assert not push.is_believed
    assert push.patience_s() == 60


def test_a_look_that_left_something_undone_is_soon_made_again():
    push = Push(60)
    told(push, waiting=1)
    assert push.patience_s() == 60
    push.waited(False)
    push.looked(0, 0)
    assert push.patience_s() == BELIEVED_S


def test_false_alarms_in_a_row_are_left_to_the_schedule():
    push = Push(60)
    for _ in range(FALSE_ALARMS):
        assert not push.cries_wolf()
        told(push, listed=0)
    assert push.cries_wolf()
    assert not push.cries_wolf()
