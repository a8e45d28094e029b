"""What the log leaves out."""

from __future__ import annotations

import logging


class WithoutRefusalTraceback(logging.Filter):
    """A request that was refused (Django logs it as a warning) needs a line, not a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            record.exc_info = None
        return True
