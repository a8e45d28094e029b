from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, User
from recorders.models import Camera, Location, Recorder, WhitelistMail
from recorders.policy import recorder_rights
from recorders.rights import rights_on
from recorders.services.whitelist_mails import MAX_PER_DAY
from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db

BASE = "/api/v1/recorders/"


def network_body(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "lan": {"enabled": True, "ranges": []},
        "manual_nat": {"enabled": False, "address": "", "port": 80, "https": False},
        "p2p": {"enabled": True},
        "relay": {"enabled": True, "region": "us-west"},
    }
    return {**body, **changes}


OFF = {"lan": {"enabled": False, "ranges": []}, "p2p": {"enabled": False}}


def test_the_list_has_recorders_with_my_rights(api: Any, viewer: User, recorder: Recorder) -> None:
    body = api(viewer).get(BASE).json()
    (found,) = body["results"]
    assert (body["count"], found["id"], found["is_online"]) == (1, str(recorder.pk), True)
    assert (found["rights"], found["camera_count"]) == (["live", "playback"], 2)


def test_the_list_is_searched_filtered_and_paged(api: Any, owner: User, recorder: Recorder) -> None:
    make_recorder(recorder.organisation, "Attic")
    client = api(owner)
    assert client.get(BASE, {"search": "att"}).json()["count"] == 1
    assert client.get(BASE, {"state": "offline"}).json()["count"] == 0
    page = client.get(BASE, {"limit": 1, "offset": 1}).json()
    assert (page["count"], len(page["results"])) == (2, 1)
    assert client.get(BASE, {"state": "asleep"}).status_code == 400


def test_the_list_costs_the_same_for_more(
    api: Any, viewer: User, recorder: Recorder, django_assert_max_num_queries: Any
) -> None:
    client, counts = api(viewer), []
    group = viewer.memberships.get().groups.get()
    for more in (1, 8):
        for n in range(more):
            made = make_recorder(recorder.organisation, f"More {n}")
            give(group, "live", recorder=made)
        with django_assert_max_num_queries(12) as captured:
            client.get(BASE)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_rights_on_many_agree_with_the_policy(
    owner: User, viewer: User, stranger: User, recorder: Recorder, cameras: list[Camera]
) -> None:
    other = make_recorder(recorder.organisation, "Attic")
    group = viewer.memberships.get().groups.get()
    give(group, "export")
    give(group, "audio", camera=cameras[0])
    for user in (owner, viewer):
        found = rights_on(user, [recorder, other])
        assert found == {r.pk: recorder_rights(user, r) for r in (recorder, other)}
    assert not rights_on(stranger, [recorder])[recorder.pk]


def test_cameras_have_my_rights(api: Any, viewer: User, cameras: list[Camera]) -> None:
    body = api(viewer).get(f"{BASE}{cameras[0].recorder_id}/cameras/").json()
    assert [(c["number"], c["rights"]) for c in body] == [(n, ["live", "playback"]) for n in (1, 2)]


def test_renaming_and_removing(api: Any, owner: User, recorder: Recorder) -> None:
    client, address = api(owner), f"{BASE}{recorder.pk}/"
    changed = client.patch(address, {"name": "Yard", "location": "Quay"}, format="json")
    assert (changed.json()["name"], changed.json()["location"]["name"]) == ("Yard", "Quay")
    refused = client.patch(address, {"name": "Yard", "model": "x"}, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["model"])
    assert client.patch(address, {"location": ""}, format="json").json()["location"] is None
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert AuditEntry.objects.filter(action="recorder.removed").exists()


def test_network_settings_are_read_and_replaced(api: Any, owner: User, recorder: Recorder) -> None:
    client, address = api(owner), f"{BASE}{recorder.pk}/network/"
    assert client.get(address).json() == network_body()
    nat = {"enabled": True, "address": "site.example.com", "port": 80, "https": True}
    wanted = network_body(manual_nat=nat, lan={"enabled": True, "ranges": ["10.0.0.9", "10.0.0.8"]})
    body = client.put(address, wanted, format="json").json()
    assert body["manual_nat"] == {**nat, "port": 443}
    assert body["lan"]["ranges"] == ["10.0.0.8/31"]
    assert client.put(address, body, format="json").json() == body


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"lan": {"enabled": True, "ranges": ["x"]}}, "lan"),
        (
            {"manual_nat": {"enabled": True, "address": "", "port": 80, "https": False}},
            "manual_nat",
        ),
        ({"relay": {"enabled": True, "region": "moon"}}, "relay"),
        ({"relay": {"enabled": False, "region": "us-west"}}, "confirm_unreachable"),
        ({"lan": None}, "lan"),
        ({"p2p": {"enabled": "perhaps"}}, "p2p"),
    ],
)
def test_bad_network_settings_are_refused(
    api: Any, owner: User, recorder: Recorder, changes: dict[str, Any], where: str
) -> None:
    answer = api(owner).put(f"{BASE}{recorder.pk}/network/", network_body(**changes), format="json")
    assert answer.status_code == 400
    assert where in answer.json()["errors"]
    assert not AuditEntry.objects.filter(action="network.changed").exists()


def test_ten_thousand_ranges_are_refused_in_a_sentence(
    api: Any, owner: User, recorder: Recorder
) -> None:
    ranges = [f"10.{n // 250}.{n % 250}.0/24" for n in range(10_000)]
    body = network_body(lan={"enabled": True, "ranges": ranges})
    answer = api(owner).put(f"{BASE}{recorder.pk}/network/", body, format="json")
    assert answer.status_code == 400
    assert "There are 10,000 ranges" in str(answer.json()["errors"]["lan"])


def test_cutting_everybody_off_is_possible_when_confirmed(
    api: Any, owner: User, recorder: Recorder
) -> None:
    body = network_body(**OFF, relay={"enabled": False, "region": "us-west"})
    answer = api(owner).put(
        f"{BASE}{recorder.pk}/network/", {**body, "confirm_unreachable": True}, format="json"
    )
    assert answer.status_code == 200


def test_whitelist_mails(api: Any, owner: User, recorder: Recorder) -> None:
    client, address = api(owner), f"{BASE}{recorder.pk}/whitelist-mails/"
    answer = client.post(address, {"recipient": "it@harbour.test"}, format="json")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert len(client.get(address).json()) == 1
    for _ in range(MAX_PER_DAY - 1):
        client.post(address, {"recipient": "it@harbour.test"}, format="json")
    assert client.post(address, {"recipient": "it@harbour.test"}, format="json").status_code == 429
    assert WhitelistMail.objects.count() == MAX_PER_DAY


def test_locations(api: Any, owner: User, viewer: User, recorder: Recorder) -> None:
    client = api(owner)
    made = client.post("/api/v1/locations/", {"name": "Quay"}, format="json").json()
    assert client.post("/api/v1/locations/", {"name": "quay"}, format="json").status_code == 409
    address = f"/api/v1/locations/{made['id']}/"
    assert client.patch(address, {"name": "Pier"}, format="json").json()["name"] == "Pier"
    assert api(viewer).get("/api/v1/locations/").json() == []
    Recorder.objects.update(location=made["id"])
    assert [place["name"] for place in api(viewer).get("/api/v1/locations/").json()] == ["Pier"]
    assert api(viewer).delete(address).status_code == 403
    assert client.delete(address).status_code == 204
    assert Recorder.objects.get().location is None


ENDPOINTS = [
    ("get", "", 200),
    ("patch", "", 403),
    ("delete", "", 403),
    ("get", "cameras/", 200),
    ("get", "network/", 403),
    ("put", "network/", 403),
    ("get", "whitelist-mails/", 403),
    ("post", "whitelist-mails/", 403),
]


@pytest.mark.parametrize(("verb", "path", "for_viewer"), ENDPOINTS)
def test_who_may(
    api: Any,
    viewer: User,
    stranger: User,
    recorder: Recorder,
    verb: str,
    path: str,
    for_viewer: int,
) -> None:
    """404 for who does not see it, 403 for who sees it and may not, 401 for nobody."""
    address = f"{BASE}{recorder.pk}/{path}"
    assert getattr(api(viewer), verb)(address, {}, format="json").status_code == for_viewer
    assert getattr(api(stranger), verb)(address, {}, format="json").status_code == 404
    from rest_framework.test import APIClient

    assert getattr(APIClient(), verb)(address, {}, format="json").status_code == 401


def test_unknown_and_foreign_ids_answer_alike(api: Any, stranger: User, recorder: Recorder) -> None:
    """R3."""
    client = api(stranger)
    foreign, unknown = (client.get(f"{BASE}{pk}/") for pk in (recorder.pk, uuid.uuid4()))
    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content)


def test_a_foreign_location_is_not_found(api: Any, stranger: User, recorder: Recorder) -> None:
    place = Location.objects.create(organisation=recorder.organisation, name="Quay")
    address = f"/api/v1/locations/{place.pk}/"
    assert api(stranger).patch(address, {"name": "x"}, format="json").status_code == 404
    assert api(stranger).get("/api/v1/locations/").json() == []


def test_a_recorder_that_is_silent_is_offline(api: Any, owner: User, recorder: Recorder) -> None:
    Recorder.objects.update(last_seen_at=timezone.now() - timedelta(seconds=41))
    assert api(owner).get(f"{BASE}{recorder.pk}/").json()["is_online"] is False
