"""Tells an open incident page that something changed; the page then fetches what it shows."""

from __future__ import annotations

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.access import group_of as person_group
from accounts.sockets import person_of_scope
from incidents.announce import group_of
from incidents.models import Incident

CLOSE_NOT_FOUND = 4404
CHANGED = '{"type": "changed"}'


class IncidentConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """`WS /ws/incidents/<id>/`: sends `{"type": "changed"}`, expects nothing."""

    groups_joined: tuple[str, ...] = ()

    async def connect(self) -> None:
        incident_id = self.scope["url_route"]["kwargs"]["incident_id"]
        self.groups_joined = (group_of(incident_id), person_group(self.scope["user"].pk))
        for group in self.groups_joined:
            await self.channel_layer.group_add(group, self.channel_name)
        if not await self._is_visible():  # after joining: a change in between is told
            await self.close(CLOSE_NOT_FOUND)
            return
        await self.accept()
        await self._tell()  # whatever changed between the page and this moment

    async def disconnect(self, code: int) -> None:
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: Any = None, bytes_data: Any = None, **kwargs: Any) -> None:
        """A page has nothing to say here (Any: Channels' signature)."""

    async def incident_changed(self, message: dict[str, Any]) -> None:
        await self._tell()

    async def access_changed(self, message: dict[str, Any]) -> None:
        if not await self._is_visible():
            await self.close(CLOSE_NOT_FOUND)

    async def _tell(self) -> None:
        await self.send(text_data=CHANGED)

    async def _is_visible(self) -> bool:
        """Rights of this moment: the person is read anew, the connection may be hours old."""
        return bool(await database_sync_to_async(self._read_visibility)())

    def _read_visibility(self) -> bool:
        user = person_of_scope(self.scope)
        if user is None:
            return False
        wanted = self.scope["url_route"]["kwargs"]["incident_id"]
        return Incident.objects.visible_to(user).filter(pk=wanted).exists()
