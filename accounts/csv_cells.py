"""Cells of the CSV files that we give out (pure).

A spreadsheet takes a cell that begins with `=` and the like for a formula, and runs it (CWE-1236):
such cells get a ' before them, which spreadsheets do not show.
"""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def safe_cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def original_cell(text: str) -> str:
    """What `safe_cell` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
