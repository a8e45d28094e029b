"""What reaches a person at one moment, as conditions for SQL; `recorders.policy` explains the same
decision. See docs/design/access.md, sections 2 and 3.

Subqueries are uncorrelated, so that the database works each out once, however long a list is, and
flat: SQLite has an end to how deep they may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.circumstances import Circumstances
from accounts.models import Group, Organisation
from accounts.querysets import CONSENT_RIGHTS
from recorders.grants import BUILT_IN, RECORDER_ONLY

if TYPE_CHECKING:
    from accounts.models import User
    from recorders.querysets import GrantQuerySet

NOTHING = Q(pk__in=[])
BuiltIn = Group.BuiltIn


@dataclass(frozen=True)
class _Standing:
    """What was read of a person for one moment: their groups that count, and the grants of these
    that hold."""

    at: datetime
    groups: list[Group]
    grants: GrantQuerySet


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
    """One per question. Groups are read and grants judged when it is made, in two queries at most:
    a person is in few groups, and what follows is simple for the database."""

    def __init__(
        self, user: User, now: datetime | None = None, *, is_reading: bool = False
    ) -> None:
        """`is_reading`: what may be listed, for which the scope `read` of a token is enough."""
        from recorders.models import HiddenCamera

        self._user = user
        self._is_reading = is_reading
        standing = _standing(user) if now is None else _read(user, now)
        self._now, groups, self._grants = standing.at, standing.groups, standing.grants
        self._administered = _organisations(groups, BuiltIn.ADMINISTRATORS)
        self._dealers = _organisations(
            (group for group in groups if group.organisation.is_dealer),
            BuiltIn.ADMINISTRATORS,
            BuiltIn.MANAGERS,
        )
        self._built_in = {name: _organisations(groups, name) for name in BUILT_IN}
        self._hidden = HiddenCamera.objects.of(user).values("camera")

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
        wanted = self._in_scope(rights) - RECORDER_ONLY
        if not wanted:
            return NOTHING
        grants = self._with(wanted).exclude(camera__in=self._hidden)
        same = grants.filter(camera__recorder__organisation=F("group__organisation"))
        return Q(pk__in=same.values("camera__recorder"))

    def cameras(self, rights: Iterable[str]) -> Q:
        wanted = self._in_scope(rights) - RECORDER_ONLY
        return self._cameras(wanted, self._with(wanted)) if wanted else NOTHING

    def cameras_with_footage(self, right: str, start: Any, end: Any) -> Q:
        """Where one source covers all of `start` to `end`: moments, or references to the outer
        query (Any: both)."""
        wanted = self._in_scope([right]) - RECORDER_ONLY
        if not wanted:
            return NOTHING
        grants, starts, ends = self._with(wanted), _one_deeper(start), _one_deeper(end)
        limited = grants.exclude(footage_from=None, footage_to=None).filter(
            Q(footage_from=None) | Q(footage_from__lte=starts),
            Q(footage_to=None) | Q(footage_to__gte=ends),
        )
        unlimited = grants.filter(footage_from=None, footage_to=None)
        narrow = self._granted("recorder__", limited) | self._camera_grants(limited)
        return self._cameras(wanted, unlimited) | (narrow & self._not_hidden())

    def organisations(self, right: str) -> Q:
        """Organisations in which the person has the right on everything."""
        wanted = self._in_scope([right])
        if not wanted:
            return NOTHING
        everything = _of_everything(self._with(wanted)).values("group__organisation")
        dealer = Q(pk__in=self._customers()) if right == "configure" else NOTHING
        own = Q(pk__in=self._administered | self._by_built_in(wanted))
        return own | Q(pk__in=everything) | dealer

    def _cameras(self, wanted: frozenset[str], grants: QuerySet[Any]) -> Q:
        given = self._whole("recorder__", wanted, grants) | self._camera_grants(grants)
        return Q(recorder__organisation__in=self._administered) | (given & self._not_hidden())

    def _whole(self, to_recorder: str, wanted: frozenset[str], grants: QuerySet[Any]) -> Q:
        """Of a recorder as a whole, without administrators and dealers."""
        organisation = f"{to_recorder}organisation__in"
        found = Q(**{organisation: self._by_built_in(wanted)})
        for right in sorted(wanted.intersection(CONSENT_RIGHTS)) if self._dealers else ():
            consented = Organisation.objects.consented_to(self._dealers, right, self._now)
            found |= Q(**{organisation: consented.values("pk")})
        return found | self._granted(to_recorder, grants)

    def _granted(self, to_recorder: str, grants: QuerySet[Any]) -> Q:
        """A grant counts only where its group's organisation is the recorder's."""
        everything = _of_everything(grants).values("group__organisation")
        places = grants.filter(location__organisation=F("group__organisation")).values("location")
        recorders = grants.filter(recorder__organisation=F("group__organisation"))
        at_place = Q(
            **{
                f"{to_recorder}location__in": places,
                f"{to_recorder}organisation": F(f"{to_recorder}location__organisation"),
            }
        )
        own = f"{to_recorder}pk__in" if not to_recorder else "recorder__in"
        return (
            Q(**{f"{to_recorder}organisation__in": everything})
            | at_place
            | Q(**{own: recorders.values("recorder")})
        )

    def _camera_grants(self, grants: QuerySet[Any]) -> Q:
        same = grants.filter(camera__recorder__organisation=F("group__organisation"))
        return Q(pk__in=same.values("camera"))

    def _by_built_in(self, wanted: frozenset[str]) -> set[UUID]:
        names = [name for name, rights in BUILT_IN.items() if rights & wanted]
        return set().union(*(self._built_in[name] for name in names))

    def _customers(self) -> QuerySet[Any] | tuple[()]:
        dealers = self._dealers
        return Organisation.objects.customers_of(dealers).values("pk") if dealers else ()

    def _not_hidden(self) -> Q:
        return ~Q(pk__in=self._hidden)

    def _with(self, wanted: frozenset[str]) -> GrantQuerySet:
        return self._grants.with_any(wanted)

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
    return _Standing(now, groups, Grant.objects.in_force(user, own, now))


def _organisations(groups: Iterable[Group], *names: str) -> set[UUID]:
    return {group.organisation_id for group in groups if group.built_in in names}


def _of_everything(grants: QuerySet[Any]) -> QuerySet[Any]:
    return grants.filter(location=None, recorder=None, camera=None)


def _one_deeper(moment: Any) -> Any:  # Any: as `cameras_with_footage` takes it
    """A reference to the outer query, seen from a subquery of it."""
    return OuterRef(moment) if isinstance(moment, OuterRef) else moment
