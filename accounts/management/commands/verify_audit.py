"""`manage.py verify_audit`: is every audit trail as it was written?

Exit codes: 0 in order, 1 a trail is not, 2 what was asked for is wrong.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit_check import Verdict, check_trail
from accounts.audit_seals import BadSeal, Seal, read_seal
from accounts.models import Organisation


class Command(BaseCommand):
    help = "Checks the chain of every audit trail; names the first line that is not as written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", metavar="HANDLE", help="this one alone")
        parser.add_argument(
            "--seal", action="append", default=[], type=Path, help="a seal kept elsewhere (file)"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        seals = [_read(path) for path in options["seal"]]
        organisations = _chosen(options["organisation"], seals)
        verdicts = [(one, check_trail(one, _sealed(one, seals))) for one in organisations]
        for organisation, verdict in verdicts:
            self.stdout.write(f"{organisation} ({organisation.handle}): {_words(verdict)}")
            self._tell_old_seals(organisation, verdict, seals)
        bad = sum(verdict.fault is not None for _, verdict in verdicts)
        if bad:
            raise CommandError(f"{bad} of {len(verdicts)} audit trails are not in order")

    def _tell_old_seals(
        self, organisation: Organisation, verdict: Verdict, seals: list[Seal]
    ) -> None:
        for seal in seals:
            if seal.organisation_id == organisation.pk and seal.number < verdict.first - 1:
                self.stdout.write(
                    f"  the seal of {seal.sealed_at} says nothing any more: retention took "
                    f"line {seal.number} away"
                )


def _words(verdict: Verdict) -> str:
    if verdict.fault is not None:
        return f"NOT IN ORDER, {verdict.fault}"
    if verdict.last < verdict.first:
        return "in order, no lines"
    return f"in order, lines {verdict.first} to {verdict.last}"


def _read(path: Path) -> Seal:
    try:
        return read_seal(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None
    except BadSeal as error:
        raise CommandError(f"{path}: {error}", returncode=2) from None


def _chosen(handle: str | None, seals: list[Seal]) -> list[Organisation]:
    """That organisation, else those that the seals are of, else all."""
    organisations = Organisation.objects.order_by("name")
    if handle is not None:
        organisations = organisations.filter(handle=handle)
    elif seals:
        organisations = organisations.filter(pk__in=[seal.organisation_id for seal in seals])
    found = list(organisations)
    if not found and (handle is not None or seals):
        raise CommandError("there is no such organisation here", returncode=2)
    return found


def _sealed(organisation: Organisation, seals: list[Seal]) -> dict[int, str]:
    return {seal.number: seal.hash for seal in seals if seal.organisation_id == organisation.pk}
