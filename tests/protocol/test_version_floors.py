"""Libraries with known holes are named when a program starts."""

import pytest

from protocol.version_floors import FLOORS, outdated


def test_what_is_installed_here_is_above_every_floor():
    assert outdated() == []


@pytest.mark.parametrize("floor", FLOORS, ids=str)
def test_a_version_below_its_floor_is_named_with_its_advisory(floor):
    below = {floor.package: "0.9"}
    named = [str(found) for found in outdated(below.get)]
    assert any(floor.advisory in words and "0.9" in words for words in named)


@pytest.mark.parametrize(
    ("installed", "is_named"),
    [("5.2.9", True), ("5.2.14", False), ("5.2.14.post1", False), ("6.0rc1", False), ("odd", True)],
)
def test_versions_are_compared_by_their_numbers(installed, is_named):
    assert bool(outdated({"Django": installed}.get)) is is_named
