"""What a newer on-site list, or none any more, means for those who are watching."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from cmr.api.access_changes import Holders
from cmr.local.onsite_list import OnsiteList
from cmr.registration import Registration
from protocol.tokens import TokenError

log = logging.getLogger(__name__)


class Keeper:
    """Keeps the list, and ends or renews what people are watching who may do something else now
    (A6)."""

    def __init__(self, onsite: OnsiteList, holders: Holders, registration: Registration) -> None:
        self._onsite = onsite
        self._holders = holders
        self._registration = registration

    @property
    def version(self) -> str | None:
        return self._onsite.version

    async def keep(self, text: str) -> None:
        try:
            changed = await self._onsite.keep(text)
        except TokenError as error:
            log.warning("on-site list: refused: %s", error)
            return
        bundle = self._onsite.bundle
        log.info("on-site list: %d people", 0 if bundle is None else len(bundle.people))
        self._tell(changed)

    def forget(self) -> None:
        self._tell(self._onsite.forget())

    def note_time(self) -> None:
        self._onsite.note_time()

    def _tell(self, user_ids: Iterable[str]) -> None:
        at = int(self._registration.clock())
        for user_id in user_ids:
            self._holders.tell(user_id, at)
