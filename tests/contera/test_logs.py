"""D2: a link that opens something is not in the log."""

import logging

import pytest

from contera.logs import WithoutLinks


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/invitation/aW52aXRl:1x:y/", "/invitation/…/"),
        ("/account/email/token/", "/account/email/…/"),
        ("/accounts/password/reset/key/1a-set-b/?x=1", "/accounts/password/reset/key/…/?x=1"),
        ("/invitation/", "/invitation/"),
        ("/recorders/1/", "/recorders/1/"),
    ],
)
def test_the_log_tells_which_page_and_not_which_link(address, shown):
    record = logging.LogRecord("x", 30, "", 0, "%s: %s", ("Not Found", address), None)
    assert WithoutLinks().filter(record)
    assert record.getMessage() == f"Not Found: {shown}"


def test_a_log_call_that_is_wrong_breaks_nothing_else(capsys):
    """The handler reports it, as without us."""
    handler = logging.StreamHandler()
    handler.addFilter(WithoutLinks())
    record = logging.LogRecord("x", 30, "", 0, "%d recorders", ("many",), None)
    handler.handle(record)
    assert "Logging error" in capsys.readouterr().err
