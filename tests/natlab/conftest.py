"""The laboratory needs root. Without it its tests are skipped, which is a failure under CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.natlab.namespaces import LaboratoryError, require_root

TIMEOUT_S = 240  # with the start of all programs, which a first test waits for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
            if reason := _why_not():
                item.add_marker(pytest.mark.skip(reason=reason))


def _why_not() -> str | None:
    try:
        require_root()
    except LaboratoryError as error:
        return str(error)
    return None
