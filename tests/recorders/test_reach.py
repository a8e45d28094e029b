"""Within one moment a person's groups and grants are read once, and never for longer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.querysets import with_circumstances
from recorders import reach
from recorders.middleware import OneMomentMiddleware
from recorders.models import Camera, HiddenCamera, Recorder
from recorders.reach import one_moment
from tests.conftest import take

pytestmark = pytest.mark.django_db


def watched(person):
    return Camera.objects.with_right(person, "live").count()


def test_many_questions_about_a_person_cost_one_reading(viewer, recorder):
    with one_moment(), CaptureQueriesContext(connection) as queries:
        for _ in range(5):
            assert Recorder.objects.visible_to(viewer).count() == 1
            assert watched(viewer) == 2
    assert len(queries) == 4 + 10  # groups, their grants, what is hidden; then each question


@pytest.mark.parametrize("most", [200, 0])
def test_what_is_hidden_is_hidden_however_much_it_is(most, viewer, viewers, recorder, monkeypatch):
    monkeypatch.setattr(reach, "MOST_HIDDEN", most)
    HiddenCamera.objects.create(group=viewers, camera=recorder.cameras.get(number=1))
    assert watched(viewer) == 1


def test_people_and_the_ways_they_are_here_are_kept_apart(viewer, owner, stranger, recorder):
    limited = replace(viewer.circumstances, scopes=frozenset({"export"}))
    with one_moment():
        found = [watched(p) for p in (viewer, with_circumstances(viewer, limited), stranger, owner)]
    assert found == [2, 0, 0, 2]


def test_what_was_taken_counts_from_the_next_moment_on(viewer, viewers, recorder):
    """A6"""
    with one_moment():
        assert watched(viewer) == 2
    take(viewers, "live")
    with one_moment():
        assert watched(viewer) == 0
    assert watched(viewer) == 0


@pytest.mark.parametrize(("method", "expected"), [("get", [2, 2]), ("post", [2, 0])])
def test_only_what_reads_is_decided_for_one_moment(method, expected, viewer, viewers, recorder):
    """A change sees what it changed."""
    found = []

    def view(request):
        found.append(watched(viewer))
        viewers.memberships.clear()
        found.append(watched(viewer))
        return HttpResponse()

    OneMomentMiddleware(view)(getattr(RequestFactory(), method)("/"))
    assert found == expected


def test_a_stream_asks_anew(viewer, viewers, recorder):
    """A6"""

    def parts():
        yield str(watched(viewer))

    def view(request):
        assert watched(viewer) == 2
        return StreamingHttpResponse(parts())

    answer = OneMomentMiddleware(view)(RequestFactory().get("/"))
    viewers.memberships.clear()
    assert b"".join(answer) == b"0"
