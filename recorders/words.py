"""The words somebody searches for, and the cameras and recorders that have one."""

from __future__ import annotations

from django.db.models import Q

MAX_TEXT = 100
MAX_WORDS = 8  # each is looked for by itself


def words_of(text: str) -> list[str]:
    """Of a text that somebody typed; more than a search takes is left out."""
    return text[:MAX_TEXT].split()[:MAX_WORDS]


def at_place(word: str) -> Q:
    """Recorders with the word in their name or their location's."""
    return Q(name__icontains=word) | Q(location__name__icontains=word)


def of_camera(word: str) -> Q:
    """Cameras with the word in their name, or of a recorder with it: recorders are few, and are
    looked through once."""
    from recorders.models import Recorder

    recorders = Recorder.objects.filter(at_place(word)).values("pk")
    return Q(name__icontains=word) | Q(recorder__in=recorders)
