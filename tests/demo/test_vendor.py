"""The sprite holds the icons that pages name, and nothing else."""

from pathlib import PurePosixPath

import pytest

from demo import vendor, vendored_modules


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


def test_a_module_imports_by_address_instead_of_package_name() -> None:
    """Browsers know no package names."""
    path = PurePosixPath("curves/abstract/edwards.js")
    text = "import { sha512 } from '@noble/hashes/sha2.js';\nexport { a } from \"../utils.js\";\n"
    assert vendored_modules.with_addresses(path, text) == (
        'import { sha512 } from "../../hashes/sha2.js";\nexport { a } from "../utils.js";\n'
    )


def test_everything_that_is_imported_is_copied() -> None:
    found = vendored_modules.modules(vendor.ROOT / "node_modules")
    assert PurePosixPath("hashes/utils.js") in found
    for path, text in found.items():
        assert set(vendored_modules.imported(path, text)) <= set(found)
        assert "@noble/" not in "".join(line for line in text.splitlines() if "import" in line[:6])


def test_a_module_that_a_package_lost_is_named(tmp_path) -> None:
    with pytest.raises(vendored_modules.ModuleMissing, match=r"sha9\.js"):
        vendored_modules.modules(tmp_path, ["hashes/sha9.js"])
