"""A camera as small as it can be."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Camera(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        app_label = "object_permissions"
        permissions: ClassVar = [("live_camera", "Watch live"), ("playback_camera", "Play back")]
