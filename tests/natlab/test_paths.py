"""The real programs behind NAT: which path each pair of sites ends on, how fast (L1, L2, L3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.scenes import make_scenes
from tests.natlab.browser import page_on, watch
from tests.natlab.catalogue import (
    CUSTOMER_SITES,
    RECORDER,
    VIEWER_SITES,
    viewer_machine,
)
from tests.natlab.measure import Row, measure
from tests.natlab.namespaces import standing
from tests.natlab.portal import Portal, portal_running
from tests.natlab.recorders import reported_nat, sites_running
from tests.natlab.sites import Nat, Site
from tests.natlab.topology import build
from tests.services.rtsp import SCENES

# What `make test` takes the time for; `make natlab` goes through all of them.
PAIRS = [
    ("full_cone", "port_restricted"),
    ("full_cone", "symmetric"),
    ("full_cone", "guest"),
    ("port_restricted", "port_restricted"),
    ("port_restricted", "carrier"),
    ("port_restricted", "symmetric"),
    ("port_restricted", "no_udp"),
    ("port_restricted", "same_lan"),
    ("port_restricted", "guest"),
    ("symmetric", "public"),
    ("symmetric", "symmetric"),
    ("no_udp", "public"),
    ("no_udp", "no_udp"),
    ("no_udp", "same_lan"),
    ("forwarded", "no_udp"),
    ("forwarded", "guest"),
    ("proxy", "port_restricted"),
    ("proxy", "no_udp"),
]
SITES = sorted({site for site, _ in PAIRS})
FIRST_PICTURE_MS = 3000  # L1
# For a slow machine that does everything at once: the relay begins first, whatever else is tried.
PATIENCE = 2
STEADY_GAP_MS = 2000

# A browser differs in one: its rules let no http page of the Internet open a socket on the LAN
# (Local Network Access). Peer to peer, both find their LAN addresses all the same. Two more of
# these are in test_https.py.
IN_BROWSER = {
    ("port_restricted", "same_lan"): "p2p",
    ("forwarded", "no_udp"): "manual_nat",
    ("symmetric", "symmetric"): "relay",
}
# RFC 5780: what the recorder is to find out by itself. Of filtering only what our server can see.
REPORTED = {
    Nat.ONE_TO_ONE: ("endpoint_independent", "endpoint_independent"),
    Nat.FULL_CONE: ("endpoint_independent", "endpoint_independent"),
    Nat.PORT_RESTRICTED: ("endpoint_independent", "address_and_port_dependent"),
    Nat.SYMMETRIC: ("address_and_port_dependent", "address_and_port_dependent"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laboratory")


@pytest.fixture(scope="module")
def portal(folder: Path) -> Iterator[Portal]:
    sites = [CUSTOMER_SITES[name] for name in SITES]
    with (
        standing(build([*sites, *VIEWER_SITES.values()])) as lab,
        portal_running(lab, folder) as portal,
    ):
        yield portal


@pytest.fixture(scope="module")
def recorders(portal: Portal, folder: Path) -> Iterator[dict[str, str]]:
    """The recorders' ids by site; all of them stream."""
    make_scenes(SCENES, lambda part: None)
    sites = [CUSTOMER_SITES[name] for name in SITES]
    with sites_running(portal, sites, folder, SCENES) as recorders:
        yield recorders


@pytest.fixture(scope="module")
def rows(portal: Portal, recorders: dict[str, str]) -> list[Row]:
    return measure(portal, recorders, PAIRS)


def test_every_pair_ends_on_the_expected_path(rows: list[Row]) -> None:
    """L3."""
    assert [row.describe() for row in rows if not row.is_as_expected] == []


def test_without_udp_the_picture_comes_by_the_relay_in_three_seconds(rows: list[Row]) -> None:
    """L1."""
    without = [row for row in rows if "no_udp" in (row.site, row.place) and row.expected == "relay"]
    assert len(without) == 4
    slow = [row.describe() for row in without if _first_frame_ms(row) > FIRST_PICTURE_MS * PATIENCE]
    assert slow == []


def test_what_is_tried_beside_never_delays_the_first_picture(rows: list[Row]) -> None:
    slow = [row.describe() for row in rows if _first_frame_ms(row) > FIRST_PICTURE_MS * PATIENCE]
    assert slow == []


def test_symmetric_on_both_sides_stays_on_a_steady_relay(rows: list[Row]) -> None:
    """L2: the picture goes on all the while the other path is tried in vain."""
    row = next(row for row in rows if (row.site, row.place) == ("symmetric", "symmetric"))
    relay = next(attempt for attempt in row.outcome.attempts if attempt.path == "relay")
    p2p = next(attempt for attempt in row.outcome.attempts if attempt.path == "p2p")
    assert p2p.result != "proved"
    assert relay.frames > 50
    assert relay.longest_gap_ms < STEADY_GAP_MS


@pytest.mark.parametrize("name", SITES)
def test_a_recorder_tells_what_nat_it_is_behind(
    portal: Portal, recorders: dict[str, str], name: str
) -> None:
    site, nat = CUSTOMER_SITES[name], reported_nat(portal, recorders[name])
    if not site.passes_udp:
        assert nat["mapping"] == "blocked"
        return
    assert (nat["mapping"], nat["filtering"]) == REPORTED[site.nat]
    assert nat["external"] == _external(site)


@pytest.mark.parametrize("pair", IN_BROWSER, ids=" to ".join)
def test_a_browser_ends_on_the_expected_path(
    portal: Portal, recorders: dict[str, str], rows: list[Row], folder: Path, pair: tuple[str, str]
) -> None:
    """L3, in Chromium: with mDNS candidates, a page's rules, and pixels."""
    site, place = pair
    cameras = portal.ask("GET", f"/api/v1/recorders/{recorders[site]}/cameras/")
    with page_on(portal, viewer_machine(site, place), folder) as page:
        seen = watch(page, cameras[0]["id"], IN_BROWSER[pair])
    assert seen.path == IN_BROWSER[pair], seen.report
    assert 0 < seen.first_frame_ms < FIRST_PICTURE_MS * PATIENCE


def _first_frame_ms(row: Row) -> int:
    return row.outcome.first_frame_ms or FIRST_PICTURE_MS * 1000


def _external(site: Site) -> str:
    return site.address(RECORDER) if site.nat is Nat.PUBLIC else site.outside_address
