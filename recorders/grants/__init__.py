"""Grants: what a group may do, where, and within which limits."""

from __future__ import annotations

from protocol.tokens import RIGHTS

ALL_RIGHTS = frozenset(RIGHTS)
NO_RIGHTS: frozenset[str] = frozenset()
# Of a recorder as a whole, never of one camera.
RECORDER_ONLY = frozenset({"configure"})
CAMERA_RIGHTS = tuple(right for right in RIGHTS if right not in RECORDER_ONLY)
FOOTAGE_RIGHTS = frozenset({"playback", "export"})

# What can be given: ptz and audio have no feature behind them yet.
OFFERED = ("live", "playback", "export", "configure", "delete")

# Built-in groups have these on everything of their organisation, and nobody can edit that.
BUILT_IN = {"managers": ALL_RIGHTS, "viewers": frozenset({"live", "playback"})}
