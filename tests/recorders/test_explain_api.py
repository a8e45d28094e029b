"""A3, A9: programs learn why somebody may do something at a camera, or may not."""

from __future__ import annotations

import pytest

from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def explained(api, owner, viewer, cameras):
    """`explained(client="vms")`: by right, for the viewer at the first camera."""

    def answer_of(**how):
        answer = api(owner).get(
            f"/api/v1/users/{viewer.pk}/access/", {"camera": cameras[0].pk, **how}
        )
        assert answer.status_code == 200, answer.json()
        return {one["right"]: one for one in answer.json()["rights"]}

    return answer_of


def test_each_right_names_what_gives_it(explained, viewers, recorder):
    grant = viewers.grants.get()
    found = explained()
    assert [right for right, one in found.items() if one["is_allowed"]] == ["live", "playback"]
    (step,) = found["live"]["steps"]
    assert (step["kind"], step["group"], step["grant"]) == ("grant", str(viewers.pk), grant.pk)
    assert step["holds"]
    assert step["obstacle"] == ""
    assert found["export"]["steps"] == []


def test_what_does_not_count_says_why(explained, viewers):
    viewers.hidden_cameras.create(camera=viewers.grants.get().recorder.cameras.first())
    found = explained()["live"]
    assert not found["is_allowed"]
    assert "hidden" in found["steps"][0]["obstacle"]


@pytest.mark.parametrize(
    ("how", "may_export"),
    [
        ({}, False),
        ({"client": "vms"}, False),
        ({"client": "vms", "address": "10.1.2.3"}, True),
        ({"address": "10.1.2.3"}, False),  # in a browser
    ],
)
def test_it_is_asked_for_other_circumstances(explained, viewers, how, may_export):
    give(viewers, "export", clients=["vms"], addresses=["10.0.0.0/8"])
    assert explained(**how)["export"]["is_allowed"] == may_export


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("viewer", 403), ("owner", 200)])
def test_only_their_administrators_learn_it(who, status, api, request, viewer, cameras):
    asker = request.getfixturevalue(who)
    answer = api(asker).get(f"/api/v1/users/{viewer.pk}/access/", {"camera": cameras[0].pk})
    assert answer.status_code == status


def test_a_camera_of_another_organisation_is_not_there(api, owner, viewer, stranger):
    """A9"""
    theirs = make_recorder(stranger.memberships.get().organisation, "Theirs").cameras.first()
    answer = api(owner).get(f"/api/v1/users/{viewer.pk}/access/", {"camera": theirs.pk})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({}, "camera"),
        ({"camera": "7"}, "camera"),
        ({"client": "telex"}, "client"),
        ({"address": "here"}, "address"),
    ],
)
def test_a_wrong_parameter_is_named(api, owner, viewer, cameras, sent, name):
    """P4"""
    known = {} if name == "camera" else {"camera": cameras[0].pk}
    answer = api(owner).get(f"/api/v1/users/{viewer.pk}/access/", {**known, **sent})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(f"{name}: ")
