"""Where the portal lets itself be sent by an address that somebody typed (SSRF)."""

import socket
import threading
import time
from contextlib import suppress
from ipaddress import ip_address

import pytest

from accounts.outgoing import names, web
from accounts.outgoing.addresses import Reach, refusal
from accounts.outgoing.web import NoAnswer, NotReached, checked, fetch, tell

NEVER = ["169.254.169.254", "fe80::1", "100.100.100.200", "fd00:ec2::254", "0.0.0.0", "224.0.0.1"]
INSIDE = ["10.0.0.5", "192.168.1.1", "fd12::1", "100.64.0.1"]
HERE = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]


def is_refused(text: str, reach: Reach) -> bool:
    return refusal([ip_address(text)], reach) is not None


@pytest.mark.parametrize("address", [*NEVER, *INSIDE, *HERE])
def test_only_public_addresses_are_reached(address):
    assert is_refused(address, Reach.PUBLIC)
    assert refusal([ip_address("1.1.1.1"), ip_address(address)], Reach.PUBLIC)


@pytest.mark.parametrize("address", [*NEVER, *HERE])
def test_an_installation_may_open_its_own_network_and_no_more(address):
    assert is_refused(address, Reach.PRIVATE)
    assert not is_refused("10.0.0.5", Reach.PRIVATE)


@pytest.mark.parametrize("address", NEVER)
def test_a_laboratory_reaches_this_machine_and_no_metadata_service(address):
    assert is_refused(address, Reach.LABORATORY)
    assert not is_refused("127.0.0.1", Reach.LABORATORY)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://id.example",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@id.example",
        "https://id.example/#x",
        "https://id.example:0",
        "https://[::1",
        "https://id.example/a b",
        "https://id.example/\r\nX: y",
        "https://" + "a" * 3000,
    ],
)
def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(NotReached):
        checked(url, Reach.PUBLIC)


def test_a_name_that_leads_here_is_refused():
    with pytest.raises(NotReached, match="machine that uses it"):
        fetch("https://localhost/", Reach.PUBLIC)


@pytest.fixture
def drip():
    """A server that sends this, then a byte now and then, for ever."""
    listener, stopped = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def serve(opening: bytes) -> str:
        def send() -> None:
            caller, _ = listener.accept()
            with caller, suppress(OSError):
                caller.sendall(opening)
                while not stopped.wait(0.02):
                    caller.sendall(b"x")

        threads.append(threading.Thread(target=send))
        threads[-1].start()
        return f"127.0.0.1:{listener.getsockname()[1]}/"

    threads: list[threading.Thread] = []
    yield serve
    stopped.set()
    for thread in threads:
        thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("scheme", "opening"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nX-Endless: "),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("https", b"\x16\x03\x03\x40\x00"),  # a handshake record that never is whole
    ],
)
def test_who_answers_a_byte_at_a_time_holds_nobody_up(drip, monkeypatch, scheme, opening):
    """B1: a time-out between bytes alone would hold a worker for days."""
    monkeypatch.setattr(web, "DEADLINE_S", 0.3)
    began = time.monotonic()
    with pytest.raises(NotReached):
        fetch(f"{scheme}://{drip(opening)}", Reach.LABORATORY)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("scheme", "opening"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nX-Endless: "),
        ("https", b"\x16\x03\x03\x40\x00"),  # a handshake record that never is whole
    ],
)
def test_who_never_says_a_status_did_not_answer(drip, monkeypatch, scheme, opening):
    monkeypatch.setattr(web, "DEADLINE_S", 0.3)
    with pytest.raises(NoAnswer, match="in time"):
        tell(f"{scheme}://{drip(opening)}", Reach.LABORATORY, b"{}", {})


def test_of_who_is_told_something_the_status_is_enough(drip):
    opening = b"HTTP/1.1 503 Busy\r\n\r\n"
    assert tell(f"http://{drip(opening)}", Reach.LABORATORY, b"{}", {}) == 503


def test_an_address_that_is_refused_is_no_silent_one():
    with pytest.raises(NotReached) as refused:
        tell("https://localhost/", Reach.PUBLIC, b"{}", {})
    assert not isinstance(refused.value, NoAnswer)


def test_a_resolver_that_hangs_holds_nobody_up(monkeypatch):
    """D2: the name is given up after its time, and only so many wait for a resolver at once."""
    answers = threading.Event()
    monkeypatch.setattr(names, "PATIENCE_S", 0.05)
    monkeypatch.setattr(names.socket, "getaddrinfo", lambda *_, **__: answers.wait() and [])
    try:
        for _ in range(names.AT_ONCE + 2):
            with pytest.raises(names.NameUnknown):
                names.look_up("slow.test", 443)
        assert sum(t.name == "resolver" for t in threading.enumerate()) <= names.AT_ONCE
    finally:
        answers.set()


def test_a_name_leads_to_its_addresses():
    assert ip_address("127.0.0.1") in names.look_up("localhost", 80)
