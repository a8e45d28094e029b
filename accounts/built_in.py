"""The groups that every organisation has. What Managers and Viewers may do is written in
`recorders.grants`; nobody can edit, rename or delete them."""

from __future__ import annotations

from accounts.models import Group, Organisation

NAMES = {
    Group.BuiltIn.ADMINISTRATORS: "Administrators",
    Group.BuiltIn.MANAGERS: "Managers",
    Group.BuiltIn.VIEWERS: "Viewers",
}


def make_built_in_groups(organisation: Organisation) -> Group:
    """Of a new organisation; its Administrators."""
    made = [
        Group.objects.create(organisation=organisation, name=name, built_in=kind)
        for kind, name in NAMES.items()
    ]
    return made[0]
