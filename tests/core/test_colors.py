"""Colours and their contrast."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.colors import WHITE, contrast, darkened, hex_of, parse_color

part = st.integers(0, 255)
colors = st.tuples(part, part, part)


@pytest.mark.parametrize(
    ("text", "color"), [("#07c160", (7, 193, 96)), ("#FFF", (255, 255, 255)), ("#1aB", (17, 170, 187))]
)
def test_colours_as_they_are_written(text, color):
    """Six digits or three, in either case."""
    assert parse_color(text) == color


@pytest.mark.parametrize(
    "text", ["", "07c160", "#07c16", "#07c1600", "green", "#ggg", "rgb(0,0,0)", "#fff\n", "#fff;x"]
)
def test_what_is_no_colour(text):
    """Nothing else gets into a stylesheet."""
    with pytest.raises(ValueError, match="is not a colour"):
        parse_color(text)


@given(colors)
def test_a_colour_comes_back(color):
    """What is written is read as the same."""
    assert parse_color(hex_of(color)) == color


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21.0), ("#fff", "#fff", 1.0), ("#777", "#fff", 4.48), ("#767676", "#fff", 4.54)],
)
def test_contrasts_that_are_known(one, other, ratio):
    """As the examples beside WCAG 2.2, 1.4.3 have them."""
    assert round(contrast(parse_color(one), parse_color(other)), 2) == ratio


@given(colors, colors)
def test_contrast_is_symmetric(one, other):
    """Text on ground and ground on text are the same, between 1 and 21."""
    assert contrast(one, other) == contrast(other, one)
    assert 1 <= contrast(one, other) <= 21


@given(colors)
def test_a_darker_shade_can_be_read(color):
    """It has the contrast, and a colour that has it stays."""
    shade = darkened(color, WHITE, 4.5)
    assert contrast(shade, WHITE) >= 4.5
    assert (shade == color) == (contrast(color, WHITE) >= 4.5)
