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
