"""The matrix of a group's grants without limits: rows (where) by columns (which right).

A tick on everything covers every location, one on a location its recorders, one on a recorder its
cameras. What is covered is shown as given and cannot be changed, and what was ticked there before
is kept for later. A page shows some of the rows: what it does not show stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts.errors import NotPossible
from recorders.grants import OFFERED, RECORDER_ONLY
from recorders.grants.plain import Given
from recorders.grants.sentences import RIGHT_WORDS
from recorders.grants.values import Scope
from recorders.models import Camera, Location, Recorder

EVERYTHING = Scope()
OUT_OF_DATE = NotPossible("no_such_right", "The page is out of date: load it again.")
COLUMNS = {right: RIGHT_WORDS[right] for right in OFFERED}


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
    key: str  # of the scope, as the form sends it
    parent: str  # key of the row that covers it
    cells: Sequence[Cell | None]  # None: the right is not given there


@dataclass(frozen=True)
class Section:
    """A recorder; its cameras are fetched when somebody unfolds it, unless `is_open`."""

    recorder: Recorder
    row: Row
    cameras: Sequence[Row] = ()
    is_open: bool = False


@dataclass(frozen=True)
class Place:
    """A location with its recorders; `row` is None for those without one."""

    row: Row | None
    sections: list[Section] = field(default_factory=list)


Parents = Mapping[Scope, Scope]  # of each row that is shown, except everything


def everything_row(given: Collection[Given]) -> Row:
    return _row("Everything", "also what is added later", EVERYTHING, [], given)


def location_row(location: Location, given: Collection[Given]) -> Row:
    note = "also recorders that come later"
    return _row(location.name, note, Scope(location_id=location.pk), [EVERYTHING], given)


def recorder_row(recorder: Recorder, cameras: int, given: Collection[Given]) -> Row:
    note = f"{cameras} camera{'' if cameras == 1 else 's'}"
    scope = Scope(recorder_id=recorder.pk)
    return _row(recorder.name, note, scope, chain(recorder), given)


def camera_rows(
    recorder: Recorder, cameras: Iterable[Camera], given: Collection[Given]
) -> list[Row]:
    broader = [Scope(recorder_id=recorder.pk), *chain(recorder)]
    return [
        _row(camera.name, f"Camera {camera.number}", Scope(camera_id=camera.pk), broader, given)
        for camera in cameras
    ]


def chain(recorder: Recorder) -> list[Scope]:
    """What covers the recorder, the nearest first."""
    here = [Scope(location_id=recorder.location_id)] if recorder.location_id else []
    return [*here, EVERYTHING]


def parse_ticks(values: Iterable[str]) -> set[Given]:
    """What the ticked boxes say; raises NotPossible for a value no box of ours has."""
    ticks = set()
    for value in values:
        right, _, key = value.partition(":")
        scope = parse_key(key)
        if right not in OFFERED or (scope.camera_id and right in RECORDER_ONLY):
            raise OUT_OF_DATE
        ticks.add(Given(right, scope.recorder_id, scope.camera_id, scope.location_id))
    return ticks


def parse_key(key: str) -> Scope:
    """Of a row, as `recorder:<id>`; raises NotPossible."""
    kind, _, scope_id = key.partition(":")
    if key == "everything":
        return EVERYTHING
    if kind not in ("location", "recorder", "camera"):
        raise OUT_OF_DATE
    try:
        return Scope(**{f"{kind}_id": UUID(scope_id)})
    except ValueError:
        raise OUT_OF_DATE from None


def key_of(scope: Scope) -> str:
    if scope.camera_id:
        return f"camera:{scope.camera_id}"
    if scope.recorder_id:
        return f"recorder:{scope.recorder_id}"
    return f"location:{scope.location_id}" if scope.location_id else "everything"


def merge(
    before: Collection[Given], ticked: Collection[Given], shown: Collection[Scope], parents: Parents
) -> set[Given]:
    """The grants after saving: `ticked` where a row was `shown`; what was before elsewhere, and
    below a broader tick of now."""
    after = {given for given in before if given.scope not in shown}
    after |= {given for given in ticked if given.scope in shown}
    covered = {
        given for given in before if given.scope in shown and _is_covered(given, after, parents)
    }
    return after | covered


def _is_covered(given: Given, after: Collection[Given], parents: Parents) -> bool:
    scope = given.scope
    while scope in parents:
        scope = parents[scope]
        if _given(given.right, scope) in after:
            return True
    return False


def _row(
    name: str, note: str, scope: Scope, broader: Sequence[Scope], given: Collection[Given]
) -> Row:
    cells = [
        None
        if scope.camera_id and right in RECORDER_ONLY
        else Cell(
            right,
            RIGHT_WORDS[right],
            f"{right}:{key_of(scope)}",
            _given(right, scope) in given,
            any(_given(right, above) in given for above in broader),
        )
        for right in OFFERED
    ]
    return Row(name, note, key_of(scope), key_of(broader[0]) if broader else "", cells)


def _given(right: str, scope: Scope) -> Given:
    return Given(right, scope.recorder_id, scope.camera_id, scope.location_id)
