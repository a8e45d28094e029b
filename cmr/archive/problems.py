"""What is wrong with the storage now."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)


class Problems:
    """Sentences by subject; logged when they begin and when they are over. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sentences: dict[str, str] = {}

    def begin(self, subject: str, sentence: str) -> None:
        """This is wrong, from now on."""
        with self._lock:
            is_new = subject not in self._sentences
            self._sentences[subject] = sentence
        if is_new:
            log.error("%s", sentence)

    def end(self, subject: str) -> None:
        """The subject is well (again)."""
        with self._lock:
            sentence = self._sentences.pop(subject, None)
        if sentence is not None:
            log.info("over: %s", sentence)

    def sentences(self) -> list[str]:
        """What is wrong now."""
        with self._lock:
            return list(self._sentences.values())
