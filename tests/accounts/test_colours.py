"""Accents that can be read, whatever somebody chose."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.organisations.colours import DARK, LIGHT, READABLE, contrast, readable, shades

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(COLOURS, st.sampled_from([LIGHT, DARK]))
@example("#ffee00", LIGHT)
@example("#000000", DARK)
@example("#7f7f7f", DARK)
def test_any_colour_becomes_one_that_can_be_read(chosen, theme):
    """WCAG AA: as text on every surface, and under the text of buttons."""
    found = shades(readable(chosen, theme), theme)
    on_surfaces = [contrast(found.accent, surface) for surface in theme.surfaces]
    on_itself = [contrast(found.text, found.accent), contrast(found.text, found.strong)]
    assert min([*on_surfaces, *on_itself, contrast(found.strong, found.soft)]) >= READABLE


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_our_own_accents_stay_as_they_are(theme):
    assert readable(theme.usual, theme) == theme.usual


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#777777", "#ffffff", 4.48)],
)
def test_contrast_is_as_wcag_counts_it(one, other, expected):
    assert contrast(one, other) == pytest.approx(expected, abs=0.01)
    assert contrast(other, one) == contrast(one, other)
