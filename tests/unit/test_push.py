"""A server is believed after it has told of a letter, and not after it failed to."""

from inboxbot.push import BELIEVED_S, FALSE_ALARMS, Push


def told(push: Push, listed: int = 1, waiting: int = 0) -> None:
    push.waited(True)
    push.looked(listed, waiting)


def test_a_server_that_showed_nothing_yet_is_looked_at_as_often_as_one_without_push():
    push = Push(60)
    assert push.patience_s() == 60
    push.looked(5, 0)
    assert push.patience_s() == 60


def test_a_server_that_told_of_a_letter_is_waited_for_almost_half_an_hour():
    push = Push(60)
    told(push)
    assert push.patience_s() == BELIEVED_S < 29 * 60


def test_a_server_that_did_not_tell_of_a_letter_is_never_believed_again():
    push = Push(60)
    told(push)
    push.waited(False)
    push.looked(1, 0)
    assert push.patience_s() == 60
    told(push)
    assert not push.is_believed


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
