"""A person of one organisation is in no group of another: a rule of the database (A1)."""

from __future__ import annotations

from accounts.database_rules import fixed, new_and_changed

WORDS = "that is of another organisation"

_STRANGE_MEMBER = """
    NOT EXISTS (SELECT 1 FROM accounts_group own
                JOIN accounts_membership member ON member.organisation_id = own.organisation_id
                WHERE own.id = NEW.group_id AND member.id = NEW.membership_id)
"""

RULES = [
    *new_and_changed("group_member", "accounts_group_memberships", _STRANGE_MEMBER, WORDS),
    fixed("accounts_group", "organisation_id", "a group stays in its organisation"),
    fixed("accounts_membership", "organisation_id", "a membership is of one organisation"),
    fixed("accounts_membership", "user_id", "a membership is of one person"),
]
