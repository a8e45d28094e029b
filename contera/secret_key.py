"""The installation's secret: random, made on first use, kept in a file only its owner reads."""

from __future__ import annotations

import secrets
from pathlib import Path

from protocol import private_file


def load_or_create(path: Path) -> str:
    if not path.exists():
        private_file.create_once(path, secrets.token_urlsafe(64).encode())
    return path.read_text().strip()
