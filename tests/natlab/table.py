"""The measured table as people read it, and its place in docs/connection.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.natlab.measure import Row

BEGIN = "<!-- natlab: begin (written by make natlab) -->"
END = "<!-- natlab: end -->"
NAMES = {
    "manual_nat": "Manual NAT",
    "lan": "LAN",
    "p2p": "Peer-to-peer",
    "relay": "Relay",
    "none": "nothing",
}


def markdown(rows: Sequence[Row]) -> str:
    """Recorders down, viewers across: path, then milliseconds to the first picture of all, and of
    that path where it was not the first."""
    places = list(dict.fromkeys(row.place for row in rows))
    by_site: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_site.setdefault(row.site, {})[row.place] = row
    lines = ["| recorder \\ viewer | " + " | ".join(_words(place) for place in places) + " |"]
    lines.append("|---" * (len(places) + 1) + "|")
    for site, found in by_site.items():
        cells = [_cell(found[place]) if place in found else "" for place in places]
        lines.append(f"| **{_words(site)}** | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(row: Row) -> str:
    outcome = row.outcome
    times = str(outcome.first_frame_ms or "–")  # noqa: RUF001  # an en dash for people
    if outcome.path_first_frame_ms != outcome.first_frame_ms:
        times += f", {outcome.path_first_frame_ms}"
    wrong = "" if row.is_as_expected else f" (expected {NAMES[row.expected]})"
    return f"{NAMES[outcome.path]}{wrong}<br>{times}"


def plain(rows: Sequence[Row]) -> str:
    """For a terminal: a line for each pair."""
    lines = [
        f"{'recorder':16} {'viewer':16} {'path':12} {'first picture':>14} {'on that path':>14}"
    ]
    for row in rows:
        found = row.outcome
        first, own = f"{found.first_frame_ms} ms", f"{found.path_first_frame_ms} ms"
        wrong = "" if row.is_as_expected else f"  EXPECTED {row.expected}: {found.describe()}"
        line = f"{_words(row.site):16} {_words(row.place):16} {NAMES[found.path]:12}"
        lines.append(f"{line} {first:>14} {own:>14}{wrong}")
    return "\n".join(lines)


def keep(page: Path, table: str) -> None:
    """Puts the table between its marks in the page. Raises ValueError when they are not there."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{page}: the marks of the table are missing")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")
