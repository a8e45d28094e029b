"""A viewer who walks into another network while watching (L5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.scenes import make_scenes
from tests.natlab.browser import page_on, stood_still_s, watch
from tests.natlab.catalogue import CUSTOMER_SITES, VIEWER_SITES, viewer_machine
from tests.natlab.namespaces import standing
from tests.natlab.portal import Portal, portal_running
from tests.natlab.recorders import sites_running
from tests.natlab.sites import Site
from tests.natlab.topology import build
from tests.services.rtsp import SCENES

SITE, PLACE = "port_restricted", "port_restricted"
RESUMED_S = 5  # L5
PATIENCE = 3  # for a slow machine


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[tuple[Portal, str, Path]]:
    site = CUSTOMER_SITES[SITE]
    make_scenes(SCENES, lambda part: None)
    with (
        standing(build([site, VIEWER_SITES[PLACE]])) as lab,
        portal_running(lab, tmp_path) as portal,
        sites_running(portal, [site], tmp_path, SCENES) as recorders,
    ):
        cameras = portal.ask("GET", f"/api/v1/recorders/{recorders[SITE]}/cameras/")
        yield portal, cameras[0]["id"], tmp_path


def move(portal: Portal, machine: str, site: Site) -> None:
    """The machine gets another address, without a word to whoever talked to the old one."""
    run = portal.laboratory.run
    run(machine, "ip", "addr", "flush", "dev", "eth0")
    run(machine, "ip", "addr", "add", f"{site.lan}.200/24", "dev", "eth0")
    run(machine, "ip", "route", "replace", "default", "via", f"{site.lan}.1")


def test_another_address_interrupts_for_moments_only(
    watching: tuple[Portal, str, Path],
) -> None:
    """L5: the picture goes on by itself, without a new sign-in."""
    portal, camera, folder = watching
    machine = viewer_machine(SITE, PLACE)
    with page_on(portal, machine, folder) as page:
        assert watch(page, camera, "p2p").path == "p2p"
        still_s = stood_still_s(page, lambda: move(portal, machine, VIEWER_SITES[PLACE]))
        assert "/live/" in page.url
    assert still_s < RESUMED_S * PATIENCE
