"""Sends whitelist mails in worker processes that are killed (SIGKILL) at marked points; see
test_killed_mailer. A program of its own: it forks, which a test process with threads must not do.
Prints one JSON object: point → state of the mail, its id, and how the first worker ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any


def kill_myself(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def points() -> dict[str, tuple[object, str]]:
    """The function that the worker does not live to call."""
    from django.core.mail import EmailMultiAlternatives

    from recorders.services import whitelist_mails

    return {
        "woken, not claimed": (whitelist_mails, "_claim"),
        "claimed, not checked": (whitelist_mails, "_check_still_allowed"),
        "claimed, not written": (whitelist_mails, "compose"),
        "written, not sent": (EmailMultiAlternatives, "send"),
        "sent, not noted": (whitelist_mails, "_finish"),
    }


def in_a_process(work: Callable[[], None]) -> int:
    """Signal that ended it, or 0."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def try_point(where: tuple[object, str], make_mail: Callable[[], Any]) -> dict[str, Any]:
    from django.utils import timezone

    from recorders.leases import LEASE
    from recorders.models import WhitelistMail
    from recorders.services.whitelist_mails import _due, send

    mail = make_mail()

    def dying() -> None:
        setattr(*where, kill_myself)
        send(mail.pk, timezone.now())

    ended_by = in_a_process(dying)
    later = timezone.now() + LEASE + timedelta(seconds=1)
    is_due = _due(later).filter(pk=mail.pk).exists()
    for _ in range(2):  # the same message once more: no second effect
        in_a_process(lambda: send(mail.pk, later))
    state = WhitelistMail.objects.get(pk=mail.pk).state
    return {"ended_by": ended_by, "was_due": is_due, "state": state, "id": str(mail.pk)}


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from recorders.models import WhitelistMail
    from tests.conftest import _join, _organisation, _reordered, make_recorder

    call_command("migrate", verbosity=0)
    owner = _join(*_reordered(_organisation("Harbour"), "owner@harbour.test"))
    recorder = make_recorder(owner.memberships.get().organisation, "Gate")

    def make_mail() -> Any:
        return WhitelistMail.objects.create(
            recorder=recorder, requested_by=owner, recipient="it@harbour.test"
        )

    found = {name: try_point(where, make_mail) for name, where in points().items()}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
