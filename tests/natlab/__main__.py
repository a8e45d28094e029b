"""`make natlab`: every pair of sites, its path and its times, into docs/connection.md."""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from demo.scenes import make_scenes
from tests.natlab.catalogue import CUSTOMER_SITES, VIEWER_SITES, expected_paths
from tests.natlab.measure import measure
from tests.natlab.namespaces import LaboratoryError, standing
from tests.natlab.portal import ROOT, Portal, portal_running
from tests.natlab.recorders import sites_running
from tests.natlab.table import keep, markdown, plain
from tests.natlab.topology import build
from tests.services.process import ServiceError
from tests.services.rtsp import SCENES

PAGE = ROOT / "docs/connection.md"


@contextlib.contextmanager
def whole_laboratory(folder: Path) -> Iterator[tuple[Portal, Mapping[str, str]]]:
    """Every site with its programs; gives the portal, and the recorders' ids by site."""
    make_scenes(SCENES, lambda part: None)
    sites = list(CUSTOMER_SITES.values())
    with (
        standing(build([*sites, *VIEWER_SITES.values()])) as lab,
        portal_running(lab, folder) as portal,
        sites_running(portal, sites, folder, SCENES) as recorders,
    ):
        yield portal, recorders


def main() -> int:
    """The exit code: 1 when a pair did not end on the path that was expected."""
    logging.getLogger("aioice").setLevel(logging.ERROR)
    began = time.monotonic()
    print("Building the sites and starting the programs", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="natlab-") as folder,
        whole_laboratory(Path(folder)) as (portal, recorders),
    ):
        print(f"Measuring {len(expected_paths())} pairs", flush=True)
        rows = measure(portal, recorders, expected_paths())
    print(plain(rows))
    keep(PAGE, markdown(rows))
    wrong = [row for row in rows if not row.is_as_expected]
    print(f"{len(rows) - len(wrong)} of {len(rows)} pairs as expected, in", end=" ")
    print(f"{time.monotonic() - began:.0f} s; the table is in {PAGE.relative_to(ROOT)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (LaboratoryError, ServiceError) as error:
        sys.exit(f"contera: {error}")
