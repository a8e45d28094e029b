"""Relay passes, checked once per text."""

from __future__ import annotations

from collections.abc import Callable

from protocol.tokens import KeyRing, RelayPass, verify_relay_pass
from streaming.relay.limits import MAX_LINKS


class PassReader:
    """Checks relay passes; a signature that was checked once is not computed again.

    This is no cache of decisions: expiry is compared each time, and new keys begin anew.
    """

    def __init__(self, keys: Callable[[], KeyRing]) -> None:
        self._keys = keys
        self._checked_with: KeyRing | None = None
        self._known: dict[str, tuple[str, RelayPass]] = {}  # recorder id → text, content
        self._by_text: dict[str, str] = {}

    def read(self, token: str, now: int) -> RelayPass:
        keys = self._keys()
        if keys is not self._checked_with:
            self._checked_with = keys
            self._known.clear()
            self._by_text.clear()
        recorder_id = self._by_text.get(token)
        if recorder_id is not None and self._known[recorder_id][1].expires_at > now:
            return self._known[recorder_id][1]
        checked = verify_relay_pass(keys, token, now)
        self._remember(token, checked)
        return checked

    def _remember(self, token: str, checked: RelayPass) -> None:
        """One pass per recorder, so that renewals do not pile up."""
        old = self._known.get(checked.recorder_id)
        if old is not None:
            self._by_text.pop(old[0], None)
        elif len(self._known) >= MAX_LINKS:
            return
        self._known[checked.recorder_id] = (token, checked)
        self._by_text[token] = checked.recorder_id
