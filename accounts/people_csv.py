"""People as a table: `email,name,groups,state`, groups apart by semicolons (pure). Who has no
e-mail address is named by their user name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accounts.csv_cells import original_cell, safe_cell

COLUMNS = ("email", "name", "groups", "state")
OTHER_NAMES = {"e-mail": "email", "e-mail address": "email", "login": "email"}  # of columns
MAX_ROWS = 1_000  # of one file: a change of so many people takes some seconds
MAX_CELL = 2_000


class BadTable(Exception):
    """The file is no such table; the message says what it is instead."""


@dataclass(frozen=True)
class Row:
    """One person as the file has them. `groups` and `state` are None where the file has no such
    column or an empty state: then they stay as they are."""

    line: int
    login: str
    name: str
    groups: tuple[str, ...] | None
    state: str | None


def parse(data: bytes) -> list[Row]:
    """Comma or semicolon between the cells, UTF-8, the first line names the columns. Raises
    BadTable."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadTable("The file is not UTF-8 text. Save it as “CSV UTF-8”.") from None
    if "\0" in text:
        raise BadTable("The file holds bytes that are no text.")
    lines = list(_cells(text))
    if not lines:
        raise BadTable("The file is empty.")
    heads = [name.strip().lower() for name in lines[0][1]]
    names = [OTHER_NAMES.get(head, head) for head in heads]
    _check_columns(heads, names)
    rows = [_row(line, dict(zip(names, cells, strict=False))) for line, cells in lines[1:]]
    if len(rows) > MAX_ROWS:
        raise BadTable(f"The file has {len(rows)} people. Divide it: at most {MAX_ROWS} at once.")
    return rows


def write(rows: Iterable[Row]) -> Iterator[str]:
    """The lines of the file, the names of the columns first."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line((row.login, row.name, ";".join(row.groups or ()), row.state or ""))


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(safe_cell(cell) for cell in cells)
    return out.getvalue()


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that has any."""
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise BadTable(f"Line {reader.line_num} is no line of a CSV file: {error}.") from None


def _check_columns(heads: list[str], names: list[str]) -> None:
    """`names` are the columns that the headings stand for."""
    if unknown := [name for name in names if name not in COLUMNS]:
        raise BadTable(
            f"There is no column “{unknown[0][:40]}”. The columns are {', '.join(COLUMNS)}."
        )
    for name in COLUMNS:
        same = [head for head, meant in zip(heads, names, strict=True) if meant == name]
        if len(same) > 1:
            raise BadTable(f"The columns {_quoted(same)} mean the same: keep one of them.")
    if "email" not in names:
        raise BadTable("The column “email” is missing: the e-mail address or user name.")


def _quoted(heads: Iterable[str]) -> str:
    return " and ".join(f"“{head}”" for head in heads)


def _row(line: int, cells: dict[str, str]) -> Row:
    read = {name: _read(cell) for name, cell in cells.items()}
    groups = read.get("groups")
    names = None if groups is None else tuple(g.strip() for g in groups.split(";") if g.strip())
    return Row(
        line,
        login=read.get("email", "").lower(),
        name=" ".join(read.get("name", "").split()),
        groups=names,
        state=read.get("state", "").lower() or None,
    )


def _read(cell: str) -> str:
    return original_cell(cell.strip()[:MAX_CELL])
