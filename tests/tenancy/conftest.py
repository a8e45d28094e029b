"""The cast of the walks: one thing of each kind, and clients that keep their session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.one_of_each import one_of_each


@pytest.fixture
def things(owner, viewer, viewers, recorder, cameras) -> dict[str, Any]:
    """Of the owner's organisation, by the names of the arguments that addresses have."""
    return one_of_each(owner, viewer, viewers, recorder)
