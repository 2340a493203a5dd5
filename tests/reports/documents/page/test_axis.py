"""Goal: the texts of an axis never overlap, on a phone and on a desk. Method: any ticks, measured at both widths."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from reports.documents.page.axis import GAP, NARROW, WIDE, LogAxis, measure, spread
from reports.judge.text.short_forms import show_time

TICKS = st.lists(st.tuples(st.floats(0, 100), st.text("0123456789 µms", min_size=1, max_size=9)), max_size=20)


@settings(deadline=None)
@given(TICKS, st.sampled_from([NARROW, 230.0]))
def test_no_two_texts_overlap_and_none_leaves_the_axis(ticks: list[tuple[float, str]], narrow: float) -> None:
    marks = spread(ticks, narrow)
    for width, shown in ((narrow, [each for each in marks if not each.is_fine]), (WIDE, marks)):
        spans = sorted(measure((each.place, each.text, each.anchor), width) for each in shown)
        assert all(end + GAP <= begin for (_, end), (begin, _) in pairwise(spans))
    assert {(each.place, each.text) for each in marks} <= set(ticks)
    assert bool(marks) == bool(ticks)


def test_where_there_is_room_more_ticks_are_named() -> None:
    axis = LogAxis.around([1_900_000.0, 45_000_000.0])
    marks = spread((axis.place(tick), show_time(tick)) for tick in axis.ticks())
    assert [each.text for each in marks] == ["2 ms", "5 ms", "10 ms", "20 ms", "50 ms"]
    assert [each.text for each in marks if not each.is_fine] == ["2 ms", "10 ms", "50 ms"]
