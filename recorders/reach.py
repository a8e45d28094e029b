"""What reaches a person at one moment, as conditions for SQL; `recorders.policy` explains the same
decision. See docs/design/access.md, sections 2 and 3.

Grants are read once and decided in Python; the conditions name ids. Where subqueries are left they
are uncorrelated, so that the database works each out once, and flat: SQLite has an end to how deep
they may be.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.circumstances import Circumstances
from accounts.models import Group, Organisation
from accounts.querysets import CONSENT_RIGHTS
from recorders.grants import BUILT_IN, RECORDER_ONLY
from recorders.grants.held import WHOLE, HeldGrant, HeldGrants, Span, read_held, with_any

if TYPE_CHECKING:
    from accounts.models import User

NOTHING = Q(pk__in=[])
MOST_HIDDEN = 200  # that are named one by one
BuiltIn = Group.BuiltIn


@dataclass(frozen=True)
class _Standing:
    """What was read of a person for one moment: their groups that count, the grants of these that
    hold, and the cameras that are hidden from them: ids, or a question for very many."""

    at: datetime
    groups: list[Group]
    grants: HeldGrants
    hidden: Collection[UUID] | QuerySet[Any]


_known: ContextVar[dict[tuple[UUID, Circumstances], _Standing] | None] = ContextVar(
    "known", default=None
)


@contextmanager
def one_moment() -> Iterator[None]:
    """Within it a person's groups and grants are read once, and everything is decided for the
    moment of that. For what only reads and is soon over: one answer, never a stream."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


class Reach:
    """One per question. Groups, grants and what is hidden are read when it is made, in four queries
    at most: a person is in few groups, and what follows is simple for the database."""

    def __init__(
        self, user: User, now: datetime | None = None, *, is_reading: bool = False
    ) -> None:
        """`is_reading`: what may be listed, for which the scope `read` of a token is enough."""
        self._user = user
        self._is_reading = is_reading
        standing = _standing(user) if now is None else _read(user, now)
        self._now, groups = standing.at, standing.groups
        self._grants = standing.grants.values
        self._single_cameras = standing.grants.single_cameras
        self._administered = _organisations(groups, BuiltIn.ADMINISTRATORS)
        self._dealers = _organisations(
            (group for group in groups if group.organisation.is_dealer),
            BuiltIn.ADMINISTRATORS,
            BuiltIn.MANAGERS,
        )
        self._built_in = {name: _organisations(groups, name) for name in BUILT_IN}
        self._hidden = standing.hidden

    def recorders(self, rights: Iterable[str]) -> Q:
        """Recorders on which the person has one of the rights as a whole."""
        wanted = self._in_scope(rights)
        if not wanted:
            return NOTHING
        dealer = Q(organisation__in=self._customers()) if "configure" in wanted else NOTHING
        own = Q(organisation__in=self._administered)
        return own | self._whole("", wanted, self._with(wanted)) | dealer

    def recorders_of_cameras(self, rights: Iterable[str]) -> Q:
        """Recorders with a camera that a grant names."""
        from recorders.models import Camera

        wanted = self._in_scope(rights) - RECORDER_ONLY
        if not wanted:
            return NOTHING
        named = self._named("", wanted, self._with(wanted)) & self._not_hidden("")
        return Q(pk__in=Camera.objects.filter(named).values("recorder"))

    def cameras(self, rights: Iterable[str]) -> Q:
        wanted = self._in_scope(rights) - RECORDER_ONLY
        return self._cameras("", wanted, self._with(wanted)) if wanted else NOTHING

    def throughout(self, right: str, camera: str, times: tuple[str, str]) -> Q:
        """Rows of whose camera one source reaches all that was recorded between two times. `camera`
        and `times`: the fields of the rows, or paths from them."""
        wanted = self._in_scope([right]) - RECORDER_ONLY
        if not wanted:
            return NOTHING
        grants = self._with(wanted)
        whole = [grant for grant in grants if grant.footage == WHOLE]
        limited = [grant for grant in grants if grant.footage != WHOLE]
        path = f"{camera}__"
        some = _limited(limited, camera, times) & self._not_hidden(path)
        return self._cameras(path, wanted, whole) | some

    def covering(self, right: str, span: Span) -> Q:
        """Cameras of which one source reaches all of this footage."""
        wanted = self._in_scope([right]) - RECORDER_ONLY
        if not wanted:
            return NOTHING
        grants = [grant for grant in self._with(wanted) if grant.footage.covers(span)]
        return self._cameras("", wanted, grants)

    def organisations(self, right: str) -> Q:
        """Organisations in which the person has the right on everything."""
        wanted = self._in_scope([right])
        if not wanted:
            return NOTHING
        everything = _of_everything(self._with(wanted))
        dealer = Q(pk__in=self._customers()) if right == "configure" else NOTHING
        own = self._administered | self._by_built_in(wanted) | everything
        return Q(pk__in=own) | dealer

    def _cameras(self, path: str, wanted: frozenset[str], grants: Sequence[HeldGrant]) -> Q:
        given = self._whole(f"{path}recorder__", wanted, grants) | self._named(path, wanted, grants)
        administered = Q(**{f"{path}recorder__organisation__in": self._administered})
        return administered | (given & self._not_hidden(path))

    def _whole(self, to_recorder: str, wanted: frozenset[str], grants: Sequence[HeldGrant]) -> Q:
        """Of a recorder as a whole, without administrators and dealers."""
        organisation = f"{to_recorder}organisation__in"
        found = Q(**{organisation: self._by_built_in(wanted)})
        for right in sorted(wanted.intersection(CONSENT_RIGHTS)) if self._dealers else ():
            consented = Organisation.objects.consented_to(self._dealers, right, self._now)
            found |= Q(**{organisation: consented.values("pk")})
        return found | _granted(to_recorder, grants)

    def _named(self, path: str, wanted: frozenset[str], grants: Sequence[HeldGrant]) -> Q:
        """Cameras that a grant names."""
        found = _granted_cameras(path, grants)
        for organisation, single in self._single_cameras.items():
            own = Q(**{f"{path}recorder__organisation": organisation})
            found |= own & Q(**{f"{path}pk__in": single.with_any(wanted).values("camera")})
        return found

    def _by_built_in(self, wanted: frozenset[str]) -> set[UUID]:
        names = [name for name, rights in BUILT_IN.items() if rights & wanted]
        return set().union(*(self._built_in[name] for name in names))

    def _customers(self) -> QuerySet[Any] | tuple[()]:
        dealers = self._dealers
        return Organisation.objects.customers_of(dealers).values("pk") if dealers else ()

    def _not_hidden(self, path: str) -> Q:
        return ~Q(**{f"{path}pk__in": self._hidden})

    def _with(self, wanted: frozenset[str]) -> list[HeldGrant]:
        return with_any(self._grants, wanted)

    def _in_scope(self, rights: Iterable[str]) -> frozenset[str]:
        how = self._user.circumstances
        if self._is_reading and how.has_scope("read"):
            return frozenset(rights)
        return frozenset(filter(how.has_scope, rights))


def _standing(user: User) -> _Standing:
    """Of now, or of the moment that this is one of."""
    known = _known.get()
    if known is None:
        return _read(user, timezone.now())
    who = (user.pk, user.circumstances)
    if who not in known:
        known[who] = _read(user, timezone.now())
    return known[who]


def _read(user: User, now: datetime) -> _Standing:
    from recorders.models import Grant

    groups = list(Group.objects.in_force(user).select_related("organisation"))
    own = [group for group in groups if not group.built_in]
    held = read_held(Grant.objects.all(), own, user.circumstances, now)
    return _Standing(now, groups, held, _hidden_from(user))


def _hidden_from(user: User) -> Collection[UUID] | QuerySet[Any]:
    from recorders.models import HiddenCamera

    hidden = HiddenCamera.objects.of(user).order_by().values_list("camera", flat=True)
    ids = list(hidden[: MOST_HIDDEN + 1])
    return ids if len(ids) <= MOST_HIDDEN else hidden


def _organisations(groups: Iterable[Group], *names: str) -> set[UUID]:
    return {group.organisation_id for group in groups if group.built_in in names}


def _of_everything(grants: Iterable[HeldGrant]) -> set[UUID]:
    return {grant.organisation_id for grant in grants if grant.scope.is_everything}


def _granted(to_recorder: str, grants: Iterable[HeldGrant]) -> Q:
    """Recorders as a whole; a location counts only in its own organisation."""
    places: dict[UUID, list[UUID]] = defaultdict(list)
    recorders = []
    for grant in grants:
        if grant.scope.location_id is not None:
            places[grant.organisation_id].append(grant.scope.location_id)
        if grant.scope.recorder_id is not None:
            recorders.append(grant.scope.recorder_id)
    found = Q(**{f"{to_recorder}organisation__in": _of_everything(grants)})
    found |= Q(**{f"{to_recorder}pk__in": recorders})
    for organisation, locations in places.items():
        at_place = {f"{to_recorder}organisation": organisation}
        found |= Q(**at_place, **{f"{to_recorder}location__in": locations})
    return found


def _granted_cameras(path: str, grants: Iterable[HeldGrant]) -> Q:
    ids = [grant.scope.camera_id for grant in grants if grant.scope.camera_id is not None]
    return Q(**{f"{path}pk__in": ids})


def _limited(grants: Collection[HeldGrant], camera: str, times: tuple[str, str]) -> Q:
    """Each may reach other footage, so the database compares it, row by row."""
    from recorders.models import Grant

    if not grants:
        return NOTHING
    recorder = f"{camera}__recorder"
    covering = Grant.objects.filter(pk__in=[grant.pk for grant in grants]).covering(*times)
    own = covering.filter(group__organisation=OuterRef(f"{recorder}__organisation"))
    found = Q(Exists(own.filter(location=None, recorder=None, camera=None)))
    scopes = {"location": f"{recorder}__location", "recorder": recorder, "camera": camera}
    for scope, path in scopes.items():
        found |= Q(Exists(own.filter(**{scope: OuterRef(path)})))
    return found
