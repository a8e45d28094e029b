"""What a slow viewer of live video still gets (pure): the decision which frames to drop.

ALL ──queue too long or too old──▶ SKIPPING ──key frame──▶ ALL
 ▲                                     │ third time in 30 s
 └──────── 30 s without a drop ── KEYS_ONLY
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from protocol.fragments import Segment
from streaming.relay.limits import (
    BACKLOG_AGE_S,
    BACKLOG_BYTES,
    KEYS_ONLY_S,
    REPEAT_DROPS,
    REPEAT_WINDOW_S,
)


class Mode(enum.Enum):
    ALL = "all"
    SKIPPING = "skipping"
    KEYS_ONLY = "keys_only"


@dataclass(frozen=True)
class Dropped:
    """Stands in the queue where `frames` are missing: to be told to the viewer as `code`."""

    code: str
    frames: int


Item = Segment | Dropped


class Backlog:
    """The queue of one viewer. `now` is in seconds of any steady clock."""

    def __init__(self, limit_bytes: int = BACKLOG_BYTES, limit_age_s: float = BACKLOG_AGE_S):
        self.mode = Mode.ALL
        self.dropped_frames = 0
        self.size_bytes = 0
        self._limit_bytes = limit_bytes
        self._limit_age_s = limit_age_s
        self._joining_bytes = 0  # what a joiner was given at once does not count as being slow
        self._items: deque[tuple[Item, float]] = deque()
        self._untold = 0
        self._init: Segment | None = None  # taken out of the queue by a drop, still needed
        self._drops: deque[float] = deque(maxlen=REPEAT_DROPS)

    def __bool__(self) -> bool:
        return bool(self._items)

    @property
    def passes_all(self) -> bool:
        """True when nothing waits and nothing is dropped: a segment may go past this queue."""
        return not self._items and self.mode is Mode.ALL

    def join(self, segments: Sequence[Segment], now: float) -> None:
        """The initialisation segment and the current group of pictures, at the start."""
        for segment in segments:
            self._append(segment, now)
        self._joining_bytes = self.size_bytes

    def offer(self, segment: Segment, now: float) -> None:
        if segment.is_init:
            self._offer_init(segment, now)
        elif self.mode is Mode.ALL:
            self._offer_frame(segment, now)
        elif segment.is_key:
            self._resume(segment, now)
        else:
            self._drop()

    def take(self) -> Item | None:
        """The next thing to send, or None."""
        if not self._items:
            return None
        item, _ = self._items.popleft()
        if isinstance(item, Segment):
            self.size_bytes -= len(item.data)
        if not self._items:
            self._joining_bytes = 0
        return item

    def _offer_init(self, segment: Segment, now: float) -> None:
        if self.mode is Mode.ALL:
            self._append(segment, now)
        else:
            self._init = segment

    def _offer_frame(self, segment: Segment, now: float) -> None:
        if not self._is_full(segment, now):
            self._append(segment, now)
            return
        self._clear(now)
        if segment.is_key:
            self._resume(segment, now)
        else:
            self._drop()

    def _is_full(self, segment: Segment, now: float) -> bool:
        if not self._items:
            return False
        limit = self._limit_bytes + self._joining_bytes
        is_old = now - self._items[0][1] > self._limit_age_s
        return is_old or self.size_bytes + len(segment.data) > limit

    def _clear(self, now: float) -> None:
        """Throws the queue away, but for the initialisation segment and what is untold."""
        for item, _ in self._items:
            if isinstance(item, Dropped):
                self._untold += item.frames
            elif item.is_init:
                self._init = item
            else:
                self._drop()
        self._items.clear()
        self.size_bytes = self._joining_bytes = 0
        self._drops.append(now)
        self.mode = Mode.KEYS_ONLY if self._is_repeated(now) else Mode.SKIPPING

    def _is_repeated(self, now: float) -> bool:
        return len(self._drops) == REPEAT_DROPS and now - self._drops[0] <= REPEAT_WINDOW_S

    def _resume(self, key: Segment, now: float) -> None:
        """A key frame while frames are dropped: the queue begins anew with it."""
        if self.mode is Mode.KEYS_ONLY and self._is_full(key, now):
            self._clear(now)
        if self.mode is Mode.KEYS_ONLY and now - self._drops[-1] > KEYS_ONLY_S:
            self._tell("all_frames", now)
            self.mode = Mode.ALL
        elif self.mode is Mode.KEYS_ONLY:
            self._tell("key_frames_only", now)
        else:
            self._tell("frames_dropped", now)
            self.mode = Mode.ALL
        if self._init is not None:
            self._append(self._init, now)
            self._init = None
        self._append(key, now)

    def _tell(self, code: str, now: float) -> None:
        self._items.append((Dropped(code, self._untold), now))
        self._untold = 0

    def _drop(self) -> None:
        self._untold += 1
        self.dropped_frames += 1

    def _append(self, segment: Segment, now: float) -> None:
        self._items.append((segment, now))
        self.size_bytes += len(segment.data)
