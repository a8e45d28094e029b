"""Viewings in the audit trail: of whom, of what, and each once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from accounts.audit_check import check_trail
from accounts.circumstances import CLIENTS
from accounts.models import AuditEntry
from protocol.tokens import Signer, public_jwk, sign_recorder_token
from protocol.viewings import Viewing, Watcher, as_json
from streaming import session_names
from streaming.broker.facts import Page, Viewer
from streaming.relay.viewings import Told
from streaming.services import Wanted, issue_token, open_session
from streaming.viewings import WATCHED, note_recorder_viewings, note_relay_viewings
from tests.conftest import make_recorder

START = 1_790_000_000.0
RECORDER_URL = "/api/v1/recorder/viewings"
RELAY_URL = "/api/v1/relay/viewings"


def _viewing(number=1, user="", session="s", **facts):
    names = {"camera": 1, "kind": "live", "path": "lan", "address": "192.0.2.9"} | facts
    span = {"start": names.pop("start", START), "end": names.pop("end", START + 60)}
    recorded = names.pop("recorded", None)
    return Viewing(Watcher(session, str(user), **names), **span, recorded=recorded, number=number)


def _told(*viewings):
    return [as_json(viewing) for viewing in viewings]


def _lines():
    return list(AuditEntry.objects.filter(action=WATCHED).order_by("number"))


def test_a_recorders_viewing_says_who_watched_what_how_and_when(recorder, viewer):
    body = _told(_viewing(7, viewer.pk, kind="recorded", recorded=(START - 999, START - 900)))
    assert note_recorder_viewings(recorder, body) == 7
    [line] = _lines()
    assert (line.actor, line.actor_name) == (viewer, viewer.login)
    assert (line.target, line.address) == ("Camera 1, Gate", "192.0.2.9")
    assert line.detail == {
        "kind": "recorded",
        "from": "2026-09-21T14:13:20Z",
        "to": "2026-09-21T14:14:20Z",
        "recorded_from": "2026-09-21T13:56:41Z",
        "recorded_to": "2026-09-21T13:58:20Z",
        "path": "lan",
        "recorder": str(recorder.pk),
        "camera": 1,
        "session": "s",
    }
    assert check_trail(recorder.organisation).fault is None


def test_what_is_told_twice_is_noted_once(recorder, viewer):
    """An acknowledgement may be lost."""
    told = _told(_viewing(1, viewer.pk), _viewing(2, viewer.pk))
    assert note_recorder_viewings(recorder, told) == 2
    assert note_recorder_viewings(recorder, [*told, *_told(_viewing(3, viewer.pk))]) == 3
    assert len(_lines()) == 3


def test_what_is_no_viewing_holds_nothing_up(recorder, viewer):
    told = [None, {"number": 9}, *_told(_viewing(8, viewer.pk))]
    assert note_recorder_viewings(recorder, told) == 9
    assert len(_lines()) == 1


def test_an_account_of_the_recorder_is_named_as_such(recorder):
    note_recorder_viewings(recorder, _told(_viewing(1, "local:guard", path="direct")))
    assert _lines()[0].actor_name == "guard (account of Gate)"


def test_viewings_that_were_lost_are_told(recorder, viewer):
    told = [_told(_viewing(9, viewer.pk))[0] | {"lost_before": 4}]
    note_recorder_viewings(recorder, told)
    assert AuditEntry.objects.get(action="viewings.lost").detail["count"] == 4


def test_a_recorder_learns_no_name_of_somebody_elsewhere(recorder, stranger):
    """A recorder could name anybody's id in its owner's trail."""
    note_recorder_viewings(recorder, _told(_viewing(1, stranger.pk), _viewing(2, "nonsense")))
    assert [line.actor_name for line in _lines()] == ["somebody unknown"] * 2


def test_somebody_from_elsewhere_who_opened_a_session_is_named(recorder, stranger):
    """A5: a dealer's people are in the customer's trail."""
    wanted = Wanted("relay", "http://portal", Viewer(None, Page.NONE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streaming.services.record", lambda *_, **__: None)
        session = open_session(stranger, recorder, wanted, None, timezone.now())
    note_recorder_viewings(recorder, _told(_viewing(1, stranger.pk, session.id)))
    assert _lines()[0].actor_name == stranger.login


@pytest.mark.parametrize("client", [*CLIENTS, ""])
def test_a_line_names_the_client_as_the_portal_saw_it(recorder, viewer, client):
    session_id = session_names.make("manual_nat", client, viewer.pk, recorder.pk)
    forged = session_id.replace("manual_nat", "relay")
    assert len(session_id) <= 64  # of streaming.api.serializers and recorders
    told = _told(_viewing(1, viewer.pk, session_id), _viewing(2, viewer.pk, forged))
    note_recorder_viewings(recorder, told)
    assert [line.detail.get("client", "") for line in _lines()] == [client, ""]


def test_the_same_viewing_of_a_relay_is_noted_once(recorder, viewer):
    told = [Told(_viewing(0, viewer.pk, path="relay"), str(recorder.pk), "")]
    note_relay_viewings(told)
    note_relay_viewings(told)
    assert len(_lines()) == 1


def test_a_batch_costs_the_same_however_many_viewings_it_has(
    recorder, viewer, django_assert_max_num_queries
):
    for number, count in ((100, 2), (1000, 150)):
        told = _told(*(_viewing(number + each, viewer.pk) for each in range(count)))
        with django_assert_max_num_queries(20):
            note_recorder_viewings(recorder, told)


# --- What recorders call --------------------------------------------------------------------------


@pytest.fixture
def key(recorder):
    private = Ed25519PrivateKey.generate()
    recorder.public_key = public_jwk(private.public_key())
    recorder.save()
    return private


def _post(client, url, viewings, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body = json.dumps({"viewings": viewings})
    return client.post(url, body, content_type="application/json", headers=headers)


def _recorder_token(key, recorder):
    return sign_recorder_token(Signer(key, str(recorder.pk)), int(timezone.now().timestamp()))


def test_a_recorder_tells_its_viewings(client, recorder, key, viewer):
    answer = _post(
        client, RECORDER_URL, _told(_viewing(5, viewer.pk)), _recorder_token(key, recorder)
    )
    assert (answer.status_code, answer.json()) == (200, {"seen": 5})
    assert len(_lines()) == 1


def test_nobody_else_tells_a_recorders_viewings(client, recorder, key, stranger):
    other = make_recorder(stranger.memberships.get().organisation, "Other")
    for token in (None, "x", _recorder_token(key, other), issue(stranger, other)):
        assert _post(client, RECORDER_URL, [], token).status_code == 401
    assert AuditEntry.objects.filter(action=WATCHED).count() == 0


@pytest.mark.parametrize("body", ["[]", "{}", '{"viewings": 1}', "null"])
def test_a_body_without_viewings_is_refused(client, recorder, key, body):
    headers = {"Authorization": f"Bearer {_recorder_token(key, recorder)}"}
    answer = client.post(RECORDER_URL, body, content_type="application/json", headers=headers)
    assert answer.status_code == 400


# --- What relay nodes call ------------------------------------------------------------------------


def issue(user, recorder):
    return issue_token(user, recorder, "session", timezone.now()).text


def _proof(user, recorder, **facts):
    now = timezone.now().timestamp()
    viewing = _viewing(0, "anybody", **{"start": now - 20, "end": now - 1} | facts)
    token = issue(user, recorder)
    return as_json(viewing) | {"recorder_id": str(recorder.pk), "token": token}


def test_a_node_tells_a_viewing_with_the_viewers_token(client, recorder, viewer):
    told = _proof(viewer, recorder)
    for _ in range(2):
        assert _post(client, RELAY_URL, [told]).status_code == 204
    [line] = _lines()
    assert (line.actor, line.detail["path"]) == (viewer, "relay")


@pytest.mark.parametrize(
    "change",
    [
        {"token": "x"},
        {"recorder_id": "0a6a3a6e-7f0b-4f6e-9f5e-1c2d3e4f5a6b"},
        {"camera": 9},
        {"to": START},
        {"from": 1.0},
        {"to": START + 10_000_000_000},  # long after now
    ],
    ids=str,
)
def test_what_a_token_does_not_prove_is_not_noted(client, recorder, viewer, change):
    """A4, A5: nobody makes lines up about somebody else."""
    assert _post(client, RELAY_URL, [_proof(viewer, recorder) | change]).status_code == 204
    assert _lines() == []


def test_an_old_token_proves_nothing_new(client, recorder, viewer):
    told = _proof(viewer, recorder)
    old = issue_token(viewer, recorder, "session", timezone.now() - timedelta(minutes=2)).text
    _post(client, RELAY_URL, [told | {"token": old}])
    assert _lines() == []
