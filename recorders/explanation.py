"""Why a person may do something at a recorder, or may not: pure, over what `recorders.policy`
loaded. The same decision as `recorders.reach` makes in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from uuid import UUID

from accounts.circumstances import Circumstances
from accounts.models import Group, Organisation
from protocol import footage as footage_spans
from protocol.footage import Spans
from recorders.grants import ALL_RIGHTS, CAMERA_RIGHTS, FOOTAGE_RIGHTS, RECORDER_ONLY
from recorders.grants.values import GrantValue, Limits, Scope
from recorders.models import Camera, Recorder

EVERYTHING, UNKNOWN = Scope(), Circumstances()


@dataclass(frozen=True)
class Source:
    """Something that gives rights at the recorder, or would.

    `reason` is empty when it holds now, else says why not: `inactive invited disabled
    signed_out other_sign_in other_organisation sso_required needs_mfa not_yet over outside_hours
    client address`.
    """

    kind: str  # administrators, built_in, grant, dealer, consent
    rights: frozenset[str]
    group: Group | None  # of a dealer's person: the dealer's group
    scope: Scope = EVERYTHING
    reason: str = ""
    ends_at: datetime | None = None
    limits: Limits = field(default_factory=Limits)
    grant_id: int | None = None
    why: str = ""  # the words of whoever made the grant or the consent
    dealer: Organisation | None = None

    @property
    def value(self) -> GrantValue:
        return GrantValue(self.scope, self.rights, self.limits, self.why)

    def is_about(self, right: str, camera: Camera | None) -> bool:
        """Whether it names the right on the camera, or on the recorder as a whole."""
        if right not in self.rights:
            return False
        if camera is None:
            return self.scope.camera_id is None
        on_it = self.scope.camera_id in (None, camera.pk)
        return on_it and self.kind != "dealer" and right not in RECORDER_ONLY

    def spans(self, right: str) -> Spans:
        """Unix seconds, whole ones: never more than was given."""
        if right not in FOOTAGE_RIGHTS:
            return footage_spans.ALL
        first, last = self.limits.footage_from, self.limits.footage_to
        start = None if first is None else ceil(first.timestamp())
        end = None if last is None else int(last.timestamp())
        return footage_spans.joined([(start, end)])

    def covers(self, right: str, start: datetime, end: datetime) -> bool:
        if right not in FOOTAGE_RIGHTS:
            return True
        first, last = self.limits.footage_from, self.limits.footage_to
        return (first is None or first <= start) and (last is None or end <= last)


@dataclass(frozen=True)
class Look:
    """A source that was looked at for one right on one thing; `reason` adds `hidden` and `scope`
    to those of the source."""

    source: Source
    reason: str

    @property
    def holds(self) -> bool:
        return not self.reason


@dataclass(frozen=True)
class Entitlement:
    """What somebody may do at a recorder from now to `ends_at`, when something of it ends."""

    cameras: Mapping[Camera, frozenset[str]]
    recorder_rights: frozenset[str]
    footage: Mapping[tuple[str, int], Spans]  # by right and camera number; not named: unlimited
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """Every source that concerns the recorder or one of its cameras."""

    recorder: Recorder
    cameras: Sequence[Camera]  # present ones, by number
    sources: Sequence[Source]
    hidden: Mapping[UUID, Sequence[Group]]  # camera id → groups that do not see it
    how: Circumstances = UNKNOWN

    def looks(self, right: str, camera: Camera | None = None) -> list[Look]:
        about = (source for source in self.sources if source.is_about(right, camera))
        return [Look(source, self._reason(source, right, camera)) for source in about]

    def allows(self, right: str, camera: Camera | None = None) -> bool:
        return any(look.holds for look in self.looks(right, camera))

    def covers(self, right: str, camera: Camera, start: datetime, end: datetime) -> bool:
        """Whether one source gives the right for all of `start` to `end`."""
        looks = self.looks(right, camera)
        return any(look.holds and look.source.covers(right, start, end) for look in looks)

    def rights_on(self, camera: Camera) -> frozenset[str]:
        return frozenset(right for right in CAMERA_RIGHTS if self.allows(right, camera))

    def recorder_rights(self) -> frozenset[str]:
        return frozenset(right for right in ALL_RIGHTS if self.allows(right))

    def is_listed(self, camera: Camera) -> bool:
        """A token that may `read` lists whatever its person has any right on."""
        how = UNKNOWN if self.how.has_scope("read") else self.how
        return any(
            not self._reason(source, right, camera, how)
            for right in CAMERA_RIGHTS
            for source in self.sources
            if source.is_about(right, camera)
        )

    def spans(self, right: str, camera: Camera) -> Spans:
        held = [look.source for look in self.looks(right, camera) if look.holds]
        return footage_spans.joined(span for source in held for span in source.spans(right))

    def entitlement(self) -> Entitlement:
        """What holds, and the first moment at which it is less."""
        now = self._held()
        held = (source for source in self.sources if not source.reason)
        for end in sorted({source.ends_at for source in held if source.ends_at is not None}):
            later = self._without_those_over(end)._held()
            if later != now:
                return Entitlement(*now, ends_at=end)
        return Entitlement(*now)

    def _held(
        self,
    ) -> tuple[dict[Camera, frozenset[str]], frozenset[str], dict[tuple[str, int], Spans]]:
        cameras = {c: self.rights_on(c) for c in self.cameras if self.is_listed(c)}
        footage = {
            (right, camera.number): spans
            for camera, rights in cameras.items()
            for right in rights & FOOTAGE_RIGHTS
            if (spans := self.spans(right, camera)) != footage_spans.ALL
        }
        return cameras, self.recorder_rights(), footage

    def _without_those_over(self, moment: datetime) -> Explanation:
        left = [s for s in self.sources if s.ends_at is None or s.ends_at > moment]
        return Explanation(self.recorder, self.cameras, left, self.hidden, self.how)

    def _reason(
        self, source: Source, right: str, camera: Camera | None, how: Circumstances | None = None
    ) -> str:
        if source.reason:
            return source.reason
        if camera is not None and camera.pk in self.hidden and source.kind != "administrators":
            return "hidden"
        return "" if (how or self.how).has_scope(right) else "scope"
