"""Where the client is signed in: `cli.json` (mode 600) with portal and token."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from contera_cli.errors import CommandFailed
from protocol import private_file


@dataclass(frozen=True)
class Account:
    portal: str
    token: str


def account_file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "contera" / "cli.json"


def load() -> Account:
    """The token may also come from CONTERA_PORTAL and CONTERA_TOKEN, for scripts."""
    portal, token = os.environ.get("CONTERA_PORTAL"), os.environ.get("CONTERA_TOKEN")
    if portal and token:
        return Account(portal.rstrip("/"), token)
    try:
        return Account(**json.loads(account_file().read_text()))
    except FileNotFoundError:
        raise CommandFailed("Sign in first: contera_cli login https://portal.example") from None
    except (OSError, ValueError, TypeError):
        raise CommandFailed(f"{account_file()} cannot be read: sign in again.") from None


def save(account: Account) -> None:
    private_file.replace(account_file(), json.dumps(asdict(account)).encode() + b"\n")


def forget() -> None:
    account_file().unlink(missing_ok=True)
