"""What must be true of a portal that was restored."""

from __future__ import annotations

from collections.abc import Sequence

from tests.outages.installation import Browser, Installation

CHECKED = """
import contera.celery, django
django.setup()
from django.core.management import call_command
call_command("verify_audit")  # fails when a trail is not as it was written
call_command("rotate_secrets")
call_command("rotate_secrets", "--forget")
"""


def is_as_before(portal: Installation, signed_in: Browser, groups: Sequence[str]) -> None:
    """It runs; `signed_in` has the cookies of before."""
    found = portal.api("groups/?limit=500")  # the token of before
    assert found.status == 200, found.text
    assert set(groups) <= {group["name"] for group in found.json["results"]}
    assert signed_in.get("/recorders/").status == 200
    assert Browser(portal).sign_in().status == 302
    assert " 0 secrets" not in f" {portal.run(CHECKED).splitlines()[-1]}"
