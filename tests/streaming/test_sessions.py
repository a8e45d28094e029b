"""Opening and renewing a session: the token says what the person may do now, and no more."""

import time

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.signing import portal_keys
from protocol.tokens import verify_access_token
from recorders.models import Grant

pytestmark = pytest.mark.django_db


def client_of(person):
    client = Client()
    if person is not None:
        client.force_login(person, "allauth.account.auth_backends.AuthenticationBackend")
    return client


def open_session(person, recorder, path="auto"):
    url = f"/api/v1/recorders/{recorder.pk}/session/"
    return client_of(person).post(url, {"path": path}, content_type="application/json")


def renew(person, recorder, session_id="s"):
    url = f"/api/v1/recorders/{recorder.pk}/token/"
    body = {"session_id": session_id}
    return client_of(person).post(url, body, content_type="application/json")


@pytest.fixture
def opened(viewer, recorder, cameras):
    """The id of the viewer's session."""
    return open_session(viewer, recorder).json()["session_id"]


def token_of(response, recorder):
    now = int(time.time())
    return verify_access_token(portal_keys(), response.json()["token"], str(recorder.pk), now)


def test_the_token_names_the_rights_on_each_camera(viewer, recorder, cameras):
    token = token_of(open_session(viewer, recorder), recorder)
    assert token.grants == {1: {"live", "playback"}, 2: {"live", "playback"}}
    assert token.recorder_rights == frozenset()
    assert token.user_id == str(viewer.pk)


def test_an_administrator_may_configure(owner, recorder, cameras):
    assert token_of(open_session(owner, recorder), recorder).recorder_rights == {"configure"}


def test_a_grant_on_one_camera_shows_that_camera_alone(viewer, viewers, recorder, cameras):
    Grant.objects.all().delete()
    Grant.objects.create(group=viewers, right="live", camera=cameras[1])
    response = open_session(viewer, recorder)
    assert [camera["number"] for camera in response.json()["cameras"]] == [2]
    assert token_of(response, recorder).grants == {2: {"live"}}


def test_the_session_offers_the_relay_and_says_why_nothing_else(viewer, recorder):
    body = open_session(viewer, recorder).json()
    assert [offer["path"] for offer in body["offers"]] == ["relay"]
    assert body["offers"][0]["url"].endswith(f"/relay/v1/recorders/{recorder.pk}/session")
    assert {refused["path"] for refused in body["not_offered"]} == {"lan", "manual_nat", "p2p"}


def test_the_relay_inside_the_portal_is_offered_at_the_address_the_caller_uses(
    viewer, recorder, settings
):
    settings.IS_RELAY_EMBEDDED = True
    url = f"/api/v1/recorders/{recorder.pk}/session/"
    request = {"content_type": "application/json", "headers": {"host": "127.0.0.1:8123"}}
    body = client_of(viewer).post(url, {}, **request).json()
    assert body["offers"][0]["url"].startswith("ws://127.0.0.1:8123/relay/v1/")


def test_other_relay_nodes_are_offered_at_their_own_addresses(viewer, recorder, settings):
    settings.IS_RELAY_EMBEDDED = False
    settings.CONTERA_RELAY_URLS = ["https://r1.us-west.example", "https://r2.us-west.example"]
    urls = [offer["url"] for offer in open_session(viewer, recorder).json()["offers"]]
    assert [url.split("/relay")[0] for url in urls] == [
        "wss://r1.us-west.example",
        "wss://r2.us-west.example",
    ]


def test_an_offline_recorder_is_a_reason_and_no_error(viewer, recorder):
    recorder.last_seen_at = None
    recorder.save(update_fields=["last_seen_at"])
    body = open_session(viewer, recorder).json()
    assert body["offers"] == []
    assert {refused["code"] for refused in body["not_offered"]} == {"recorder_offline"}
    assert not AuditEntry.objects.filter(action="session.opened").exists()


def test_the_trail_tells_who_opened_what(viewer, recorder, organisation):
    """A4"""
    open_session(viewer, recorder)
    entry = AuditEntry.objects.get(action="session.opened")
    assert (entry.actor, entry.target, entry.organisation) == (viewer, "Gate", organisation)


@pytest.mark.parametrize("call", [open_session, renew])
def test_a_stranger_finds_nothing(stranger, recorder, call):
    assert call(stranger, recorder).status_code == 404


@pytest.mark.parametrize("call", [open_session, renew])
def test_nobody_gets_a_token_without_signing_in(recorder, call):
    assert call(None, recorder).status_code == 401


def test_a_withdrawn_right_is_gone_at_the_next_renewal(viewer, viewers, recorder, opened):
    """A6"""
    assert renew(viewer, recorder, opened).status_code == 200
    Grant.objects.filter(group=viewers, right="playback").delete()
    assert token_of(renew(viewer, recorder, opened), recorder).grants == {1: {"live"}, 2: {"live"}}
    Grant.objects.filter(group=viewers).delete()
    assert renew(viewer, recorder, opened).status_code == 404


def test_only_a_session_that_is_in_the_trail_is_renewed(owner, viewer, recorder, opened):
    for person, session_id in ((viewer, "made-up"), (viewer, opened[:-1]), (owner, opened)):
        assert renew(person, recorder, session_id).status_code == 404
    assert AuditEntry.objects.filter(action="session.opened").count() == 1


def test_a_session_without_a_way_to_the_recorder_grants_nothing(viewer, recorder, cameras):
    """No line says that it was opened, so its token must be of no use at the relay."""
    answer = open_session(viewer, recorder, "lan")
    assert token_of(answer, recorder).grants == {}
    assert renew(viewer, recorder, answer.json()["session_id"]).status_code == 404


def test_a_path_that_is_switched_off_ends_running_sessions(viewer, recorder, opened):
    """The link to the relay stays, for exports."""
    recorder.network.is_relay_enabled = False
    recorder.network.save(update_fields=["is_relay_enabled"])
    assert token_of(renew(viewer, recorder, opened), recorder).grants == {}


def test_a_disabled_person_renews_nothing(viewer, recorder):
    """A6"""
    client = client_of(viewer)
    viewer.is_active = False
    viewer.save(update_fields=["is_active"])
    url = f"/api/v1/recorders/{recorder.pk}/token/"
    response = client.post(url, {"session_id": "s"}, content_type="application/json")
    assert response.status_code == 401


def test_a_removed_recorder_is_gone(owner, recorder):
    recorder.removed_at = timezone.now()
    recorder.save(update_fields=["removed_at"])
    assert open_session(owner, recorder).status_code == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"path": "carrier-pigeon"}', b'"x"'])
def test_a_bad_body_is_named(viewer, recorder, body):
    url = f"/api/v1/recorders/{recorder.pk}/session/"
    response = client_of(viewer).post(url, body, content_type="application/json")
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
