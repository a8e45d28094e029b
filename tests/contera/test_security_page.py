"""docs/security.md: what it leans on is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
_PATH = re.compile(r"`((?:tests|docs)/[^`\s]+)`")


def test_every_file_that_the_page_names_is_there():
    named = set(_PATH.findall(PAGE))
    assert len(named) > 50
    assert {path for path in named if not (ROOT / path).is_file()} == set()


def test_every_chapter_of_asvs_is_on_the_page():
    assert re.findall(r"^## V(\d+) ", PAGE, re.MULTILINE) == [str(n) for n in range(1, 18)]
