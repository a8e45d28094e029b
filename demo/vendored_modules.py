"""The modules of npm packages that our own modules import, copied so that browsers find them.

Browsers know no package names: `@noble/hashes/sha2.js` becomes an address that is relative to
the importing file. Only what is reached from `ENTRIES` is copied.
"""

import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

SCOPE = "@noble/"
# What static/js/sealing.js is made of.
ENTRIES = ("curves/ed25519.js", "ciphers/chacha.js", "hashes/hkdf.js", "hashes/sha2.js")

_FROM = re.compile(
    r"""^((?:import|export)\s[\w\s{},*$]*\bfrom\s*|import\s*)(['"])([^'"]+)\2""", re.MULTILINE
)
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


class ModuleMissing(Exception):
    """A package does not have what is imported of it."""


def modules(packages: Path, entries: Iterable[str] = ENTRIES) -> Mapping[PurePosixPath, str]:
    """Path below the scope → text, for the entries and everything that they import."""
    found: dict[PurePosixPath, str] = {}
    waiting = [PurePosixPath(entry) for entry in entries]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        text = _read(packages / SCOPE / path)
        waiting += imported(path, text)
        found[path] = _SOURCE_MAP.sub("", with_addresses(path, text))
    return found


def imported(path: PurePosixPath, text: str) -> Iterator[PurePosixPath]:
    """What a module imports, as paths below the scope."""
    for _, _, name in _FROM.findall(text):
        yield _resolved(path, name)


def with_addresses(path: PurePosixPath, text: str) -> str:
    """The module with relative addresses instead of package names."""

    def address(match: re.Match[str]) -> str:
        relative = os.path.relpath(_resolved(path, match[3]), path.parent)
        return f'{match[1]}"{relative if relative.startswith(".") else f"./{relative}"}"'

    return _FROM.sub(address, text)


def _resolved(path: PurePosixPath, name: str) -> PurePosixPath:
    if name.startswith(SCOPE):
        return PurePosixPath(name.removeprefix(SCOPE))
    if not name.startswith("."):
        raise ModuleMissing(f"{path}: imports {name!r}, which is not of {SCOPE}")
    return PurePosixPath(os.path.normpath(path.parent / name))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        raise ModuleMissing(f"{file}: the package does not have it") from None
