"""Install a locked list of requirements with pip and show how far it is.

`python demo/install.py requirements.txt "requirements"`. Uses nothing but the standard library: it
runs before anything is installed.
"""

import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

LAST_LINES = 15
PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
COLLECTING = re.compile(r"(?:Collecting|Requirement already satisfied:) (\S+?)(?:[=<>;\[ ]|$)")


def show(text: str, *, is_last: bool = False) -> None:
    """One line that is overwritten on a terminal; elsewhere only the last one is written."""
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="\n" if is_last else "", flush=True)
    elif is_last:
        print(text, flush=True)


def count(path: Path) -> int:
    return len(re.findall(r"^[A-Za-z0-9][^\s=]*==", path.read_text(), re.MULTILINE))


def install(path: Path, what: str) -> int:
    """Run pip. Returns its exit status; when it fails, the end of what it said is shown."""
    total, seen = count(path), set[str]()
    said = deque[str](maxlen=LAST_LINES)
    started = time.monotonic()
    if not sys.stdout.isatty():
        print(f"Installing the {what} ({total} packages)", flush=True)
    command = [*PIP, "--require-hashes", "-r", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            said.append(line.rstrip())
            match = COLLECTING.match(line)
            if match:
                seen.add(match[1])
                show(f"Installing the {what}: {min(len(seen), total)} of {total}, {match[1]}")
            elif line.startswith("Installing collected packages"):
                show(f"Installing the {what}: unpacking")
    if pip.returncode:
        print("\n".join(["", *said]), file=sys.stderr)
    else:
        seconds = time.monotonic() - started
        show(f"Installed the {what} in {seconds:.0f} s", is_last=True)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1]), sys.argv[2]))
