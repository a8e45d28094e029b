"""What people see and may do; every address has its stranger."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.models import AuditEntry
from incidents.jobs.export_run import run_export
from incidents.models import Export, Incident
from recorders.models import Grant
from tests.conftest import give, take

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(export, videos) -> Export:
    run_export(export.pk)
    return Export.objects.get(pk=export.pk)


@pytest.fixture
def addresses(done) -> list[str]:
    clip = done.clips.first()
    return [
        f"/incidents/{done.incident_id}/",
        f"/incidents/{done.incident_id}/exports/",
        f"/incidents/{done.incident_id}/delete/",
        f"/exports/{done.pk}/clips/{clip.pk}.mp4",
        f"/exports/{done.pk}/manifest.json",
        f"/exports/{done.pk}/manifest.json.jws",
        f"/exports/{done.pk}/all.zip",
    ]


def body(answer) -> bytes:
    """All of a streamed answer."""

    async def collect() -> bytes:
        return b"".join([chunk async for chunk in answer])

    return async_to_sync(collect)()


def test_an_owner_opens_every_page(client, owner, addresses) -> None:
    client.force_login(owner)
    assert [client.get(address).status_code for address in addresses] == [200] * len(addresses)


@pytest.mark.parametrize("who", ["viewer", "stranger"])
def test_others_do_not_learn_that_it_is_there(client, request, addresses, who) -> None:
    client.force_login(request.getfixturevalue(who))
    assert [client.get(address).status_code for address in addresses] == [404] * len(addresses)
    assert b"Broken window" not in client.get("/incidents/").content


def test_nobody_reads_them_without_signing_in(client, addresses) -> None:
    assert {client.get(address).status_code for address in addresses} == {302}


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_a_stranger_cannot_touch_an_export(client, stranger, export, action) -> None:
    client.force_login(stranger)
    assert client.post(f"/exports/{export.pk}/{action}/").status_code == 404
    assert client.post(f"/incidents/{export.incident_id}/delete/").status_code == 404
    assert client.post(f"/incidents/{export.incident_id}/export/").status_code == 404


def test_the_right_is_read_at_the_download_not_at_the_export(client, viewer, viewers, done) -> None:
    give(viewers, "export")
    client.force_login(viewer)
    address = f"/exports/{done.pk}/manifest.json"
    assert client.get(address).status_code == 200
    take(viewers, "export")
    assert client.get(address).status_code == 404


def test_one_forbidden_camera_hides_the_incident(client, viewer, viewers, done, cameras) -> None:
    give(viewers, "export", camera=cameras[0])
    client.force_login(viewer)
    assert client.get(f"/incidents/{done.incident_id}/").status_code == 404


def test_a_clip_is_an_attachment_that_nothing_sniffs(client, owner, done, videos) -> None:
    client.force_login(owner)
    clip = done.clips.first()
    answer = client.get(f"/exports/{done.pk}/clips/{clip.pk}.mp4")
    assert body(answer) == videos[0]
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="export.downloaded")
    assert entry.detail["sha256"] == hashlib.sha256(videos[0]).hexdigest()


def test_a_download_resumes(client, owner, done, videos) -> None:
    client.force_login(owner)
    address = f"/exports/{done.pk}/clips/{done.clips.first().pk}.mp4"
    answer = client.get(address, headers={"Range": "bytes=100-199"})
    assert (answer.status_code, body(answer)) == (206, videos[0][100:200])
    assert answer["Content-Range"] == f"bytes 100-199/{len(videos[0])}"
    assert client.get(address, headers={"Range": "bytes=9999999-"}).status_code == 416
    other = client.get(address, headers={"Range": "bytes=1-2", "If-Range": '"other"'})
    assert other.status_code == 200


def test_a_download_without_its_first_byte_is_in_the_trail_too(client, owner, done) -> None:
    client.force_login(owner)
    address = f"/exports/{done.pk}/clips/{done.clips.first().pk}.mp4"
    body(client.get(address, headers={"Range": "bytes=1-"}))
    entry = AuditEntry.objects.get(action="export.downloaded")
    assert (entry.detail["sha256"], entry.detail["from_byte"]) == (done.clips.first().sha256, 1)


def test_everything_comes_as_one_zip_of_known_length(client, owner, done, videos) -> None:
    client.force_login(owner)
    answer = client.get(f"/exports/{done.pk}/all.zip")
    content = body(answer)
    assert len(content) == int(answer["Content-Length"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        files = [clip["file"] for clip in json.loads(archive.read("manifest.json"))["clips"]]
        assert [archive.read(name) for name in files] == videos
        assert archive.namelist() == [*files, "manifest.json", "manifest.json.jws"]


def test_a_file_that_is_gone_is_said_so(client, owner, done, data) -> None:
    for path in (data / "exports").rglob("*.mp4"):
        path.unlink()
    client.force_login(owner)
    answer = client.get(f"/exports/{done.pk}/clips/{done.clips.first().pk}.mp4")
    assert answer.status_code == 503
    assert b"missing or has another size" in answer.content


def test_a_form_makes_an_incident_in_the_zone_of_the_person(client, owner, cameras, data) -> None:
    client.force_login(owner)
    fields = {"title": "Night", "cameras": [str(cameras[0].pk)], "zone": "Europe/Berlin"}
    times = {"start": "2026-01-10T23:50:00", "end": "2026-01-11T00:10"}
    answer = client.post("/incidents/new/", fields | times)
    incident = Incident.objects.get(title="Night")
    assert answer["Location"] == f"/incidents/{incident.pk}/"
    assert incident.start.isoformat() == "2026-01-10T22:50:00+00:00"
    assert incident.exports.get().state == "queued"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": ""}, "This field is required."),
        ({"cameras": []}, "Choose at least one camera."),
        ({"end": "2026-01-09T10:00:00"}, "The end must be after the start."),
        ({"end": "2026-01-12T10:00:01"}, "The range is longer than 24 hours."),
        ({"end": "2099-01-10T10:00:00"}, "The end is in the future."),
        ({"start": "yesterday"}, "This is not a date and time."),
        ({"start": "2026-03-29T02:30:00"}, "this time did not exist on that day"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(client, owner, cameras, data, change, words) -> None:
    client.force_login(owner)
    right = {
        "title": "Night",
        "cameras": [str(cameras[0].pk)],
        "zone": "Europe/Berlin",
        "start": "2026-01-10T10:00:00",
        "end": "2026-01-10T11:00:00",
    }
    answer = client.post("/incidents/new/", right | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Incident.objects.exists()


@pytest.mark.parametrize(
    ("moment", "zone"),
    [("0001-01-01T00:00", "Asia/Tokyo"), ("9999-12-31T23:59", "America/New_York")],
)
def test_the_edges_of_the_calendar_are_no_server_errors(client, owner, cameras, moment, zone):
    client.force_login(owner)
    fields = {"title": "Then", "start": moment, "end": moment, "zone": zone}
    assert client.post("/incidents/new/", fields).status_code == 422
    assert client.get("/incidents/new/?end=0001-01-01T00:00:00Z").status_code == 200


def test_an_hour_that_is_there_twice_gives_the_wider_range(client, owner, cameras, data) -> None:
    client.force_login(owner)
    fields = {"title": "DST", "cameras": [str(cameras[0].pk)], "zone": "Europe/Berlin"}
    times = {"start": "2026-10-25T02:10:00", "end": "2026-10-25T02:20:00"}
    client.post("/incidents/new/", fields | times)
    incident = Incident.objects.get()
    assert incident.end - incident.start == timedelta(hours=1, minutes=10)


def test_a_camera_without_the_export_right_cannot_be_chosen(client, viewer, cameras) -> None:
    client.force_login(viewer)
    assert b"No camera to export" in client.get("/incidents/new/").content
    fields = {"title": "x", "cameras": [str(cameras[0].pk)], "zone": "UTC"}
    times = {"start": "2026-01-10T10:00:00", "end": "2026-01-10T11:00:00"}
    answer = client.post("/incidents/new/", fields | times)
    assert answer.status_code == 422
    assert not Incident.objects.exists()


def test_a_marked_range_fills_the_form(client, owner, cameras) -> None:
    client.force_login(owner)
    query = {"cameras": str(cameras[1].pk), "start": "2026-01-10T10:00:00Z"}
    query["end"] = "2026-01-10T10:05:00+01:00"
    page = client.get("/incidents/new/", query).content.decode()
    assert 'data-start-utc="2026-01-10T10:00:00.000Z"' in page
    assert 'data-end-utc="2026-01-10T09:05:00.000Z"' in page
    assert page.count(" checked") == 1


def test_the_expected_size_is_there_before_anything_is_changed(client, owner, cameras) -> None:
    client.force_login(owner)
    query = {"cameras": str(cameras[1].pk), "start": "2026-01-10T10:00:00Z"}
    query["end"] = "2026-01-10T10:05:00Z"
    assert "<strong>About" in client.get("/incidents/new/", query).content.decode()


def test_the_expected_size_is_what_the_camera_sends(client, owner, cameras) -> None:
    cameras[0].profiles = {"hd": {"kbps": 2000, "width": 1920}}
    cameras[0].save()
    client.force_login(owner)
    query = {"cameras": str(cameras[0].pk), "zone": "UTC"}
    query |= {"start": "2026-01-10T10:00:00", "end": "2026-01-10T10:10:00"}
    page = client.get("/incidents/estimate/", query).content.decode()
    assert "About 150.0 MB" in page
    assert "375.0 MB" in page


def test_names_are_text_wherever_they_appear(client, owner, done, cameras) -> None:
    """B1"""
    Incident.objects.update(title="<script>alert(1)</script>", note="<img src=x onerror=y>")
    cameras[0].name = "<b>cam</b>"
    cameras[0].save()
    client.force_login(owner)
    for address in ("/incidents/", f"/incidents/{done.incident_id}/"):
        page = client.get(address).content
        assert b"<script>alert" not in page
        assert b"<img src=x" not in page
        assert b"<b>cam" not in page


def test_a_failed_export_can_be_tried_again(client, owner, export, videos, relay) -> None:
    Export.objects.update(failures=4)
    relay.faults = ["500", "500"]
    run_export(export.pk)
    client.force_login(owner)
    page = client.get(f"/incidents/{export.incident_id}/").content.decode()
    assert "refused: broken (500)" in page
    assert "Try again" in page
    client.post(f"/exports/{export.pk}/retry/")
    run_export(export.pk)
    assert Export.objects.get(pk=export.pk).state == "done"


def test_the_list_asks_the_database_as_often_for_many(
    client, owner, incident, django_assert_num_queries
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(owner)
    with CaptureQueriesContext(connection) as one:
        client.get("/incidents/")
    for number in range(5):
        Incident.objects.create(
            organisation=incident.organisation,
            title=f"More {number}",
            start=incident.start,
            end=incident.end,
        ).cameras.set(incident.cameras.all())
    with django_assert_num_queries(len(one)):
        client.get("/incidents/")


def test_the_list_is_searched_by_camera_and_words(client, owner, incident) -> None:
    client.force_login(owner)
    for words in ("window", "north SIDE", "camera 2", "gate"):
        assert b"Broken window" in client.get("/incidents/", {"q": words}).content
    assert b"Nothing has" in client.get("/incidents/", {"q": "zebra"}).content


def test_deleting_asks_first(client, owner, done) -> None:
    client.force_login(owner)
    assert b"cannot be undone" in client.get(f"/incidents/{done.incident_id}/delete/").content
    assert Incident.objects.exists()
    client.post(f"/incidents/{done.incident_id}/delete/")
    assert not Incident.objects.exists()
    assert AuditEntry.objects.filter(action="incident.deleted").exists()


def test_the_mail_goes_out_once(export, videos, smtp, settings, mailoutbox) -> None:
    """J1: at most one mail; what the server refuses is tried again later."""
    from incidents.jobs.mail import send_mail

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp.port
    run_export(export.pk)
    smtp.refusal = "451 Try later"
    now = timezone.now()
    send_mail(export.pk, now)
    smtp.refusal = ""
    send_mail(export.pk, now + timedelta(seconds=5))
    assert smtp.messages == []
    for minutes in (3, 6, 600):
        send_mail(export.pk, now + timedelta(minutes=minutes))
    [mail] = smtp.wait_for(1)
    assert mail["Subject"] == "Export of “Broken window” is ready"
    text = mail.get_body(("plain",)).get_content()
    assert hashlib.sha256(videos[0]).hexdigest() in text


def test_a_mail_server_that_is_away_does_not_hold_the_export_up(export, videos, settings) -> None:
    from incidents.jobs.mail import send_mail

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    run_export(export.pk)
    for tries in range(6):
        send_mail(export.pk, timezone.now() + timedelta(hours=tries))
    row = Export.objects.get(pk=export.pk)
    assert (row.state, row.mail_failures, row.notified_at) == ("done", 5, None)


def test_grants_of_thousands_of_pieces_of_footage_are_decided(viewer, viewers, incident) -> None:
    """Each may begin at another moment; the last of them alone covers all of the incident."""
    cameras = list(incident.cameras.all())
    viewers.grants.all().delete()
    spans = [incident.end - timedelta(seconds=s) for s in range(1_500)]
    Grant.objects.bulk_create(
        Grant(group=viewers, camera=camera, footage_from=start, may_export=True)
        for camera in cameras
        for start in spans
    )
    assert Incident.objects.visible_to(viewer).get() == incident
    viewers.grants.filter(footage_from__lte=incident.start).delete()
    assert not Incident.objects.visible_to(viewer).exists()
