"""Opening and renewing a session: the token says what the person may do now, and no more."""

import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, AuditEntry
from accounts.signing import portal_keys
from protocol.tokens import verify_access_token
from recorders.models import Grant
from streaming.services import issue_token
from tests.conftest import give, take

pytestmark = pytest.mark.django_db


def client_of(person):
    client = Client()
    if person is not None:
        client.force_login(person)
    return client


def open_session(person, recorder, path="auto", **request):
    url = f"/api/v1/recorders/{recorder.pk}/session/"
    body = {"path": path}
    return client_of(person).post(url, body, content_type="application/json", **request)


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


def test_a_token_that_ends_early_is_renewed_early(viewer, viewers, recorder, cameras):
    """What goes on by another grant goes on without a break (A6)."""
    assert open_session(viewer, recorder).json()["renew_after_s"] == 30
    viewers.grants.update(holds_until=timezone.now() + timedelta(seconds=20))
    give(viewers, "playback", recorder=recorder)
    answer = open_session(viewer, recorder)
    assert 1 <= answer.json()["renew_after_s"] <= 10
    again = renew(viewer, recorder, answer.json()["session_id"])
    assert 1 <= again.json()["renew_after_s"] <= 10


def test_an_administrator_may_configure(owner, recorder, cameras):
    assert token_of(open_session(owner, recorder), recorder).recorder_rights == {"configure"}


def test_a_grant_on_one_camera_shows_that_camera_alone(viewer, viewers, recorder, cameras):
    Grant.objects.all().delete()
    give(viewers, "live", camera=cameras[1])
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
    (offer,) = open_session(viewer, recorder).json()["offers"]
    assert [url.split("/relay")[0] for url in offer["urls"]] == [
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


def test_a_page_that_is_loaded_again_does_not_flood_the_trail(viewer, owner, recorder):
    for _ in range(3):
        open_session(viewer, recorder)
    open_session(viewer, recorder, "relay")
    open_session(owner, recorder)
    assert AuditEntry.objects.filter(action="session.opened").count() == 3


@pytest.mark.parametrize("call", [open_session, renew])
def test_a_stranger_finds_nothing(stranger, recorder, call):
    assert call(stranger, recorder).status_code == 404


@pytest.mark.parametrize("call", [open_session, renew])
def test_nobody_gets_a_token_without_signing_in(recorder, call):
    assert call(None, recorder).status_code == 401


def test_a_withdrawn_right_is_gone_at_the_next_renewal(viewer, viewers, recorder, opened):
    """A6"""
    assert renew(viewer, recorder, opened).status_code == 200
    take(viewers, "playback")
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


# --- Paths ----------------------------------------------------------------------------------------

NEAR, FAR = "203.0.113.7", "198.51.100.9"


@pytest.fixture
def capable(recorder):
    """The recorder serves every path; the portal saw it at NEAR."""
    recorder.capabilities = ["relay", "lan", "manual_nat", "p2p"]
    recorder.external_address, recorder.local_addresses = NEAR, ["192.168.1.20"]
    recorder.http_port = 8080
    recorder.public_key = {"kty": "OKP", "crv": "Ed25519", "x": "x"}
    recorder.save()
    return recorder


def paths_of(response):
    return [offer["path"] for offer in response.json()["offers"]]


def test_a_viewer_in_the_recorders_network_is_told_its_address_there(viewer, capable):
    answer = open_session(viewer, capable, REMOTE_ADDR=NEAR)
    assert paths_of(answer) == ["lan", "p2p", "relay"]
    offer = answer.json()["offers"][0]
    assert offer["urls"] == ["ws://192.168.1.20:8080/v1/session"]
    assert (offer["host_id"], offer["host_key"]["x"]) == (str(capable.pk), "x")


FORGED = [
    {"X-Forwarded-For": NEAR},
    {"X-Forwarded-For": f"{NEAR}, {NEAR}"},
    {"X-Forwarded-For": f"192.168.1.20, {NEAR}", "X-Real-IP": NEAR},
    {"Forwarded": f"for={NEAR}"},
    {"True-Client-IP": NEAR},
]


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize("proxies", [0, 1])
def test_a_forged_address_reveals_nothing(viewer, capable, settings, headers, proxies):
    """L7: with a proxy in front, its own line stands last and is the only one believed."""
    settings.CONTERA_TRUSTED_PROXIES = proxies
    address = FAR
    if proxies:
        sent = headers.get("X-Forwarded-For")
        headers = {**headers, "X-Forwarded-For": f"{sent}, {FAR}" if sent else FAR}
        address = "10.0.0.1"
    answer = open_session(viewer, capable, headers=headers, REMOTE_ADDR=address)
    assert paths_of(answer) == ["p2p", "relay"]
    reasons = {entry["path"]: entry["code"] for entry in answer.json()["not_offered"]}
    assert reasons["lan"] == "other_network"
    assert "192.168.1.20" not in answer.content.decode()
    assert NEAR not in answer.content.decode()


def test_behind_a_trusted_proxy_the_viewers_own_address_counts(viewer, capable, settings):
    settings.CONTERA_TRUSTED_PROXIES = 1
    headers = {"X-Forwarded-For": NEAR}
    answer = open_session(viewer, capable, headers=headers, REMOTE_ADDR="10.0.0.1")
    assert paths_of(answer)[0] == "lan"


def test_a_range_brings_a_viewer_into_the_network(viewer, capable):
    capable.network.lan_ranges = ["198.51.100.0-198.51.100.20"]
    capable.network.save(update_fields=["lan_ranges"])
    assert paths_of(open_session(viewer, capable, REMOTE_ADDR=FAR))[0] == "lan"
    assert paths_of(open_session(viewer, capable, REMOTE_ADDR="198.51.100.21"))[0] == "p2p"


def test_an_https_page_gets_no_plain_address(viewer, capable, settings):
    """L9"""
    settings.IS_HTTPS = True
    capable.network.is_manual_nat_enabled = True
    capable.network.manual_nat_address = "site.example.com"
    capable.network.save()
    answer = open_session(viewer, capable, REMOTE_ADDR=NEAR)
    assert paths_of(answer) == ["lan", "p2p", "relay"]
    assert answer.json()["offers"][0]["via"] == "data_channel"
    assert "ws://" not in str([o["urls"] for o in answer.json()["offers"][:2]])
    assert answer.json()["not_offered"][0]["code"] == "mixed_content"


def test_a_program_is_bound_by_no_pages_rules(viewer, capable, settings):
    settings.IS_HTTPS = True
    _, key = ApiToken.issue(viewer, "test", timezone.now())
    url = f"/api/v1/recorders/{capable.pk}/session/"
    headers = {"Authorization": f"Token {key}"}
    answer = Client().post(
        url, {}, content_type="application/json", headers=headers, REMOTE_ADDR=NEAR
    )
    assert answer.json()["offers"][0]["via"] == "sealed_socket"


def test_the_token_names_the_ways_that_may_carry_video(viewer, capable):
    """Also at each renewal, with the settings of that moment."""
    answer = open_session(viewer, capable)
    assert token_of(answer, capable).paths == {"lan", "p2p", "relay"}
    capable.network.is_relay_enabled = False
    capable.network.save(update_fields=["is_relay_enabled"])
    renewed = renew(viewer, capable, answer.json()["session_id"])
    assert token_of(renewed, capable).paths == {"lan", "p2p"}


def test_replayed_offers_are_of_no_use(viewer, owner, stranger, capable):
    """They hold addresses and a public key; what counts is a token of one's own."""
    answer = open_session(viewer, capable, REMOTE_ADDR=NEAR).json()
    assert answer["token"] not in str((answer["offers"], answer["control"]))
    assert answer["session_id"] not in str((answer["offers"], answer["control"]))
    for person in (owner, stranger):
        assert renew(person, capable, answer["session_id"]).status_code == 404


def test_a_forced_path_stays_forced(viewer, capable):
    answer = open_session(viewer, capable, "p2p")
    session_id = answer.json()["session_id"]
    assert token_of(answer, capable).paths == {"p2p"}
    assert token_of(renew(viewer, capable, session_id), capable).paths == {"p2p"}
    assert renew(viewer, capable, session_id.replace(".p2p.", ".auto.")).status_code == 404


def test_never_relay_means_signals_but_no_video(viewer, capable):
    capable.network.is_relay_enabled = False
    capable.network.save(update_fields=["is_relay_enabled"])
    answer = open_session(viewer, capable)
    assert paths_of(answer) == ["p2p"]
    assert answer.json()["control"]["via"] == "relay_socket"
    assert token_of(answer, capable).paths == {"lan", "p2p"}


def test_the_portals_own_jobs_may_use_the_relay_whatever_viewers_may(owner, capable):
    """Exports and control messages need the link."""
    capable.network.is_relay_enabled = False
    token = issue_token(owner, capable, "export", timezone.now())
    access = verify_access_token(
        portal_keys(), token.text, str(capable.pk), int(timezone.now().timestamp())
    )
    assert "relay" in access.paths


@pytest.mark.parametrize(
    "address", ["/api/v1/recorders/{}/", "/api/v1/recorders/", "/recorders/{}/"]
)
def test_local_addresses_are_shown_to_who_configures_the_recorder(viewer, owner, capable, address):
    """L7"""
    url = address.format(capable.pk)
    assert "192.168.1.20" not in client_of(viewer).get(url).content.decode()
    assert "192.168.1.20" in client_of(owner).get(url).content.decode()
