"""Incidents and exports for programs."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import services
from incidents.jobs.export_run import run_export
from incidents.models import Export, Incident
from protocol.times import format_time
from tests.conftest import give

pytestmark = pytest.mark.django_db


@pytest.fixture
def new(cameras) -> dict:
    end = timezone.now().replace(microsecond=0) - timedelta(minutes=5)
    return {
        "title": "From a program",
        "start": format_time(end - timedelta(minutes=1)),
        "end": format_time(end),
        "camera_ids": [str(camera.pk) for camera in cameras],
    }


def post(client, address: str, body: dict | None = None):
    return client.post(f"/api/v1/{address}", json.dumps(body or {}), "application/json")


def test_a_program_makes_an_incident_and_follows_its_export(client, owner, new, videos) -> None:
    client.force_login(owner)
    incident = post(client, "incidents/", new).json()
    [export] = client.get(f"/api/v1/incidents/{incident['id']}/exports/").json()
    assert (export["state"], export["percent"]) == ("queued", 0)
    run_export(export["id"])
    done = client.get(f"/api/v1/exports/{export['id']}/").json()
    assert (done["state"], done["percent"]) == ("done", 100)
    clip = client.get(f"/api/v1/exports/{export['id']}/clips/{done['clips'][0]['id']}/")
    assert (clip.status_code, clip["Content-Type"]) == (200, "video/mp4")
    assert client.get(f"/api/v1/exports/{export['id']}/manifest/").status_code == 200
    assert client.get(f"/api/v1/exports/{export['id']}/signature/").status_code == 200


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_others_get_404_for_everything(client, request, export, new, who) -> None:
    client.force_login(request.getfixturevalue(who))
    incident = f"incidents/{export.incident_id}"
    reads = [f"{incident}/", f"{incident}/exports/", f"exports/{export.pk}/"]
    reads += [f"exports/{export.pk}/{name}/" for name in ("manifest", "signature", "clips/1")]
    writes = [f"{incident}/exports/", f"exports/{export.pk}/cancel/", f"exports/{export.pk}/retry/"]
    assert {client.get(f"/api/v1/{address}").status_code for address in reads} == {404}
    assert {post(client, address).status_code for address in writes} == {404}
    assert client.delete(f"/api/v1/{incident}/").status_code == 404
    assert post(client, "incidents/", new).json()["code"] == "camera_not_found"
    assert client.get("/api/v1/incidents/").json()["results"] == []


def test_incidents_are_found_by_words_camera_and_time(
    client, owner, stranger, incident, cameras
) -> None:
    client.force_login(owner)

    def found(**query: object) -> int:
        count: int = client.get("/api/v1/incidents/", query).json()["count"]
        return count

    later, camera = format_time(incident.end), incident.cameras.first()
    assert found(search=incident.title[:3], camera=camera.pk, until=later) == 1
    assert found(search=camera.name, since=format_time(incident.start)) == 1
    assert [found(since=later), found(search="nothing"), found(camera=incident.pk)] == [0, 0, 0]
    assert client.get("/api/v1/incidents/?since=yesterday").json()["code"] == "invalid"
    client.force_login(stranger)
    assert found(camera=camera.pk) == 0


def test_the_size_of_an_export_is_told_before_it_is_made(
    client, owner, stranger, new, cameras
) -> None:
    cameras[0].profiles = {"hd": {"kbps": 800, "width": 1920}}
    cameras[0].save(update_fields=["profiles"])
    wanted = {name: new[name] for name in ("start", "end", "camera_ids")}
    client.force_login(owner)
    answer = post(client, "incidents/estimate/", wanted).json()
    assert (answer["expected_bytes"], answer["measured"]) == ((800 + 2240) * 125 * 60, 1)
    assert not Incident.objects.exists()
    backwards = {**wanted, "start": wanted["end"]}
    assert post(client, "incidents/estimate/", backwards).json()["code"] == "bad_range"
    client.force_login(stranger)
    assert post(client, "incidents/estimate/", wanted).json()["code"] == "camera_not_found"


def test_nobody_gets_401(client, export) -> None:
    assert client.get("/api/v1/incidents/").status_code == 401
    assert client.get(f"/api/v1/exports/{export.pk}/").status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"end": "2099-01-01T00:00:00Z"}, 400, "bad_range"),
        ({"start": "2020-01-01T00:00:00Z"}, 400, "bad_range"),
        ({"start": "soon"}, 400, "invalid"),
        ({"camera_ids": []}, 400, "invalid"),
        ({"camera_ids": ["00000000-0000-0000-0000-000000000000"]}, 404, "camera_not_found"),
    ],
)
def test_a_wrong_incident_is_refused_with_a_code(client, owner, new, change, status, code) -> None:
    client.force_login(owner)
    answer = post(client, "incidents/", new | change)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Incident.objects.exists()


def test_an_export_is_cancelled_once(client, owner, export) -> None:
    client.force_login(owner)
    assert post(client, f"exports/{export.pk}/cancel/").json()["state"] == "cancelled"
    again = post(client, f"exports/{export.pk}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "has_ended")
    assert post(client, f"exports/{export.pk}/retry/").json()["code"] == "not_failed"


def test_an_organisation_queues_a_bounded_number(client, owner, incident, monkeypatch) -> None:
    monkeypatch.setattr(services, "MAX_UNFINISHED", 1)
    client.force_login(owner)
    answer = post(client, f"incidents/{incident.pk}/exports/")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many")


def test_who_may_only_export_deletes_nothing_of_others(client, viewer, viewers, incident) -> None:
    for camera in incident.cameras.all():
        give(viewers, "export", camera=camera)
    client.force_login(viewer)
    assert client.get(f"/api/v1/incidents/{incident.pk}/").status_code == 200
    assert client.delete(f"/api/v1/incidents/{incident.pk}/").status_code == 403
    assert client.post(f"/incidents/{incident.pk}/delete/").status_code == 403
    assert b"Delete this incident" not in client.get(f"/incidents/{incident.pk}/").content


def test_an_incident_is_deleted(client, owner, incident) -> None:
    client.force_login(owner)
    assert client.delete(f"/api/v1/incidents/{incident.pk}/").status_code == 204
    assert not Export.objects.exists()
