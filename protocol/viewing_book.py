"""Makes viewings of what is begun and ended (pure: the time is an argument, Unix seconds).

Answers of one watcher that follow each other are one viewing: the pieces of recorded video, the
ranges of a file, the pictures of a page. Who jumps elsewhere in recorded video begins another.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.viewings import Span, Viewing, Watcher

MAX_S = 900.0  # then it is closed and another begun, so that a lost one is small
MAX_OPEN = 4_096  # beyond them viewings are not told, only counted
# For how long after its last answer a viewing waits for the next one.
_LINGER_S = {"live": 2.0, "recorded": 70.0, "clip": 10.0, "snapshot": MAX_S}
_ADJOINING_S = 120.0  # players fetch ahead, and skip what was not recorded
_SCRUB_S = 5.0  # whoever drags along the timeline makes one viewing of it


@dataclass
class Watching:
    """A viewing that is not over. `streams` are answers under way."""

    watcher: Watcher
    started: float
    seen: float
    recorded: Span | None
    streams: int = 0
    count: int = 0

    def viewing(self, now: float) -> Viewing:
        end = max(self.started, now if self.streams else self.seen)
        return Viewing(self.watcher, self.started, end, self.recorded, self.count)

    def goes_on_with(self, recorded: Span | None, now: float) -> bool:
        """Whether an answer with this recorded video belongs to the same viewing."""
        if recorded is None or self.recorded is None or self.watcher.kind == "snapshot":
            return True
        if self.watcher.kind == "clip":
            return recorded == self.recorded
        apart = max(recorded[0] - self.recorded[1], self.recorded[0] - recorded[1])
        return apart <= _ADJOINING_S or now - self.started < _SCRUB_S

    def add(self, recorded: Span | None, now: float) -> None:
        self.seen, self.count, self.streams = now, self.count + 1, self.streams + 1
        if recorded is not None:
            first, last = self.recorded or recorded
            self.recorded = min(first, recorded[0]), max(last, recorded[1])


class ViewingBook:
    """Call `tick` about once a second, and `take` for what is over."""

    def __init__(self) -> None:
        self._open: dict[Watcher, Watching] = {}
        self._over: list[Viewing] = []
        self.untold = 0  # answers that no viewing tells, because there were too many at once

    def __len__(self) -> int:
        return len(self._open)

    def has(self, watcher: Watcher) -> bool:
        """Whether this watcher's viewing is not over."""
        return watcher in self._open

    def begin(self, watcher: Watcher, now: float, recorded: Span | None = None) -> Watching:
        """An answer begins; hand what this returns to `end`."""
        watching = self._open.get(watcher)
        if watching is not None and not watching.goes_on_with(recorded, now):
            self._close(watching, now)
            watching = None
        if watching is None:
            watching = Watching(watcher, now, now, None)
            if len(self._open) < MAX_OPEN:
                self._open[watcher] = watching
            else:
                self.untold += 1
        watching.add(recorded, now)
        return watching

    def end(self, watching: Watching, now: float) -> None:
        """That answer is over; safe after its viewing was closed."""
        watching.streams -= 1
        watching.seen = now

    def tick(self, now: float) -> None:
        for watching in list(self._open.values()):
            is_idle = not watching.streams
            if is_idle and now - watching.seen > _LINGER_S[watching.watcher.kind]:
                self._close(watching, now)
            elif now - watching.started >= MAX_S:
                self._turn_over(watching, now)

    def close_all(self, now: float) -> None:
        for watching in list(self._open.values()):
            self._close(watching, now)

    def open_viewings(self, now: float) -> list[Viewing]:
        """Those that are not over, as they would be if they were now."""
        return [watching.viewing(now) for watching in self._open.values()]

    def take(self) -> list[Viewing]:
        """Viewings that are over since the last call."""
        over, self._over = self._over, []
        return over

    def _turn_over(self, watching: Watching, now: float) -> None:
        """What still runs goes on as another viewing, without a gap."""
        if not watching.streams:
            self._close(watching, now)
            return
        self._over.append(watching.viewing(now))
        watching.started, watching.count = now, watching.streams

    def _close(self, watching: Watching, now: float) -> None:
        del self._open[watching.watcher]
        self._over.append(watching.viewing(now))
