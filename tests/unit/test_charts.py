"""web.charts: where bars and lines lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inboxbot.web import charts


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 2), (1, 2), (3, 4), (9, 10), (11, 20), (41, 60), (460, 600), (2880, 4000)],
)
def test_a_scale_ends_with_an_even_round_number(value, top):
    assert charts.round_up(value) == top


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 3), max_size=60))
def test_no_bar_leaves_the_drawing_and_stacks_do_not_overlap(values):
    drawn = charts.stacked(values)
    for bar in drawn.bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= charts.WIDTH + 0.1
        assert bar.y >= -0.1
        assert bar.y + bar.height <= charts.HEIGHT + 0.1
    assert len(drawn.bars) == sum(value > 0 for entry in values for value in entry)
    for upper, lower in zip(drawn.bars[1:], drawn.bars, strict=False):
        if upper.x == lower.x:
            assert upper.y + upper.height == pytest.approx(lower.y, abs=0.02)


def test_a_line_is_broken_where_nothing_is_known():
    drawn = charts.line([1.0, None, 0.0, 0.5])
    assert [len(piece) for piece in drawn.pieces] == [1, 2]
    assert drawn.pieces[0][0] == (75.0, 0.0)
    assert drawn.pieces[1][0] == (375.0, charts.HEIGHT)
    assert charts.line([]).pieces == ()
