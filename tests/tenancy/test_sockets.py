"""A2, P2: every WebSocket of the portal, for everybody, from our pages and from other sites."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import websockets
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from websockets.exceptions import ConnectionClosed

from accounts.models import Membership
from contera.routing import _close_unknown, _websockets
from protocol import link
from protocol.session import CLOSE_NOT_FOUND, SUBPROTOCOL
from streaming.relay.hub import Hub
from tests.relay.cast import KEYS
from tests.tenancy.served import served
from tests.tenancy.walk import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

OURS = "http://localhost:8000"
INCIDENT = "^ws/incidents/<uuid:incident_id>/"
SESSION = "relay/v1/recorders/<str:recorder_id>/session"
# Every WebSocket that there is, but for what closes unknown ones, and recorders' own link
# (`/relay/v1/link`, before all of these; its passes: tests/relay/test_link_socket.py).
SOCKETS = {INCIDENT, SESSION}


def _routes(application: Any, before: str = "") -> Iterator[str]:
    """Addresses below an ASGI application, through its middleware (Any: Channels has no types)."""
    while not isinstance(application, URLRouter):
        inner = getattr(application, "application", getattr(application, "inner", None))
        if inner is None:
            yield from [] if application is _close_unknown else [before]
            return
        application = inner
    for route in application.routes:
        yield from _routes(route.callback, f"{before}{route.pattern}")


def test_no_websocket_is_without_a_policy():
    """P1: a new one fails the build until it is judged here."""
    assert set(_routes(_websockets(Hub(lambda: KEYS)))) == SOCKETS


@pytest.fixture(scope="module")
def portal() -> Any:
    from contera.asgi import application

    return application


@pytest.fixture
def cookies(owner, viewer, stranger, boss, dealership, things) -> dict[str, str]:
    """Session keys of everybody; those of the disabled were good when they signed in."""
    people = {"owner": owner, "viewer": viewer, "stranger": stranger, "dealer": boss}
    found = {name: signed_in(one).cookies["sessionid"].value for name, one in people.items()}
    leaver = type(owner).objects.create_user("leaver@harbour.test")
    left = Membership.objects.create(user=leaver, organisation=owner.memberships.get().organisation)
    left.groups.set(owner.memberships.get().groups.all())
    found["disabled"] = signed_in(leaver).cookies["sessionid"].value
    Membership.objects.filter(pk=left.pk).update(state=Membership.State.DISABLED)
    return {"nobody": "", "forged": "x" * 32, **found}


async def first_answer(portal: Any, path: str, origin: str, session: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost:8000"), (b"cookie", f"sessionid={session}".encode())]
    if origin:
        headers.append((b"origin", origin.encode()))
    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "subprotocols": [SUBPROTOCOL, link.SUBPROTOCOL],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
    }
    communicator = ApplicationCommunicator(portal, scope)
    await communicator.send_input({"type": "websocket.connect"})
    answer: dict[str, Any] = await communicator.receive_output(10)
    await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    with contextlib.suppress(asyncio.CancelledError):
        await communicator.wait(10)
    return answer


FOREIGN = [
    "https://evil.example",
    "null",
    "http://localhost:8000.evil.example",
    "http://localhost",
    "http://[",
    "",
]


async def test_an_incidents_socket_opens_for_who_sees_it_and_from_our_pages_alone(
    portal, cookies, things
):
    path = f"/ws/incidents/{things['incident_id']}/"
    found = {name: await first_answer(portal, path, OURS, key) for name, key in cookies.items()}
    opened = {name for name, answer in found.items() if answer["type"] == "websocket.accept"}
    assert opened == {"owner"}  # the viewer may not export, so sees no incidents
    assert {a.get("code") for name, a in found.items() if name != "owner"} == {4404}
    for origin in FOREIGN:
        answer = await first_answer(portal, path, origin, cookies["owner"])
        assert answer["type"] == "websocket.close", origin


async def test_a_session_socket_opens_from_our_pages_alone_and_whoever_asks(portal, things):
    """It tells nothing before a token; who the cookie is of counts nowhere. tests/relay are about
    what a token opens; here: a page elsewhere does not even get to show one."""
    path = f"/relay/v1/recorders/{things['recorder_id']}/session"
    assert (await first_answer(portal, path, OURS, ""))["type"] == "websocket.accept"
    for origin in filter(None, FOREIGN):  # without one: a program
        assert (await first_answer(portal, path, origin, ""))["type"] == "websocket.close", origin


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/incidents/", "/ws/users/", "/relay/v1/", "/x"])
async def test_other_addresses_close(portal, path, cookies):
    answer = await first_answer(portal, path, OURS, cookies["owner"])
    assert (answer["type"], answer["code"]) == ("websocket.close", CLOSE_NOT_FOUND)


# --- Abuse ----------------------------------------------------------------------------------------


ABUSE = {
    "a message of 100 MiB": (b"\x82\xff" + (100 * 2**20).to_bytes(8, "big") + bytes(4), 1009),
    "a million fragments": (b"\x02\x81\0\0\0\0a" + b"\x00\x80\0\0\0\0" * 1000, 1009),
    "a compressed bomb": (b"\xc2\x85\0\0\0\0abcde", 1002),
    "a flood of pings": (b"\x89\x80\0\0\0\0" * 1000, 1008),
    "a frame without a mask": (b"\x82\x01a", 1002),
    "an opcode that nobody uses": (b"\x83\x80\0\0\0\0", 1002),
}


async def test_every_socket_of_a_page_closes_on_abuse(portal, cookies, things):
    """P2"""
    incident = f"/ws/incidents/{things['incident_id']}/"
    session = f"/relay/v1/recorders/{things['recorder_id']}/session"
    headers = {"Cookie": f"sessionid={cookies['owner']}"}
    async with served(portal) as port:
        for path, protocols in ((incident, None), (session, [SUBPROTOCOL])):
            for name, (sent, code) in ABUSE.items():
                found = await _closed_with(port, path, sent, headers, protocols)
                assert found == code, (path, name)


async def _closed_with(
    port: int, path: str, sent: bytes, headers: dict[str, str], protocols: Any
) -> int | None:
    connecting = websockets.connect(
        f"ws://localhost:{port}{path}",
        origin=OURS,  # type: ignore[arg-type]  # a str subtype there
        additional_headers=headers,
        subprotocols=protocols,
        compression="deflate",
    )
    async with connecting as socket, asyncio.timeout(10):
        assert socket.protocol.extensions == []
        socket.transport.write(sent)
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


async def test_a_withdrawn_membership_closes_the_socket_at_once(portal, cookies, things, owner):
    """A6: in far less than five seconds, by the real signal of the service."""
    from accounts import services
    from accounts.audit import PORTAL

    path = f"/ws/incidents/{things['incident_id']}/"
    headers = {"Cookie": f"sessionid={cookies['owner']}"}
    membership = await database_sync_to_async(
        lambda: Membership.objects.select_related("organisation", "user").get(user=owner)
    )()
    async with served(portal) as port:
        connecting = websockets.connect(
            f"ws://localhost:{port}{path}", origin=OURS, additional_headers=headers
        )
        async with connecting as socket, asyncio.timeout(5):
            await socket.recv()
            await database_sync_to_async(_let_somebody_else_lead)(membership)
            await database_sync_to_async(services.disable_person)(membership, PORTAL)
            with pytest.raises(ConnectionClosed):
                await socket.recv()
    assert socket.close_code == CLOSE_NOT_FOUND


def _let_somebody_else_lead(membership: Membership) -> None:
    """The last administrator cannot be disabled."""
    user = type(membership.user).objects.create_user("deputy@harbour.test", "a long password 1")
    deputy = Membership.objects.create(user=user, organisation=membership.organisation)
    deputy.groups.set(membership.groups.all())
