"""The relay's cast: everything here runs without Django."""

from __future__ import annotations

import pytest

from streaming.relay.hub import Hub
from tests.relay.cast import KEYS, FakeClock, Site


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def hub(clock: FakeClock) -> Hub:
    return Hub(lambda: KEYS, clock())


@pytest.fixture
async def site(hub: Hub) -> Site:
    site = Site(hub)
    site.poll()
    site.poll()
    return site
