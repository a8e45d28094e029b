"""What the demo says to the person at the terminal: few lines, each a fact."""

import sys
from collections.abc import Iterable

from demo.folder import Account

LABEL_WIDTH = 12


class Terminal:
    """Writes lines; the one that shows progress is overwritten where a terminal can do that."""

    def __init__(self) -> None:
        self.is_interactive = sys.stdout.isatty()
        self.shown_percent = -1

    def say(self, text: str = "") -> None:
        print(f"\r\033[K{text}" if self.is_interactive else text, flush=True)

    def fail(self, text: str) -> None:
        """Why it cannot go on."""
        self.say()
        print(f"contera: {text}", file=sys.stderr, flush=True)

    def done(self, label: str, fact: str) -> None:
        """A step is done."""
        self.say(f"  {label:{LABEL_WIDTH}}{fact}")

    def doing(self, label: str, fact: str) -> None:
        """A step is under way; its line is overwritten by what comes next."""
        if self.is_interactive:
            print(f"\r\033[K  {label:{LABEL_WIDTH}}{fact} …", end="", flush=True)

    def progress(self, label: str, fact: str, part: float) -> None:
        """How much of a long step is done, 0 to 1. Without a terminal: a line each quarter."""
        percent = int(part * 100)
        if self.is_interactive:
            self.doing(label, f"{fact}, {percent} %")
        elif percent // 25 > self.shown_percent // 25:
            self.shown_percent = percent
            self.say(f"  {label:{LABEL_WIDTH}}{fact}, {percent} %")

    def quote(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.say(f"    | {line}")

    def welcome(
        self,
        url: str,
        people: Iterable[tuple[Account, str]],
        recorder: tuple[str, Account],
        folder: str,
    ) -> None:
        """`recorder` is the address of the recorder's own page and its account."""
        self.say()
        self.say(f"  Open        {url}")
        for account, what in people:
            self.say(f"  {account.email:24}{account.password:22}{what}")
        page, local = recorder
        self.say(f"  Recorder    {page}, its own page, without the portal")
        self.say(f"  {local.email:24}{local.password:22}of the recorder alone")
        self.say(f"  Files       {folder} (log/ has what the programs say)")
        self.say()
        self.say("Contera is ready")
        self.say("Press Ctrl-C to stop it.")
