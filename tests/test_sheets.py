"""Sheets of pictures: what stands where, and how large."""

import numpy as np
import pytest

from styletransfer.study import sheets


@pytest.fixture
def pictures(rng):
    return [[rng.random((20, 30, 3)), rng.random((20, 40, 3))], [rng.random((20, 30, 3)), None]]


def shown(figure):
    return [axis for axis in figure.axes if axis.images]


def test_rows_columns_and_notes(pictures):
    words = {"columns": ["one", "two"], "rows": ["a", "b"], "footer": "all of them"}
    figure = sheets.panels(pictures, notes=[["1", "2"], ["3", ""]], **words)
    first, second, third, empty = figure.axes
    for axis, picture in zip((first, second, third), (*pictures[0], pictures[1][0]), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), picture)
    assert [axis.get_title() for axis in figure.axes] == ["one", "two", "", ""]
    assert [axis.get_ylabel() for axis in figure.axes] == ["a", "", "b", ""]
    assert [axis.get_xlabel() for axis in figure.axes] == ["1", "2", "3", ""]
    assert [text.get_text() for text in empty.texts] == ["not made"]
    assert [text.get_text() for text in figure.texts] == ["all of them"]


def test_rows_stand_below_each_other_and_columns_side_by_side(pictures):
    first, second, third, _ = (a.get_position() for a in sheets.panels(pictures).axes)
    assert first.x1 <= second.x0
    assert third.y1 <= first.y0
    assert second.width / first.width == pytest.approx(40 / 30)  # as their pictures
    assert first.height == pytest.approx(second.height)


def test_the_width_is_kept_and_few_panels_do_not_get_too_high(pictures):
    many = [[pictures[0][0]] * 5]
    assert sheets.panels(many, width=12).get_size_inches()[0] == pytest.approx(12)
    one = sheets.panels([[pictures[0][0]]], width=12).get_size_inches()
    assert one[1] < sheets.MOST_HEIGHT + 1
    assert one[0] < 12


def test_sources_stand_at_the_left(pictures, rng):
    photo, painting = rng.random((30, 40, 3)), rng.random((40, 30, 3))
    sources = [[("Photo", photo), ("Painting", painting)]] * 2
    axes = sheets.panels(pictures, sources=sources).axes
    above, below, picture = axes[:3]
    np.testing.assert_array_equal(above.images[0].get_array(), photo)
    np.testing.assert_array_equal(below.images[0].get_array(), painting)
    assert [above.get_xlabel(), below.get_xlabel()] == ["Photo", "Painting"]
    assert above.get_position().y0 > below.get_position().y0
    assert below.get_position().x1 <= picture.get_position().x0


def test_insets(pictures, rng):
    small = rng.random((10, 10, 3))
    figure = sheets.panels([pictures[0]], insets=[[small, small]])
    for axis in shown(figure)[:2]:
        (inset,) = axis.child_axes
        np.testing.assert_array_equal(inset.images[0].get_array(), small)


def test_values_beyond_the_range_are_clipped():
    (axis,) = sheets.panels([[np.array([[[-1.0, 0.5, 2.0]]])]]).axes
    np.testing.assert_array_equal(axis.images[0].get_array(), [[[0, 0.5, 1]]])


def test_nothing_to_show():
    for nothing in ([], [[None]]):
        with pytest.raises(ValueError, match="there is no picture"):
            sheets.panels(nothing)


def test_wrapped():
    assert sheets.wrapped("a title of many words", 1.0).splitlines() == ["a title of", "many words"]
    assert sheets.wrapped("first\nsecond", 5.0) == "first\nsecond"
