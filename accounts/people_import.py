"""Tables of people: written, compared with what is there, taken over as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import services
from accounts.audit import Actor, record
from accounts.emails import validate_email
from accounts.errors import NotPossible
from accounts.forms.people import USERNAME
from accounts.models import Membership, Organisation
from accounts.names import validate_name
from accounts.people_csv import Row
from accounts.people_plan import Kind, Known, Step, plan

State = Membership.State


def table_of(memberships: Iterable[Membership]) -> Iterator[Row]:
    """People as rows; `groups` are to be prefetched."""
    for membership in memberships:
        names = tuple(sorted(group.name for group in membership.groups.all()))
        yield Row(0, membership.user.login, membership.name, names, membership.state)


def dry_run(organisation: Organisation, rows: Sequence[Row]) -> list[Step]:
    """What the table would change now."""
    people = _people(organisation)
    known = {
        login: Known(m.name, frozenset(g.name for g in m.groups.all()), m.state)
        for login, m in people.items()
    }
    groups = list(organisation.groups.values_list("name", flat=True))
    faults = {row.line: fault for row in rows if (fault := _fault(organisation, row, known))}
    return plan(rows, known, groups, faults)


@transaction.atomic
def take_over(organisation: Organisation, rows: Sequence[Row], actor: Actor) -> list[Step]:
    """Does it, everything or nothing; raises NotPossible naming the line."""
    steps = dry_run(organisation, rows)
    groups = {group.name: group for group in organisation.groups.all()}
    people = _people(organisation)
    counts = {kind.value: sum(step.kind is kind for step in steps) for kind in Kind}
    if refused := next((step for step in steps if step.kind is Kind.REFUSED), None):
        raise NotPossible("bad_line", f"Line {refused.line}: {refused.words[0]}")
    for step in steps:
        try:
            wanted = [groups[name] for name in step.groups]
            if step.kind is Kind.INVITE:
                services.add_person(organisation, step.login, step.name, wanted, actor)
            elif step.kind is Kind.CHANGE:
                _change(people[step.login], step, wanted, actor)
        except NotPossible as error:
            raise NotPossible(error.code, f"Line {step.line}: {error.message}") from None
    record(organisation, actor, "people.imported", organisation, **counts)
    return steps


def _change(membership: Membership, step: Step, groups: list[object], actor: Actor) -> None:
    services.rename_person(membership, step.name, actor)
    services.set_groups(membership, groups, actor)  # type: ignore[arg-type]  # groups of the dict
    services.set_state(membership, step.state, actor)


def _people(organisation: Organisation) -> dict[str, Membership]:
    found = Membership.objects.people().filter(organisation=organisation)
    rows = found.select_related("user", "organisation").prefetch_related("groups")
    return {membership.user.login: membership for membership in rows}


def _fault(organisation: Organisation, row: Row, known: dict[str, Known]) -> str:
    """Why nobody can be called or sign in so."""
    try:
        if row.name:
            validate_name(row.name)
        if len(row.name) > 100:
            return "The name is longer than 100 characters."
        if row.login and row.login not in known:
            _validate_login(organisation, row.login)
    except ValidationError as error:
        return str(error.messages[0])
    return ""


def _validate_login(organisation: Organisation, login: str) -> None:
    name, at, handle = login.partition("@")
    if at and handle == organisation.handle:
        if not USERNAME.fullmatch(name):
            raise ValidationError("This is no user name: use letters a-z, digits, dots, hyphens.")
        return
    validate_email(login)
