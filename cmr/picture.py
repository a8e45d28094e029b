"""What a reader of live video is given at once (pure): the current group of pictures, or more.

A viewer that comes from another path asks for the group that holds the last frame it has, so that
it neither loses nor repeats one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from protocol.fragments import Segment

MAX_GROUP_BYTES = 4 * 1024 * 1024
MAX_GROUP_90K = 10 * 90_000
KEPT_90K = 3 * 90_000  # a hand-over takes 2 s at most
KEPT_BYTES = 4 * 1024 * 1024  # besides the current group: 3 s of 10 Mbps


@dataclass(slots=True)
class _Group:
    """A group of pictures; the first is a key frame."""

    segments: list[Segment]
    size_bytes: int

    @property
    def start_90k(self) -> int:
        return self.segments[0].decode_time


class Picture:
    """The current group of pictures of one run, and KEPT_90K of those before it."""

    def __init__(self) -> None:
        self._current: _Group | None = None  # None: readers wait for the next key frame
        self._older: deque[_Group] = deque()
        self._older_bytes = 0

    def clear(self) -> None:
        """The run ended, or there is a hole in it."""
        self._current = None
        self._older.clear()
        self._older_bytes = 0

    def add(self, fragment: Segment) -> None:
        if fragment.is_key:
            self._begin(_Group([fragment], len(fragment.data)))
        elif (group := self._current) is not None:
            group.segments.append(fragment)
            group.size_bytes += len(fragment.data)
            is_long = fragment.decode_time - group.start_90k > MAX_GROUP_90K
            if is_long or group.size_bytes > MAX_GROUP_BYTES:
                self.clear()

    def fragments(self, since_90k: int | None = None) -> list[Segment]:
        """From the current group on, or from the one that holds `since_90k` if it is kept."""
        if self._current is None:
            return []
        groups = [*self._older, self._current]
        begun = [
            at for at, group in enumerate(groups) if since_90k and group.start_90k <= since_90k
        ]
        wanted = groups[begun[-1] :] if begun else groups[-1:]
        return [fragment for group in wanted for fragment in group.segments]

    def _begin(self, group: _Group) -> None:
        if self._current is not None:
            self._older.append(self._current)
            self._older_bytes += self._current.size_bytes
        self._current = group
        while self._older and (self._is_past(group) or self._older_bytes > KEPT_BYTES):
            self._older_bytes -= self._older.popleft().size_bytes

    def _is_past(self, newest: _Group) -> bool:
        """Whether the oldest group ends before what must be kept."""
        end = self._older[1] if len(self._older) > 1 else newest
        return end.start_90k <= newest.start_90k - KEPT_90K
