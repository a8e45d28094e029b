"""Rules that the database itself keeps, whatever writes to it: as triggers of both databases.

They are taken away before migrations and set up after them: SQLite makes tables anew to change
them, and can do that to no table that a trigger of another one reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate


@dataclass(frozen=True)
class Rule:
    """A row must not become what `refused_when` says, SQL over NEW (and OLD of an update)."""

    name: str
    table: str
    event: str  # INSERT, UPDATE
    refused_when: str
    words: str


def new_and_changed(name: str, table: str, refused_when: str, words: str) -> list[Rule]:
    """For rows that are new, and that are changed."""
    events = ("INSERT", "UPDATE")
    return [Rule(f"{name}_{event.lower()}", table, event, refused_when, words) for event in events]


def fixed(table: str, column: str, words: str) -> Rule:
    """The column keeps what it holds."""
    changes = f"NEW.{column} <> OLD.{column}"
    return Rule(f"{table}_{column}_fixed", table, "UPDATE", changes, words)


def keep(app: AppConfig, rules: Sequence[Rule]) -> None:
    """Called once, when the app is ready."""

    def take_away(using: str, **kwargs: Any) -> None:  # Any: Django's signal
        here = _names(connections[using])
        _run(connections[using], [rule for rule in rules if rule.name in here], _drop)

    def set_up(using: str, **kwargs: Any) -> None:
        here = _names(connections[using])
        _run(connections[using], [rule for rule in rules if rule.name not in here], _create)

    uid = f"{app.label}.database_rules"
    pre_migrate.connect(take_away, sender=app, weak=False, dispatch_uid=uid)
    post_migrate.connect(set_up, sender=app, weak=False, dispatch_uid=uid)


_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def _names(connection: BaseDatabaseWrapper) -> set[str]:
    """Of the rules that the database keeps now."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES[connection.vendor])
        return {name for (name,) in cursor.fetchall()}


def _run(
    connection: BaseDatabaseWrapper,
    rules: Sequence[Rule],
    statements: Callable[[Rule, str], list[str]],
) -> None:
    tables = set(connection.introspection.table_names()) if rules else set()
    with connection.cursor() as cursor:
        for rule in rules:
            if rule.table in tables:  # not yet, when migrations stop before it
                for statement in statements(rule, connection.vendor):
                    cursor.execute(statement)


def _drop(rule: Rule, vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {rule.name}"]
    return [
        f"DROP TRIGGER IF EXISTS {rule.name} ON {rule.table}",
        f"DROP FUNCTION IF EXISTS {rule.name}()",
    ]


def _create(rule: Rule, vendor: str) -> list[str]:
    head = f"CREATE TRIGGER {rule.name} BEFORE {rule.event} ON {rule.table} FOR EACH ROW"
    if vendor == "sqlite":
        refuse = f"SELECT RAISE(ABORT, '{rule.words}')"
        return [f"{head} WHEN {rule.refused_when} BEGIN {refuse}; END"]
    refuse = f"RAISE EXCEPTION '{rule.words}' USING ERRCODE = 'check_violation'"
    body = f"BEGIN IF {rule.refused_when} THEN {refuse}; END IF; RETURN NEW; END"
    return [
        f"CREATE FUNCTION {rule.name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        f"{head} EXECUTE FUNCTION {rule.name}()",
    ]
