"""What the database itself refuses: to change the audit trail, or to take away other lines than the
oldest (SQL of both databases; installed by a migration).

SQLite forgets triggers when a migration makes their table anew: one that changes `AuditEntry` or
`AuditHead` calls `remove` first and `install` last.
"""

from __future__ import annotations

from typing import Any

_REFUSED = "the audit trail is append-only"

# A new line follows the newest one.
_FOLLOWS = """
    EXISTS (SELECT 1 FROM accounts_auditentry before
            WHERE before.organisation_id = NEW.organisation_id
              AND before.number = NEW.number - 1 AND before.hash = NEW.previous)
    OR EXISTS (SELECT 1 FROM accounts_audithead head
               WHERE head.organisation_id = NEW.organisation_id
                 AND head.number = NEW.number - 1 AND head.hash = NEW.previous)
"""
# Retention moves `kept_from` first, and what is older may go then.
_IS_OLD = """
    EXISTS (SELECT 1 FROM accounts_audithead head
            WHERE head.organisation_id = OLD.organisation_id AND head.kept_from > OLD.number)
"""
# The head goes forward only, to a line that is there.
_GOES_ON = """
    NEW.organisation_id = OLD.organisation_id
    AND NEW.kept_from >= OLD.kept_from AND NEW.kept_from <= NEW.number + 1
    AND (NEW.kept_from > OLD.kept_from OR NEW.kept_after = OLD.kept_after)
    AND ((NEW.number = OLD.number AND NEW.hash = OLD.hash)
         OR (NEW.number > OLD.number
             AND EXISTS (SELECT 1 FROM accounts_auditentry line
                         WHERE line.organisation_id = NEW.organisation_id
                           AND line.number = NEW.number AND line.hash = NEW.hash)))
"""
_IS_NEW = "NEW.number = 0 AND NEW.hash = '' AND NEW.kept_from = 1 AND NEW.kept_after = ''"

# name, table, what is done, condition under which it is refused
_RULES = (
    ("audit_line_insert", "accounts_auditentry", "INSERT", f"NOT ({_FOLLOWS})"),
    ("audit_line_update", "accounts_auditentry", "UPDATE", ""),
    ("audit_line_delete", "accounts_auditentry", "DELETE", f"NOT ({_IS_OLD})"),
    ("audit_head_insert", "accounts_audithead", "INSERT", f"NOT ({_IS_NEW})"),
    ("audit_head_update", "accounts_audithead", "UPDATE", f"NOT ({_GOES_ON})"),
    ("audit_head_delete", "accounts_audithead", "DELETE", ""),
)
TABLES = ("accounts_auditentry", "accounts_audithead")


def install(vendor: str) -> list[str]:
    """The statements that set the rules up in a database of this vendor."""
    if vendor == "sqlite":
        return [_sqlite_rule(*rule) for rule in _RULES]
    rules = [statement for rule in _RULES for statement in _postgres_rule(*rule)]
    return [*rules, *(_truncate_rule(table) for table in TABLES)]


def remove(vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {name}" for name, *_ in _RULES]
    names = [(name, table) for name, table, *_ in _RULES]
    names += [(f"{table}_truncate", table) for table in TABLES]
    dropped = [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, table in names]
    return [*dropped, *(f"DROP FUNCTION IF EXISTS {name}()" for name, *_ in _RULES)]


def run_install(apps: Any, schema_editor: Any) -> None:  # Django's own, of a migration
    _run(schema_editor, install(schema_editor.connection.vendor))


def run_remove(apps: Any, schema_editor: Any) -> None:
    _run(schema_editor, remove(schema_editor.connection.vendor))


def _run(schema_editor: Any, statements: list[str]) -> None:
    for statement in statements:
        schema_editor.execute(statement, params=None)


def _sqlite_rule(name: str, table: str, event: str, condition: str) -> str:
    when = f"WHEN {condition}" if condition else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {when} "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
    )


def _postgres_rule(name: str, table: str, event: str, condition: str) -> list[str]:
    goes_on = "RETURN OLD" if event == "DELETE" else "RETURN NEW"
    body = (
        f"BEGIN IF {condition or 'TRUE'} THEN "
        f"RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'check_violation'; END IF; {goes_on}; END"
    )
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$",
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def _truncate_rule(table: str) -> str:
    return (
        f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION audit_line_update()"
    )
