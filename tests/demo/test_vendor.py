"""The sprite holds the icons that pages name, and nothing else."""

import pytest

from demo import vendor


def test_it_finds_icons_in_tags_and_in_addresses() -> None:
    text = """{% include "_icon.html" with name="camera" %} <use href="icons.svg#tabler-x">"""
    assert vendor.named_icons(text) == {"camera", "x"}


def test_a_symbol_keeps_the_drawing_and_takes_the_colour_of_the_text() -> None:
    drawing = vendor.symbol("camera")
    assert drawing.startswith('<symbol id="tabler-camera" viewBox="0 0 24 24"')
    assert 'stroke="currentColor"' in drawing
    assert "M0 0h24v24H0z" not in drawing


def test_a_filled_icon_is_filled() -> None:
    assert 'fill="currentColor"' in vendor.symbol("player-play-filled")


def test_an_unknown_icon_is_named_with_its_page(tmp_path, monkeypatch) -> None:
    page = tmp_path / "templates/page.html"
    page.parent.mkdir()
    page.write_text('{% include "_icon.html" with name="no-such-icon" %}')
    monkeypatch.setattr(vendor, "ROOT", tmp_path)
    with pytest.raises(vendor.VendorError, match=r"templates/page.html: .*'no-such-icon'"):
        vendor.sprite()
