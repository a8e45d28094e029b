"""The STUN server answers Binding requests and nothing else."""

import asyncio

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from streaming.stun import MAX_REQUEST_BYTES, answer, serving

CLIENT = ("203.0.113.7", 40_000)


def binding(class_=stun.Class.REQUEST, method=stun.Method.BINDING):
    return stun.Message(method, class_)


@pytest.mark.parametrize("client", [CLIENT, ("2001:db8::7", 40_000)])
def test_it_tells_the_client_its_address(client):
    request = binding()
    response = stun.parse_message(answer(bytes(request), client))
    assert response.message_class == stun.Class.RESPONSE
    assert response.transaction_id == request.transaction_id
    assert response.attributes["XOR-MAPPED-ADDRESS"] == client


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(binding(class_=stun.Class.RESPONSE)),
        bytes(binding(class_=stun.Class.INDICATION)),
        bytes(binding(method=stun.Method.ALLOCATE)),
        bytes(binding()) + bytes(MAX_REQUEST_BYTES),
    ],
)
def test_it_is_silent_about_anything_else(data):
    assert answer(data, CLIENT) is None


@given(st.binary(max_size=MAX_REQUEST_BYTES))
def test_fuzzed_datagrams_do_no_harm(data):
    answer(data, CLIENT)
    answer(bytes(binding())[:20] + data, CLIENT)


async def test_it_answers_over_udp(unused_udp_port):
    async with serving("127.0.0.1", unused_udp_port):
        reply = await asyncio.wait_for(ask(unused_udp_port), 5)
    assert stun.parse_message(reply).attributes["XOR-MAPPED-ADDRESS"][0] == "127.0.0.1"


async def ask(port):
    reply = asyncio.get_running_loop().create_future()

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            reply.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Client, remote_addr=("127.0.0.1", port)
    )
    transport.sendto(bytes(binding()))
    try:
        return await reply
    finally:
        transport.close()
