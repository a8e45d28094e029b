"""Nothing of one organisation points to another's recorders: rules of the database (A1)."""

from __future__ import annotations

from accounts.database_rules import Rule, fixed, new_and_changed
from accounts.ownership import WORDS


def _strange(column: str, thing: str) -> str:
    """A row of a group that names a thing which is not of the group's organisation."""
    mine = f"SELECT 1 FROM accounts_group own JOIN {thing} WHERE own.id = NEW.group_id"  # noqa: S608  constants below
    return f"NEW.{column} IS NOT NULL AND NOT EXISTS ({mine})"


_LOCATION = """recorders_location place ON place.organisation_id = own.organisation_id
    AND place.id = NEW.location_id"""
_RECORDER = """recorders_recorder device ON device.organisation_id = own.organisation_id
    AND device.id = NEW.recorder_id"""
_CAMERA = """recorders_recorder device ON device.organisation_id = own.organisation_id
    JOIN recorders_camera camera ON camera.recorder_id = device.id AND camera.id = NEW.camera_id"""

_STRANGE_PLACE = """
    NEW.location_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM recorders_location place
        WHERE place.id = NEW.location_id AND place.organisation_id = NEW.organisation_id)
"""
_LEAVES_RIGHTS_BEHIND = """
    NEW.organisation_id <> OLD.organisation_id AND (
        EXISTS (SELECT 1 FROM recorders_grant given WHERE given.recorder_id = NEW.id)
        OR EXISTS (SELECT 1 FROM recorders_grant given
                   JOIN recorders_camera camera ON camera.id = given.camera_id
                   WHERE camera.recorder_id = NEW.id)
        OR EXISTS (SELECT 1 FROM recorders_hiddencamera hidden
                   JOIN recorders_camera camera ON camera.id = hidden.camera_id
                   WHERE camera.recorder_id = NEW.id))
"""

RULES = [
    *new_and_changed("grant_place", "recorders_grant", _strange("location_id", _LOCATION), WORDS),
    *new_and_changed("grant_device", "recorders_grant", _strange("recorder_id", _RECORDER), WORDS),
    *new_and_changed("grant_camera", "recorders_grant", _strange("camera_id", _CAMERA), WORDS),
    *new_and_changed("hidden", "recorders_hiddencamera", _strange("camera_id", _CAMERA), WORDS),
    *new_and_changed("recorder_place", "recorders_recorder", _STRANGE_PLACE, WORDS),
    fixed("recorders_location", "organisation_id", "a location stays in its organisation"),
    fixed("recorders_camera", "recorder_id", "a camera stays with its recorder"),
    Rule(
        "recorder_moves_without_rights",
        "recorders_recorder",
        "UPDATE",
        _LEAVES_RIGHTS_BEHIND,
        "groups of its organisation have rights on this recorder",
    ),
]
