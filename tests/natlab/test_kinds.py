"""Each kind of NAT is what it is called: judged by coturn's client and server, not by ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cmr.nat import NatReport
from cmr.nat_probe import discover
from tests.natlab import namespaces
from tests.natlab.catalogue import CUSTOMER_SITES, GUEST, VIEWER, VIEWER_SITES
from tests.natlab.namespaces import Laboratory, LaboratoryError, standing
from tests.natlab.sites import PORTAL, PORTAL_ADDRESS, STUN_OTHER_ADDRESS, Nat, Site
from tests.natlab.topology import build
from tests.services.process import running

STUN_PORT = 3478
INDEPENDENT, DEPENDENT = "Endpoint Independent", "Address and Port Dependent"
SILENT = "silent"  # no STUN answer gets in

# Mapping and filtering, in the words of RFC 5780.
KINDS = {
    "public": (INDEPENDENT, INDEPENDENT),
    "one_to_one": (INDEPENDENT, INDEPENDENT),
    "full_cone": (INDEPENDENT, INDEPENDENT),
    "port_restricted": (INDEPENDENT, DEPENDENT),
    "hairpin": (INDEPENDENT, DEPENDENT),
    "symmetric": (DEPENDENT, DEPENDENT),
    "carrier": (INDEPENDENT, DEPENDENT),
    "no_udp": (SILENT, SILENT),
    "forwarded": (DEPENDENT, DEPENDENT),
    "proxy": (INDEPENDENT, DEPENDENT),
    "lossy": (INDEPENDENT, DEPENDENT),
}
LEAVE_HALF_BUILT = """
import os, signal
from tests.natlab.catalogue import VIEWER_SITES
from tests.natlab.namespaces import standing
from tests.natlab.topology import build
with standing(build([VIEWER_SITES["symmetric"]])) as lab:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """All sites, with coturn at the portal's addresses."""
    folder = tmp_path_factory.mktemp("coturn")
    with standing(build([*CUSTOMER_SITES.values(), *VIEWER_SITES.values()])) as lab:
        server = lab.command(PORTAL, "turnserver", "-n", "-S", "--no-cli", "--no-tls", "--no-dtls")
        server += ["-L", PORTAL_ADDRESS, "-L", STUN_OTHER_ADDRESS, "-p", str(STUN_PORT)]
        server += ["--pidfile", str(folder / "pid"), "--log-file", "stdout"]
        with running(server, folder / "log", lambda: _listens(lab)):
            yield lab


def _listens(lab: Laboratory) -> bool:
    try:
        return "3478" in lab.run(PORTAL, "ss", "-Hnlu", f"sport = :{STUN_PORT}")
    except LaboratoryError:
        return False


def test_each_kind_is_what_coturn_calls_it(laboratory: Laboratory) -> None:
    sites = [*CUSTOMER_SITES.items(), *VIEWER_SITES.items()]
    with ThreadPoolExecutor(len(sites)) as pool:  # it waits seconds for what does not come
        found = pool.map(lambda item: _kind(laboratory, item[1]), sites)
        assert list(zip((name for name, _ in sites), found, strict=True)) == [
            (name, KINDS[name]) for name, _ in sites
        ]


RECORDERS_WORDS = {
    INDEPENDENT: "endpoint_independent",
    DEPENDENT: "address_and_port_dependent",
}


def test_the_recorders_own_discovery_agrees_with_coturn(laboratory: Laboratory) -> None:
    """And it knows more: no NAT at all, UDP that is blocked, and hairpin."""
    sites = {**CUSTOMER_SITES, **VIEWER_SITES}
    with ThreadPoolExecutor(len(sites)) as pool:
        reports = list(pool.map(lambda site: _discovered(laboratory, site), sites.values()))
    found = {name: (r.mapping, r.filtering) for name, r in zip(sites, reports, strict=True)}
    assert found == {name: _recorders_words(name, site) for name, site in sites.items()}
    hairpins = [name for name, report in zip(sites, reports, strict=True) if report.hairpin]
    assert hairpins == ["hairpin"]  # at "forwarded" the symmetric NAT drops what turns round


def _discovered(lab: Laboratory, site: Site) -> NatReport:
    servers = [f"{PORTAL_ADDRESS}:{STUN_PORT}"]
    machine = site.namespace(site.hosts[0])
    return lab.call(machine, lambda: asyncio.run(discover(servers))).report


def _recorders_words(name: str, site: Site) -> tuple[str, str]:
    if not site.passes_udp:
        return "blocked", "unknown"
    mapping, filtering = (RECORDERS_WORDS[word] for word in KINDS[name])
    return "no_nat" if site.nat is Nat.PUBLIC else mapping, filtering


def _kind(lab: Laboratory, site: Site) -> tuple[str, str]:
    machine = site.namespace(site.hosts[0])
    try:
        said = lab.run(machine, "turnutils_natdiscovery", "-m", "-f", PORTAL_ADDRESS, timeout_s=40)
    except LaboratoryError as error:
        said = str(error)
    return _word(said, "Mapping"), _word(said, "Filtering")


def _word(said: str, behaviour: str) -> str:
    for word in (INDEPENDENT, DEPENDENT):
        if f"NAT with {word} {behaviour}!" in said:
            return word
    return SILENT if "Response origin" not in said else said


@pytest.mark.parametrize("name", [site.name for site in CUSTOMER_SITES.values() if site.has_guests])
def test_a_guest_gets_to_the_lan_by_a_hairpin_alone(laboratory: Laboratory, name: str) -> None:
    site = CUSTOMER_SITES[name]
    with _open_port(laboratory, site, VIEWER) as inside, _open_port(laboratory, site, GUEST) as own:
        for address in (site.outside_address, site.address(VIEWER)):
            own.sendto(address.encode(), (address, inside.getsockname()[1]))
        assert _heard(inside) == ([site.outside_address] if site.has_hairpin else [])


@contextlib.contextmanager
def _open_port(lab: Laboratory, site: Site, host: str) -> Iterator[socket.socket]:
    """A UDP socket that a packet was sent from, so that the router has a mapping for it."""
    machine = site.namespace(host)
    with lab.call(machine, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as port:
        port.bind(("", 0))
        port.settimeout(0.3)
        port.sendto(b"", (PORTAL_ADDRESS, 9))
        yield port


def _heard(port: socket.socket) -> list[str]:
    heard = []
    with contextlib.suppress(TimeoutError):
        while True:
            data, (address, _) = port.recvfrom(100)
            if data:
                assert address == data.decode(), "a hairpin shows the outside address to both"
                heard.append(address)
    return heard


def test_nothing_is_left_and_the_machines_own_network_is_untouched() -> None:
    before = _own_network()
    with standing(build([VIEWER_SITES["carrier"]])) as lab:
        assert _own_network() == before
        assert "natlab" in lab.name(PORTAL)
    assert _own_network() == before


def test_what_a_killed_run_left_is_swept_by_the_next() -> None:
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.Popen([sys.executable, "-c", LEAVE_HALF_BUILT], cwd=root)
    assert killed.wait(30) == -signal.SIGKILL
    left = f"{namespaces.PREFIX}{killed.pid}-"
    assert list(namespaces.NAMESPACES.glob(f"{left}*"))
    namespaces.sweep()
    assert not list(namespaces.NAMESPACES.glob(f"{left}*"))


def test_it_says_so_when_it_may_not_make_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LaboratoryError, match="needs root"), standing(build([])):
        pytest.fail("there is no laboratory without root")


def _own_network() -> tuple[object, str]:
    links = subprocess.run(["ip", "-j", "addr"], capture_output=True, check=True).stdout
    rules = subprocess.run(["nft", "list", "ruleset"], capture_output=True, check=True).stdout
    return [link["ifname"] for link in json.loads(links)], rules.decode()
