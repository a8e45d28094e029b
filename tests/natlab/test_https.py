"""As in service: https at the portal, behind the nginx configuration in deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.scenes import make_scenes
from tests.natlab.browser import page_on, watch
from tests.natlab.catalogue import CUSTOMER_SITES, VIEWER_SITES, viewer_machine
from tests.natlab.measure import measure
from tests.natlab.namespaces import standing
from tests.natlab.portal import Portal, portal_running
from tests.natlab.recorders import sites_running
from tests.natlab.topology import build
from tests.services.rtsp import SCENES

SITE = "forwarded"


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, str, Path]]:
    folder, site = tmp_path_factory.mktemp("https"), CUSTOMER_SITES[SITE]
    make_scenes(SCENES, lambda part: None)
    with (
        standing(build([site, VIEWER_SITES["public"]])) as lab,
        portal_running(lab, folder, has_tls=True) as portal,
        sites_running(portal, [site], folder, SCENES) as recorders,
    ):
        yield portal, recorders[SITE], folder


def test_programs_reach_a_forwarded_port_beside_tls(recorder: tuple[Portal, str, Path]) -> None:
    """A program is bound by no browser's rules: the channel is sealed in any case."""
    portal, recorder_id, _ = recorder
    (row,) = measure(portal, {SITE: recorder_id}, [(SITE, "public")])
    assert row.is_as_expected, row.describe()
    assert row.outcome.attempts[-1].path == "relay"


@pytest.mark.parametrize(("place", "path"), [("same_lan", "lan"), ("public", "p2p")])
def test_an_https_page_opens_nothing_without_tls(
    recorder: tuple[Portal, str, Path], place: str, path: str
) -> None:
    """L9: by data channel on the LAN and through the NAT; the forwarded port has no https."""
    portal, recorder_id, folder = recorder
    cameras = portal.ask("GET", f"/api/v1/recorders/{recorder_id}/cameras/")
    with page_on(portal, viewer_machine(SITE, place), folder) as page:
        seen = watch(page, cameras[0]["id"], path)
    assert seen.path == path, seen.report
