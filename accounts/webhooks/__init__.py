"""Webhooks: addresses of a customer's own that hear what happens (docs/api.md)."""

from __future__ import annotations

EVENTS = {
    "recorder.registered": "A recorder was registered",
    "recorder.removed": "A recorder was removed",
    "recorder.online": "A recorder is online",
    "recorder.offline": "A recorder is offline",
    "camera.lost": "A recorder gets no video of a camera",
    "camera.back": "A camera is back",
    "export.done": "An export is ready",
    "export.failed": "An export could not be finished",
}
TEST = "webhook.test"  # sent on request, whatever the webhook listens to
