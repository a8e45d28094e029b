"""The STUN server's sockets, asked by coturn's and aioice's clients."""

import asyncio
import re
import shutil
import socket
import subprocess

import pytest
from aioice import Connection

from protocol.stun import (
    BINDING_REQUEST,
    CHANGE_IP,
    CHANGE_PORT,
    CHANGE_REQUEST,
    OTHER_ADDRESS,
    XOR_MAPPED_ADDRESS,
    StunMessage,
    parse_stun,
)
from streaming.stun_server import StunPlaces, serving

ADDRESS, OTHER_ADDRESS_TEXT = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def places(unused_udp_port_factory):
    """Two addresses and two ports, on loopback."""
    ports = unused_udp_port_factory(), unused_udp_port_factory()
    return StunPlaces(*ports, ADDRESS, OTHER_ADDRESS_TEXT)


async def asked(address, port, *attributes):
    """The answer to one request, and where it came from."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        request = StunMessage(BINDING_REQUEST, bytes(12), attributes)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(sock, request.encode(), (address, port))
        async with asyncio.timeout(10):
            data, source = await loop.sock_recvfrom(sock, 600)
    return parse_stun(data), source[:2]


async def run(*command):
    """Output of a program that must be there (`make test-tools`)."""
    assert shutil.which(command[0]), f"{command[0]} is missing: run `make test-tools` (coturn)"
    result = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=30, check=False
    )
    return result.stdout + result.stderr


@pytest.mark.parametrize("flags", [0, CHANGE_PORT, CHANGE_IP, CHANGE_IP | CHANGE_PORT])
async def test_it_answers_from_all_its_places(places, flags):
    async with serving(places) as ports:
        assert ports == sorted([places.port, places.other_port])
        change = (CHANGE_REQUEST, flags.to_bytes(4))
        response, source = await asked(ADDRESS, places.port, change)
    assert source == (
        OTHER_ADDRESS_TEXT if flags & CHANGE_IP else ADDRESS,
        places.other_port if flags & CHANGE_PORT else places.port,
    )
    assert response.address(OTHER_ADDRESS) == (OTHER_ADDRESS_TEXT, places.other_port)


async def test_it_answers_from_the_address_it_was_asked_at(unused_udp_port):
    """Hosts with several addresses would answer from the first one."""
    async with serving(StunPlaces(unused_udp_port)):
        response, source = await asked("127.0.0.3", unused_udp_port)
    assert source == ("127.0.0.3", unused_udp_port)
    assert response.address(OTHER_ADDRESS) is None


@pytest.mark.skipif(not socket.has_ipv6, reason="Python without IPv6")
async def test_it_answers_over_ipv6(unused_udp_port):
    async with serving(StunPlaces(unused_udp_port, hosts=("::",))) as ports:
        if not ports:
            pytest.skip("this machine has no IPv6")
        response, source = await asked("::1", unused_udp_port)
    assert source == ("::1", unused_udp_port)
    assert response.address(XOR_MAPPED_ADDRESS)[0] == "::1"


async def test_a_taken_port_leaves_the_rest_alone(unused_udp_port_factory, caplog):
    port, other_port = unused_udp_port_factory(), unused_udp_port_factory()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", other_port))
        async with serving(StunPlaces(port, other_port, hosts=("0.0.0.0",))) as ports:
            assert ports == [port]
            response, _ = await asked(ADDRESS, port)
    assert response.address(XOR_MAPPED_ADDRESS)[0] == ADDRESS
    assert f"UDP port {other_port}" in caplog.text


async def test_coturns_client_gets_its_address(unused_udp_port):
    """Of a whole RFC 5780 server it would want RESPONSE-PORT, and wait for ever."""
    async with serving(StunPlaces(unused_udp_port)):
        output = await run("turnutils_stunclient", "-p", str(unused_udp_port), ADDRESS)
    assert re.search(r"UDP reflexive addr: 127\.0\.0\.1:\d+", output), output


async def test_coturns_nat_discovery_finds_that_there_is_no_nat(places):
    """RFC 5780 whole: mapping (-m) and filtering (-f) need both addresses and both ports."""
    async with serving(places):
        command = ("turnutils_natdiscovery", "-m", "-f", "-L", ADDRESS)
        output = await run(*command, "-p", str(places.port), ADDRESS)
    assert "NAT with Endpoint Independent Mapping" in output or "No NAT" in output, output
    assert "Endpoint Independent Filtering" in output, output


async def test_aioices_client_gets_its_address(places, monkeypatch):
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.4"])
    async with serving(places):
        connection = Connection(ice_controlling=True, stun_server=(ADDRESS, places.port))
        await connection.gather_candidates()
        found = {candidate.type: candidate.host for candidate in connection.local_candidates}
        await connection.close()
    assert found == {"host": "127.0.0.4", "srflx": "127.0.0.4"}
