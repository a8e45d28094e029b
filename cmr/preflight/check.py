"""One test of a preflight and what it found. Pure but for the clock of a deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

log = logging.getLogger(__name__)


class State(StrEnum):
    PASS = "pass"  # noqa: S105  the field's word, no password
    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """`detail` is the fact, measured; `advice` what to tell the network administrator."""

    state: State
    detail: str
    advice: str = ""

    @classmethod
    def passed(cls, detail: str) -> Verdict:
        return cls(State.PASS, detail)

    @classmethod
    def failed(cls, detail: str, advice: str) -> Verdict:
        return cls(State.FAIL, detail, advice)

    @classmethod
    def warned(cls, detail: str, advice: str) -> Verdict:
        return cls(State.WARN, detail, advice)

    @classmethod
    def skipped(cls, detail: str) -> Verdict:
        return cls(State.SKIPPED, detail)


@dataclass(frozen=True)
class Row:
    """A line of the result, as API, card and page show it."""

    id: str
    group: str
    title: str
    is_required: bool
    state: str
    detail: str
    advice: str

    def as_json(self) -> dict[str, str | bool]:
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """A test that has not run yet. Whatever hangs in it ends after `limit_s`."""

    id: str
    group: str
    title: str
    test: Callable[[], Awaitable[Verdict]]
    is_required: bool = True
    limit_s: float = 10.0

    def row(self, verdict: Verdict) -> Row:
        """What fails without being required is a warning."""
        state = verdict.state
        if state is State.FAIL and not self.is_required:
            state = State.WARN
        facts = (self.id, self.group, self.title, self.is_required)
        return Row(*facts, state, verdict.detail, verdict.advice)


async def run(check: Check) -> Row:
    """Never raises but for cancellation: a bug of ours is a row as well, and logged."""
    try:
        async with asyncio.timeout(check.limit_s):
            verdict = await check.test()
    except TimeoutError:
        verdict = Verdict.failed(
            f"no result within {check.limit_s:g} s",
            "Something between accepts the connection and then says nothing. "
            "Look for a filter that holds traffic for inspection.",
        )
    except Exception:
        log.exception("preflight: %s failed", check.id)
        verdict = Verdict.failed("the test itself failed", "Look into the recorder's log.")
    return check.row(verdict)
