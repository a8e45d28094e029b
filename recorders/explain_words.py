"""Why somebody may do something at a camera, or may not, in sentences. Pure: over what
`recorders.policy.explain` found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from accounts.models import Group
from recorders.explanation import Explanation, Look, Source
from recorders.grants import OFFERED, RECORDER_ONLY
from recorders.grants.sentences import (
    REASON_WORDS,
    RIGHT_WORDS,
    joined,
    limits_words,
    moment_words,
    rights_words,
)
from recorders.grants.values import Limits, Scope
from recorders.models import Camera

# What stands in the way at one time, from one place or with one sign-in, but not at others.
PASSING = ("not_yet", "outside_hours", "client", "address", "needs_mfa", "sso_required")

ScopeWords = Callable[[Scope], str]


@dataclass(frozen=True)
class Step:
    """One source that was looked at: what it says, and whether it counts now."""

    words: str
    limits: Sequence[str]
    holds: bool
    obstacle: str  # in words, when it does not
    why: str  # of whoever made it
    grant_id: int | None
    source: Source


@dataclass(frozen=True)
class Answer:
    """About one right: `until` is when the last source that holds ends, None: no end."""

    right: str
    words: str
    is_allowed: bool
    until: datetime | None
    steps: Sequence[Step]


@dataclass(frozen=True)
class Held:
    """Rights at a camera with the same limits; for a list of what somebody can see."""

    rights: frozenset[str]
    words: str
    limits: Sequence[str]


def answers(
    found: Explanation, camera: Camera, zone: ZoneInfo, scope_words: ScopeWords
) -> list[Answer]:
    """One for each right that can be given; those of a whole recorder are about the recorder."""
    return [
        _answer(found, right, None if right in RECORDER_ONLY else camera, zone, scope_words)
        for right in OFFERED
    ]


def held(found: Explanation, camera: Camera | None, zone: ZoneInfo) -> list[Held]:
    """What somebody has at a camera, or on the recorder as a whole, at some time at least: what is
    limited less first. A right that is held without limits is not told again with some."""
    rights_of: dict[tuple[str, ...], set[str]] = {}
    for right in OFFERED:
        looks = [
            look
            for look in found.looks(right, camera)
            if look.reason in ("", *PASSING) and not _hides(found, look.source, camera)
        ]
        kinds = {tuple(_conditions(look, zone)) for look in looks}
        for limits in [()] if () in kinds else kinds:
            rights_of.setdefault(limits, set()).add(right)
    return [
        Held(frozenset(rights), rights_words(rights), limits)
        for limits, rights in sorted(rights_of.items(), key=lambda item: (len(item[0]), item[0]))
    ]


def place_words(scope: Scope, scope_words: ScopeWords) -> str:
    """`at Gate`, or `everywhere`."""
    return "everywhere" if scope.is_everything else f"at {scope_words(scope)}"


def _answer(
    found: Explanation,
    right: str,
    camera: Camera | None,
    zone: ZoneInfo,
    scope_words: ScopeWords,
) -> Answer:
    looks = found.looks(right, camera)
    ends = [look.source.ends_at for look in looks if look.holds]
    until = None if not ends or None in ends else max(end for end in ends if end is not None)
    hidden_from = found.hidden.get(camera.pk, ()) if camera else ()
    steps = [
        _step(look, zone, scope_words, hidden_from if _hides(found, look.source, camera) else ())
        for look in looks
    ]
    return Answer(right, RIGHT_WORDS[right], bool(ends), until, _best_first(steps))


def _hides(found: Explanation, source: Source, camera: Camera | None) -> bool:
    """Whether the source gives nothing because the camera is hidden."""
    return camera is not None and camera.pk in found.hidden and source.kind != "administrators"


def _step(
    look: Look, zone: ZoneInfo, scope_words: ScopeWords, hidden_from: Sequence[Group]
) -> Step:
    """`hidden_from`: groups from which the camera is hidden, when that stands in the way."""
    source = look.source
    obstacles = [] if look.reason in ("", "hidden") else [_obstacle(look, zone)]
    if hidden_from:
        names = joined([str(group) for group in hidden_from])
        obstacles.append(f"the camera is hidden from {names}")
    return Step(
        words=_source_words(source, scope_words),
        limits=limits_words(source.limits, zone),
        holds=look.holds,
        obstacle=", and ".join(obstacles),
        why=source.why,
        grant_id=source.grant_id,
        source=source,
    )


def _obstacle(look: Look, zone: ZoneInfo) -> str:
    begin = look.source.limits.holds_from
    if look.reason == "not_yet" and begin:
        return f"it holds from {moment_words(begin, zone)}"
    return REASON_WORDS.get(look.reason, look.reason)


def _source_words(source: Source, scope_words: ScopeWords) -> str:
    rights = rights_words(source.rights).lower()
    if source.kind == "administrators":
        return f"{source.group}: every right in the organisation"
    if source.kind == "built_in":
        return f"{source.group}, built in: {rights} everywhere"
    if source.kind == "dealer":
        return f"{source.dealer} manages this organisation's recorders: {rights}"
    if source.kind == "consent":
        return f"A consent lets {source.dealer} have {rights} here"
    return f"{source.group}: {rights} {place_words(source.scope, scope_words)}"


def _best_first(steps: Iterable[Step]) -> list[Step]:
    return sorted(steps, key=lambda step: (not step.holds, step.source.limits != Limits()))


def _conditions(look: Look, zone: ZoneInfo) -> list[str]:
    limits = limits_words(look.source.limits, zone)
    if look.source.ends_at and not limits:
        limits = [f"until {moment_words(look.source.ends_at, zone)}"]
    group = look.source.group
    if group is not None and group.requires_mfa:
        limits.append("with a second factor")
    return limits
