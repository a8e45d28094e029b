"""`cmr account …`: local accounts on the command line. Passwords are never arguments."""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from pathlib import Path

from cmr.config import load_config
from cmr.local.accounts import FIRST_NAME, ROLES, VIEWER, AccountError, Accounts, random_password

log = logging.getLogger(__name__)

_NO_ACCOUNT = "there is no account; add one: python -m cmr account add NAME --role admin"
_TYPING = "The password is asked for, or read from the first line of the standard input."


def add_account_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """`account add | remove | list | password`."""
    account = commands.add_parser("account", help="people of this recorder's own page")
    actions = account.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make an account", description=_TYPING)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, default=VIEWER, help="default: %(default)s")
    add.add_argument("--random", action="store_true", help="make up a password and print it")
    add.set_defaults(command=_add)
    password = actions.add_parser("password", help="set a password", description=_TYPING)
    password.add_argument("name", metavar="NAME")
    password.add_argument("--random", action="store_true", help="make one up and print it")
    password.set_defaults(command=_password)
    remove = actions.add_parser("remove", help="remove an account; its video ends within a minute")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(command=_remove)
    actions.add_parser("list", help="show the accounts").set_defaults(command=_list)


def make_first_account(folder: Path) -> None:
    """The administrator of a first run, shown to the person at the terminal. Without a terminal
    nothing is made, as what is printed would be kept in a log, which says how to make one. Raises
    AccountError."""
    if not sys.stdout.isatty():
        if not Accounts(folder).all():
            log.warning("its own page: %s", _NO_ACCOUNT)
        return
    password = Accounts(folder).make_first()
    if password is not None:
        _say(
            "This recorder's own page has an account now. It is shown this once:\n"
            f"  name      {FIRST_NAME}\n  password  {password}\n"
            f"Change the password: python -m cmr account password {FIRST_NAME}"
        )


def _add(options: argparse.Namespace) -> int:
    password = random_password() if options.random else _typed()
    _accounts(options).add(options.name, options.role, password)
    _say(f"Added {options.name} as {options.role}." + _shown(options, password))
    return 0


def _password(options: argparse.Namespace) -> int:
    password = random_password() if options.random else _typed()
    _accounts(options).set_password(options.name, password)
    _say(f"{options.name} has a new password and is signed out." + _shown(options, password))
    return 0


def _remove(options: argparse.Namespace) -> int:
    _accounts(options).remove(options.name)
    _say(f"Removed {options.name}.")
    return 0


def _list(options: argparse.Namespace) -> int:
    accounts = _accounts(options).all()
    rows = [f"{account.name:24}{account.role}" for account in accounts.values()]
    _say("\n".join(rows) or _NO_ACCOUNT)
    return 0


def _accounts(options: argparse.Namespace) -> Accounts:
    return Accounts(load_config(options.config).folder)


def _shown(options: argparse.Namespace, password: str) -> str:
    return f" The password, shown this once: {password}" if options.random else ""


def _typed() -> str:
    """A password from the keyboard, twice, or from a pipe; raises AccountError."""
    if not sys.stdin.isatty():
        return sys.stdin.readline(1000).rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise AccountError("the passwords are not the same")
    return password


def _say(text: str) -> None:
    print(text)  # noqa: T201  a command talks to a person
