import pytest


def pytest_collection_modifyitems(items):
    """They start the real programs, which takes its time on a machine that does other things."""
    for item in items:
        if "tests/outages/" in str(item.path):
            item.add_marker(pytest.mark.timeout(240))
