"""An incident has cameras of its own organisation alone: rules of the database (A1)."""

from __future__ import annotations

from accounts.database_rules import Rule, fixed, new_and_changed
from accounts.ownership import WORDS

_STRANGE_CAMERA = """
    NOT EXISTS (SELECT 1 FROM incidents_incident kept
                JOIN recorders_recorder device ON device.organisation_id = kept.organisation_id
                JOIN recorders_camera camera ON camera.recorder_id = device.id
                WHERE kept.id = NEW.incident_id AND camera.id = NEW.camera_id)
"""
_LEAVES_INCIDENTS_BEHIND = """
    NEW.organisation_id <> OLD.organisation_id AND EXISTS (
        SELECT 1 FROM incidents_incidentcamera kept
        JOIN recorders_camera camera ON camera.id = kept.camera_id
        WHERE camera.recorder_id = NEW.id)
"""

RULES = [
    *new_and_changed("incident_camera", "incidents_incidentcamera", _STRANGE_CAMERA, WORDS),
    fixed("incidents_incident", "organisation_id", "an incident stays in its organisation"),
    Rule(
        "recorder_moves_without_incidents",
        "recorders_recorder",
        "UPDATE",
        _LEAVES_INCIDENTS_BEHIND,
        "its organisation keeps incidents of this recorder",
    ),
]
