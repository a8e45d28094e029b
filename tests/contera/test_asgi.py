"""Which part of the program answers which address."""

import time

import pytest
from asgiref.testing import ApplicationCommunicator

from protocol import link
from protocol.tokens import sign_relay_pass

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def application():
    from contera.asgi import application

    return application


def scope(type_, path, headers=()):
    return {
        "type": type_,
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), *headers],
        "subprotocols": ["contera.session.v1"],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


async def first_answer(application, scope, message):
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input(message)
    answer = await communicator.receive_output(10)
    await communicator.send_input({"type": f"{scope['type']}.disconnect", "code": 1000})
    await communicator.wait(10)
    return answer


async def get(application, path):
    return await first_answer(application, scope("http", path), {"type": "http.request"})


async def test_the_relay_answers_before_django(application):
    answer = await get(application, "/relay/v1/next")
    assert answer["status"] == 401
    assert dict(answer["headers"])[b"content-type"] == b"application/problem+json"


async def test_django_answers_the_rest(application):
    assert (await get(application, "/healthz"))["status"] == 200


async def test_a_recorders_socket_goes_to_the_relay(application):
    """L13: raw ASGI, as its polls and answers; no Channels consumer costs a task per message."""
    from accounts.signing import portal_signer

    now = int(time.time())
    token = sign_relay_pass(portal_signer(), "recorder", "test", now).encode()
    shown = [(b"authorization", b"Bearer " + token), (b"contera-boot", b"boot-number-one")]
    socket = scope("websocket", "/relay/v1/link", shown)
    socket["subprotocols"] = [link.SUBPROTOCOL]
    answer = await first_answer(application, socket, {"type": "websocket.connect"})
    assert (answer["type"], answer["subprotocol"]) == ("websocket.accept", link.SUBPROTOCOL)
    for missing in ([], shown[:1], shown[1:], [*shown, (b"origin", b"https://evil.example")]):
        refused = {**socket, "headers": missing}
        answer = await first_answer(application, refused, {"type": "websocket.connect"})
        assert answer["type"] == "websocket.close"


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null"])
@pytest.mark.parametrize("path", ["/relay/v1/recorders/x/session", "/ws/incidents/x/"])
async def test_a_socket_from_another_site_is_refused(application, path, origin):
    """P2, B1"""
    socket = scope("websocket", path, [(b"origin", origin)])
    answer = await first_answer(application, socket, {"type": "websocket.connect"})
    assert answer["type"] == "websocket.close"
