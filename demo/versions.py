"""What was prepared before need not be prepared again: fingerprints of what it was made from."""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def static_version() -> str:
    """Changes with the files that `collectstatic` gathers: ours, and those of the packages."""
    return _version(_facts((ROOT / "static").rglob("*")))


def database_version(database: str, people: str, recorder_id: str) -> str:
    """Changes with the migrations, the packages, the people, and every month for the API token."""
    month = time.strftime("%Y-%m")
    files = [*ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/management/commands/seed_demo.py")]
    return _version([database, people, recorder_id, month, *_facts(files)])


def _version(facts: Iterable[str]) -> str:
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for fact in facts:
        digest.update(fact.encode() + b"\n")
    return digest.hexdigest()


def _facts(files: Iterable[Path]) -> list[str]:
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in sorted(files)]


def inode(path: Path) -> str:
    return str(path.stat().st_ino) if path.exists() else "none"
