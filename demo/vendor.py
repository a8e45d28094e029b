"""Copy what our pages use of the npm packages into `static/vendor/`: `make static`.

A page names an icon as `{% include "_icon.html" with name="camera" %}`, or as `#tabler-camera`
behind the address of `vendor/icons.svg` anywhere else. Only the icons named so are in the sprite.
The cryptography of the sealed channel goes to `static/vendor/noble/` (demo/vendored_modules.py).
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.vendored_modules import ModuleMissing, modules

ROOT = Path(__file__).resolve().parent.parent
ICONS = ROOT / "node_modules/@tabler/icons/icons"
VENDOR = ROOT / "static/vendor"

ICON_NAME = re.compile(r"""_icon\.html" with name="([a-z0-9-]+)"|#tabler-([a-z0-9-]+)""")
DRAWING = re.compile(r"<svg\b[^>]*>(.*)</svg>", re.DOTALL)
# Variants that only fill the square: the sprite's symbols need no such helper path.
EMPTY_SQUARE = re.compile(r'<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*/>')


class VendorError(Exception):
    """A page asks for something that the packages do not have."""


def pages() -> Iterator[Path]:
    """Our own files that may name an icon."""
    folders = (("templates", {".html", ".txt"}), ("cmr/local", {".html"}), ("static/js", {".js"}))
    for folder, suffixes in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path
    for path in sorted(ROOT.glob("*/templatetags/*.py")):
        yield path


def named_icons(text: str) -> set[str]:
    """Names of the icons that this template or script asks for."""
    return {tag or anchor for tag, anchor in ICON_NAME.findall(text)}


def symbol(name: str) -> str:
    """One icon of the sprite. A name that ends in `-filled` takes the filled drawing."""
    filled = name.endswith("-filled")
    path = ICONS / (
        f"filled/{name.removesuffix('-filled')}.svg" if filled else f"outline/{name}.svg"
    )
    drawing = DRAWING.search(path.read_text())
    if drawing is None:
        raise VendorError(f"{path}: no <svg> inside")
    body = EMPTY_SQUARE.sub("", " ".join(drawing[1].split()))
    paint = (
        'fill="currentColor"'
        if filled
        else 'fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round"'
    )
    return f'<symbol id="tabler-{name}" viewBox="0 0 24 24" {paint}>{body}</symbol>'


def sprite() -> str:
    """The sprite with every icon that our pages name. Raises VendorError for an unknown one."""
    symbols: dict[str, str] = {}
    for page in pages():
        for name in sorted(named_icons(page.read_text()) - symbols.keys()):
            try:
                symbols[name] = symbol(name)
            except FileNotFoundError:
                raise VendorError(f"{page.relative_to(ROOT)}: no icon is called {name!r}") from None
    body = "\n".join(symbols[name] for name in sorted(symbols))
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def write(path: Path, text: str) -> None:
    """Write only what changed: unchanged files keep their time, and browsers their copies."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> None:
    try:
        write(VENDOR / "icons.svg", sprite())
        for path, text in modules(ROOT / "node_modules").items():
            write(VENDOR / "noble" / path, text)
    except (VendorError, ModuleMissing, FileNotFoundError) as error:
        sys.exit(f"make static: {error}")


if __name__ == "__main__":
    main()
