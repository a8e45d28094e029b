"""What a joiner of live video is given at once (pure): initialisation segment and pictures."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.fragments import Segment
from protocol.times import TICKS_PER_S
from streaming.relay.limits import KEPT_BYTES, KEPT_S, MAX_GOP_BYTES, MAX_GOP_FRAMES

_KEPT_90K = int(KEPT_S * TICKS_PER_S)


@dataclass(eq=False, slots=True)
class Group:
    """A group of pictures; the first is a key frame."""

    segments: list[Segment]
    size_bytes: int

    @property
    def start(self) -> int:
        return self.segments[0].decode_time


class Picture:
    """The current group of pictures, and KEPT_S of those before it for who comes from elsewhere.

    A frame costs an append; older groups are looked at with each key frame only.
    """

    def __init__(self) -> None:
        self._init: Segment | None = None
        self._group: Group | None = None  # None: joiners wait for the next key frame
        self._older: list[Group] = []

    def add(self, segment: Segment) -> None:
        group = self._group
        if segment.is_init:
            self._init, self._group, self._older = segment, None, []
        elif segment.is_key:
            self._begin(Group([segment], len(segment.data)))
        elif group is not None:
            group.segments.append(segment)
            group.size_bytes += len(segment.data)
            if group.size_bytes > MAX_GOP_BYTES or len(group.segments) > MAX_GOP_FRAMES:
                self._group, self._older = None, []

    def segments(self, since: int | None = None) -> list[Segment]:
        """For a joiner: from the current group on, or from the one that holds `since` (90 kHz)."""
        if self._init is None or self._group is None:
            return [] if self._init is None else [self._init]
        groups = [*self._older, self._group]
        begun = [n for n, group in enumerate(groups) if since is not None and group.start <= since]
        wanted = groups[begun[-1] :] if begun else groups[-1:]
        return [self._init, *(segment for group in wanted for segment in group.segments)]

    def _begin(self, group: Group) -> None:
        if self._group is not None:
            self._older.append(self._group)
        self._group = group
        groups = [*self._older[1:], group]
        while self._older and (
            groups[0].start <= group.start - _KEPT_90K
            or sum(older.size_bytes for older in self._older) > KEPT_BYTES
        ):
            self._older.pop(0)
            groups.pop(0)
