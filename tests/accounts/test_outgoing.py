"""Where the portal lets itself be sent by an address that somebody typed (SSRF)."""

from ipaddress import ip_address

import pytest

from accounts.outgoing.addresses import Reach, refusal
from accounts.outgoing.web import NotReached, checked, fetch

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
    with pytest.raises(NotReached, match="own machine"):
        fetch("https://localhost/", Reach.PUBLIC)
