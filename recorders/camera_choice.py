"""Cameras to choose from: those with a right, found by words, by place, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Page, Paginator
from django.db.models import F
from django.db.models.functions import Lower

from recorders.models import Camera
from recorders.querysets import CameraQuerySet
from recorders.words import of_camera, words_of

if TYPE_CHECKING:
    from accounts.models import User

PAGE_SIZE = 64
# What a list needs: the rest of a row is many times as wide, and all rows are sorted.
_SHOWN = (
    "number",
    "name",
    "state",
    "detail",
    "recorder__name",
    "recorder__last_seen_at",
    "recorder__location__name",
    "recorder__organisation",
)


def find_cameras(user: User | AnonymousUser, right: str, text: str = "") -> CameraQuerySet:
    """Present cameras with the right whose name, recorder or location has every word; by place."""
    found: CameraQuerySet = Camera.objects.with_right(user, right).filter(is_present=True)
    for word in words_of(text):
        found = found.filter(of_camera(word))
    place = (Lower("recorder__location__name").asc(nulls_last=True), Lower("recorder__name"))
    return found.select_related("recorder__location").order_by(*place, F("recorder"), "number")


def camera_page(
    user: User | AnonymousUser, right: str, text: str, number: str | int
) -> Page[Camera]:
    """One page of them; a number that is none, or past the last, gives the nearest."""
    found = find_cameras(user, right, text).only(*_SHOWN)
    return Paginator(found, PAGE_SIZE).get_page(number)
