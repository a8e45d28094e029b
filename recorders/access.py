"""The matrix of rights, by its former name, until its page uses `recorders.grants` itself."""

from recorders.grants.plain import Given, grants_of, set_grants

__all__ = ["CAMERA_RIGHTS", "OFFERED_RIGHTS", "Given", "grants_of", "set_grants"]

CAMERA_RIGHTS = ("live", "playback", "export")
OFFERED_RIGHTS = (*CAMERA_RIGHTS, "configure")
