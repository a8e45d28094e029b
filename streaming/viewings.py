"""Writes into the audit trail who watched what, as recorders and relays tell it: each once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import DatabaseError, transaction

from accounts.audit import Actor, Line, record_lines
from accounts.models import Membership, User
from accounts.signing import portal_keys
from protocol.errors import ProtocolError
from protocol.times import format_time
from protocol.tokens import LEEWAY_S, verify_access_token
from protocol.viewing_book import MAX_S
from protocol.viewings import Viewing, Watcher, parse_viewing
from recorders.models import Recorder
from streaming.relay.viewings import Told
from streaming.session_names import SessionName, read

WATCHED = "video.watched"
LOST = "viewings.lost"
LOCAL = "local:"  # accounts of a recorder's own
MAX_AGE_S = 24 * 3600  # a node that told nothing for so long has lost the right to


def note_recorder_viewings(recorder: Recorder, bodies: Sequence[Any]) -> int:
    """What the recorder tells (Any: JSON). The number up to which the portal has all now, which
    the recorder may forget; what is no viewing is passed over, so that it holds nothing up."""
    with transaction.atomic():
        held: Recorder = Recorder.objects.select_for_update().get(pk=recorder.pk)
        fresh = [v for v in _readable(bodies) if v.number > held.viewings_seen]
        if fresh:
            held.viewings_seen = fresh[-1].number
            held.save(update_fields=["viewings_seen"])
            record_lines(recorder.organisation, _Trail(recorder, fresh).lines())
    told = [held.viewings_seen, *(_number(body) for body in bodies)]
    return max(told)


async def deliver(told: Sequence[Told]) -> None:
    """For the portal's own relay, off the event loop; raises OSError to be called again later."""
    try:
        await database_sync_to_async(note_relay_viewings)(told)
    except DatabaseError as error:
        raise OSError(f"the database took no viewings: {type(error).__name__}") from error


def proved(body: Any, now: datetime) -> Told:
    """What a relay node tells (Any: JSON), with the viewer's token as the proof: it held when the
    viewing ended, and says who it was. Raises ProtocolError for anything else."""
    if not isinstance(body, dict):
        raise ProtocolError("bad_viewing", "viewing: not an object")
    token, recorder_id = str(body.get("token")), str(body.get("recorder_id"))
    viewing, now_s = parse_viewing(body), now.timestamp()
    if not now_s - MAX_AGE_S <= viewing.end <= now_s + LEEWAY_S:
        raise ProtocolError("bad_viewing", "viewing: too old, or not over yet")
    if viewing.end - viewing.start > MAX_S + LEEWAY_S or viewing.recorded is not None:
        raise ProtocolError("bad_viewing", "viewing: not one of live video by a relay")
    access = verify_access_token(portal_keys(), token, recorder_id, int(viewing.end))
    watcher = Watcher(
        session_id=access.session_id,
        user_id=access.user_id,
        camera=viewing.watcher.camera,
        kind="live",
        path="relay",
        address=access.address or "",
    )
    if not access.allows("live", watcher.camera):
        raise ProtocolError("bad_viewing", "viewing: the token does not allow it")
    return Told(Viewing(watcher, viewing.start, viewing.end), recorder_id, token)


def note_relay_viewings(told: Iterable[Told]) -> None:
    """Twice is harmless. Viewings at recorders that are gone go with them."""
    by_recorder: dict[str, list[Viewing]] = {}
    for one in told:
        by_recorder.setdefault(one.recorder_id, []).append(one.viewing)
    recorders = Recorder.objects.filter(pk__in=by_recorder).select_related("organisation")
    for recorder in recorders.order_by("organisation", "pk"):
        trail = _Trail(recorder, by_recorder[str(recorder.pk)])
        record_lines(recorder.organisation, trail.lines(once=True))


def _readable(bodies: Sequence[Any]) -> list[Viewing]:
    """In the order of their numbers."""
    found = []
    for body in bodies:
        try:
            found.append(parse_viewing(body))
        except ProtocolError:
            continue
    return sorted(found, key=lambda viewing: viewing.number)


def _number(body: Any) -> int:  # Any: JSON
    number = body.get("number") if isinstance(body, dict) else None
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**53:
        return number
    return 0


class _Trail:
    """Viewings at one recorder, in the words of the audit trail."""

    def __init__(self, recorder: Recorder, viewings: Sequence[Viewing]) -> None:
        self._recorder = recorder
        self._viewings = viewings
        self._names = dict(recorder.cameras.values_list("number", "name"))
        self._people = _people(viewings)
        self._members = _members(recorder, self._people)

    def lines(self, *, once: bool = False) -> list[Line]:
        made: list[Line] = []
        for viewing in self._viewings:
            if viewing.lost_before:
                device = Actor(None, self._recorder.name)
                lost = {"count": viewing.lost_before, "recorder": str(self._recorder.pk)}
                made.append(Line(device, LOST, self._recorder, lost))
            made.append(self._line(viewing, self._once(viewing) if once else None))
        return made

    def _line(self, viewing: Viewing, once: str | None) -> Line:
        watcher = viewing.watcher
        camera = self._names.get(watcher.camera, f"Camera {watcher.camera}")
        target = f"{camera}, {self._recorder.name}"
        return Line(self._actor(viewing), WATCHED, target, self._detail(viewing), once)

    def _actor(self, viewing: Viewing) -> Actor:
        """A recorder's word alone makes nobody's name appear: the person belongs to the
        organisation, or opened this session at the portal."""
        watcher = viewing.watcher
        if watcher.user_id.startswith(LOCAL):
            name = f"{watcher.user_id.removeprefix(LOCAL)} (account of {self._recorder.name})"
            return Actor(None, name, watcher.address)
        user = self._people.get(watcher.user_id)
        if user is not None and (user.pk in self._members or self._opened(watcher)):
            return Actor(user, user.login, watcher.address)
        return Actor(None, "somebody unknown", watcher.address)

    def _opened(self, watcher: Watcher) -> SessionName | None:
        """None also for what a recorder only says."""
        return read(watcher.session_id, watcher.user_id, self._recorder.pk)

    def _detail(self, viewing: Viewing) -> dict[str, Any]:  # Any: JSON values
        watcher = viewing.watcher
        detail: dict[str, Any] = {
            "kind": watcher.kind,
            "from": _time(viewing.start),
            "to": _time(viewing.end),
            "path": watcher.path,
            "recorder": str(self._recorder.pk),
            "camera": watcher.camera,
            "session": watcher.session_id.partition(".")[0][:64],
        }
        if viewing.recorded is not None:
            detail["recorded_from"], detail["recorded_to"] = map(_time, viewing.recorded)
        if watcher.kind == "snapshot":
            detail["pictures"] = viewing.count
        if (opened := self._opened(watcher)) and opened.client:
            detail["client"] = opened.client
        return detail

    def _once(self, viewing: Viewing) -> str:
        """The same for the same viewing, however often a relay tells it. By the moment, which a
        viewer does not know: else they could tell a short one first and keep the real one out."""
        watcher = viewing.watcher
        facts = (
            self._recorder.pk,
            watcher.session_id,
            watcher.user_id,
            watcher.camera,
            watcher.kind,
            viewing.start,
        )
        return hashlib.sha256(repr(facts).encode()).hexdigest()


def _people(viewings: Iterable[Viewing]) -> Mapping[str, User]:
    ids = {uuid for viewing in viewings if (uuid := _uuid(viewing.watcher.user_id)) is not None}
    return {str(user.pk): user for user in User.objects.filter(pk__in=ids)}


def _members(recorder: Recorder, people: Mapping[str, User]) -> set[UUID]:
    memberships = Membership.objects.filter(organisation=recorder.organisation_id)
    return set(memberships.filter(user__in=people).values_list("user", flat=True))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _time(unix_s: float) -> str:
    """To the second; a time of a broken clock is bounded by `protocol.viewings`."""
    return format_time(datetime.fromtimestamp(int(unix_s), UTC)).replace(".000", "")
