"""Local accounts: who may use this recorder without the portal.

Kept in `accounts.json` (mode 600) beside the configuration; passwords as argon2id hashes. Commands
write it while a recorder runs, so it is read again whenever it has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from protocol import private_file

FILE_NAME = "accounts.json"
LOCK_NAME = "accounts.lock"
ADMIN, VIEWER = "admin", "viewer"
ROLES = (ADMIN, VIEWER)
FIRST_NAME = "admin"
MIN_PASSWORD, MAX_PASSWORD = 10, 200
MAX_ACCOUNTS = 64
MAX_FILE_BYTES = 256 * 1024
# No colon: it ends the name in basic authentication (RFC 7617 §2).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
# Read aloud and typed: no look-alikes; 16 of them are 78 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()


class AccountError(Exception):
    """An account cannot be made or changed; the text is for people."""


@dataclass(frozen=True)
class Account:
    """A person of this recorder. `password_hash` is in the PHC string format."""

    name: str
    role: str
    password_hash: str

    def __repr__(self) -> str:
        return f"Account(name={self.name!r}, role={self.role!r})"

    @property
    def version(self) -> str:
        """Changes with password and role: what was given to the account before ends then."""
        return hashlib.sha256(f"{self.role} {self.password_hash}".encode()).hexdigest()[:16]

    @property
    def is_admin(self) -> bool:
        return self.role == ADMIN


class Accounts:
    """The accounts in `folder`. Reading is cheap: the file is read only when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE_NAME
        self._lock = folder / LOCK_NAME
        self._seen: tuple[int, int, int] | None = None
        self._accounts: dict[str, Account] = {}

    def get(self, name: str) -> Account | None:
        """The account called `name`; raises AccountError when the file is damaged."""
        return self.all().get(name)

    def all(self) -> Mapping[str, Account]:
        """By name, in the order of names; raises AccountError when the file is damaged."""
        try:
            state = self._file.stat()
        except FileNotFoundError:
            self._seen, self._accounts = None, {}
            return self._accounts
        seen = (state.st_ino, state.st_mtime_ns, state.st_size)
        if seen != self._seen:
            self._accounts, self._seen = self._read(), seen
        return self._accounts

    def add(self, name: str, role: str, password: str) -> None:
        """Raises AccountError."""
        check_name(name)
        if role not in ROLES:
            raise AccountError(f"a role is {' or '.join(ROLES)}")
        check_password(name, password)
        with self._changing() as accounts:
            if name in accounts:
                raise AccountError(f"{name} is an account already")
            if len(accounts) >= MAX_ACCOUNTS:
                raise AccountError(f"there are {MAX_ACCOUNTS} accounts, no more are kept")
            accounts[name] = Account(name, role, _hasher.hash(password))

    def remove(self, name: str) -> None:
        """Raises AccountError."""
        with self._changing() as accounts:
            _known(accounts, name)
            del accounts[name]

    def set_password(self, name: str, password: str) -> None:
        """Raises AccountError. The account's sessions end."""
        check_password(name, password)
        with self._changing() as accounts:
            role = _known(accounts, name).role
            accounts[name] = Account(name, role, _hasher.hash(password))

    def make_first(self) -> str | None:
        """Makes the first administrator when there was never an account; its password, which is
        kept nowhere in clear. Raises AccountError."""
        if self._file.exists():
            return None
        password = random_password()
        self.add(FIRST_NAME, ADMIN, password)
        return password

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """What is in the dictionary at the end is written; one writer at a time."""
        try:
            handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                accounts = dict(self.all())
                yield accounts
                private_file.replace(self._file, _text(accounts))
            finally:
                os.close(handle)
        except OSError as error:
            raise AccountError(f"{self._file}: cannot be written: {error.strerror}") from None

    def _read(self) -> dict[str, Account]:
        try:
            with self._file.open("rb") as file:
                rows = json.loads(file.read(MAX_FILE_BYTES))["accounts"]
            found = [_account(row) for row in rows]
        except OSError as error:
            raise AccountError(f"{self._file}: cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise AccountError(f"{self._file}: is damaged; remove it and add accounts") from None
        return {account.name: account for account in sorted(found, key=lambda a: a.name)}


def check_name(name: str) -> None:
    """Raises AccountError for a name that no account may have."""
    if not _NAME.fullmatch(name):
        raise AccountError("a name has 1 to 64 letters, digits and . _ @ -")


def check_password(name: str, password: str) -> None:
    """Raises AccountError for a password that is too easily guessed, or cannot be typed."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    if not password.isprintable():
        raise AccountError("a password has no control characters")
    if len(set(password)) < MIN_PASSWORD // 2 or name.lower() in password.lower():
        raise AccountError("this password is too easily guessed")


def random_password() -> str:
    """78 random bits in groups of four."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _known(accounts: Mapping[str, Account], name: str) -> Account:
    if name not in accounts:
        raise AccountError(f"no account is called {name!r}")
    return accounts[name]


def _account(row: dict[str, Any]) -> Account:  # Any: JSON
    if row["role"] not in ROLES:
        raise ValueError("unknown role")
    return Account(str(row["name"]), str(row["role"]), str(row["hash"]))


def _text(accounts: Mapping[str, Account]) -> bytes:
    rows = [
        {"name": account.name, "role": account.role, "hash": account.password_hash}
        for account in accounts.values()
    ]
    return json.dumps({"accounts": rows}, indent=2).encode() + b"\n"
