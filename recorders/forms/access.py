"""The matrix of a group's grants: rows (where) by columns (which right).

A tick on everything covers every recorder, one on a recorder covers its cameras. What is covered is
shown as given and cannot be changed, and what was ticked there before is kept for later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.errors import NotPossible
from recorders.access import CAMERA_RIGHTS, OFFERED_RIGHTS, Given
from recorders.models import Recorder

RIGHT_WORDS = {
    "live": "Live",
    "playback": "Recorded",
    "export": "Export",
    "configure": "Configure",
}


@dataclass(frozen=True)
class Cell:
    right: str
    words: str
    value: str  # of the checkbox
    is_given: bool  # by its own tick
    is_covered: bool  # by a broader one


@dataclass(frozen=True)
class Row:
    name: str
    note: str
    cells: Sequence[Cell | None]  # None: the right is not given there


@dataclass(frozen=True)
class Section:
    """A recorder with its cameras; they are folded away while none has a tick of its own."""

    recorder: Recorder
    row: Row
    cameras: list[Row]
    is_open: bool


def everything_row(given: Collection[Given]) -> Row:
    cells = [_cell(Given(right), given, is_covered=False) for right in OFFERED_RIGHTS]
    return Row("Everything", "also recorders and cameras that are added later", cells)


def sections(recorders: Iterable[Recorder], given: Collection[Given]) -> list[Section]:
    """`recorders` with their present cameras in `shown_cameras`."""
    return [_section(recorder, given) for recorder in recorders]


def parse(values: Iterable[str]) -> set[Given]:
    """What the ticked boxes say; raises NotPossible for a value no box of ours has."""
    return {_parse(value) for value in values}


def merge(
    before: Collection[Given],
    ticked: Collection[Given],
    recorders: Collection[UUID],
    camera_recorder: Mapping[UUID, UUID],
) -> set[Given]:
    """The grants after saving. Kept from before: what a broader tick covers now, and what the page
    does not show. It shows `recorders`, and cameras, each with its recorder's id."""
    kept = {
        given
        for given in before
        if not _is_shown(given, camera_recorder, recorders)
        or _is_covered(given, ticked, camera_recorder)
    }
    return set(ticked) | kept


def _section(recorder: Recorder, given: Collection[Given]) -> Section:
    cells = [
        _cell(Given(right, recorder_id=recorder.pk), given, Given(right) in given)
        for right in OFFERED_RIGHTS
    ]
    location = recorder.location.name if recorder.location else ""
    cameras = [
        Row(camera.name, f"Camera {camera.number}", _camera_cells(camera.pk, recorder.pk, given))
        for camera in recorder.shown_cameras  # type: ignore[attr-defined]  # prefetched
    ]
    is_open = any(cell and cell.is_given for row in cameras for cell in row.cells)
    return Section(recorder, Row(recorder.name, location, cells), cameras, is_open)


def _camera_cells(camera: UUID, recorder: UUID, given: Collection[Given]) -> list[Cell | None]:
    cells: list[Cell | None] = []
    for right in CAMERA_RIGHTS:
        is_covered = Given(right) in given or Given(right, recorder_id=recorder) in given
        cells.append(_cell(Given(right, camera_id=camera), given, is_covered))
    return [*cells, None]


def _cell(own: Given, given: Collection[Given], is_covered: bool) -> Cell:
    return Cell(own.right, RIGHT_WORDS[own.right], _value(own), own in given, is_covered)


def _value(given: Given) -> str:
    if given.camera_id:
        return f"{given.right}:camera:{given.camera_id}"
    return f"{given.right}:recorder:{given.recorder_id}" if given.recorder_id else given.right


def _parse(value: str) -> Given:
    right, _, scope = value.partition(":")
    kind, _, scope_id = scope.partition(":")
    try:
        if right in OFFERED_RIGHTS and not scope:
            return Given(right)
        if right in OFFERED_RIGHTS and kind == "recorder":
            return Given(right, recorder_id=UUID(scope_id))
        if right in CAMERA_RIGHTS and kind == "camera":
            return Given(right, camera_id=UUID(scope_id))
    except ValueError:
        pass
    raise NotPossible("no_such_right", "The page is out of date: load it again.")


def _is_covered(
    given: Given, ticked: Collection[Given], camera_recorder: Mapping[UUID, UUID]
) -> bool:
    if given.camera_id:
        recorder = camera_recorder.get(given.camera_id)
        return Given(given.right) in ticked or Given(given.right, recorder) in ticked
    return given.recorder_id is not None and Given(given.right) in ticked


def _is_shown(
    given: Given, camera_recorder: Mapping[UUID, UUID], recorders: Collection[UUID]
) -> bool:
    if given.camera_id:
        return given.camera_id in camera_recorder
    return given.recorder_id is None or given.recorder_id in recorders
