"""What the log leaves out."""

from __future__ import annotations

import logging
import re

# Links that open something for who has them; Django logs the address of whatever was refused.
_LINKS = re.compile(r"(/invitation/|/account/email/|/accounts/password/reset/key/)[^/\s]+")


class WithoutRefusalTraceback(logging.Filter):
    """A request that was refused (Django logs it as a warning) needs a line, not a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            record.exc_info = None
        return True


class WithoutLinks(logging.Filter):
    """An address in a mail is half a password: the line tells which page it was, not which link."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001  whatever it is, the handler reports it; nobody else hears of it
            return True
        shortened = _LINKS.sub(r"\1…", said)
        if shortened != said:
            record.msg, record.args = shortened, ()
        return True
