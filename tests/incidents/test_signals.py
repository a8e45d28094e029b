"""What wakes workers and pages."""

from __future__ import annotations

import json

import pytest
from asgiref.testing import ApplicationCommunicator
from celery import Celery
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from accounts.models import Membership
from incidents import tasks
from incidents.announce import announce
from incidents.models import Export
from incidents.routing import websocket_urlpatterns

pytestmark = pytest.mark.django_db(transaction=True)


class Socket(ApplicationCommunicator):
    """A browser's end."""

    def __init__(self, user, incident_id) -> None:
        path = f"/incidents/{incident_id}/"
        scope = {"type": "websocket", "path": path, "headers": [], "subprotocols": []}
        super().__init__(
            URLRouter(websocket_urlpatterns), {**scope, "user": user, "session": SessionStore()}
        )

    async def connect(self) -> dict:
        await self.send_input({"type": "websocket.connect"})
        return await self.receive_output(10)

    async def message(self) -> dict:
        return json.loads((await self.receive_output(10))["text"])

    async def close(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(10)


async def test_a_page_is_told_that_something_changed(owner, incident) -> None:
    socket = Socket(owner, incident.pk)
    assert (await socket.connect())["type"] == "websocket.accept"
    assert await socket.message() == {"type": "changed"}
    await database_sync_to_async(announce)(incident.pk)
    assert await socket.message() == {"type": "changed"}
    await socket.send_input({"type": "websocket.receive", "text": "anything" * 1000})
    assert await socket.receive_nothing()
    await socket.close()


@pytest.mark.parametrize("who", ["viewer", "stranger", "nobody"])
async def test_others_are_refused(request, incident, who, viewer, stranger) -> None:
    user = {"viewer": viewer, "stranger": stranger, "nobody": AnonymousUser()}[who]
    answer = await Socket(user, incident.pk).connect()
    assert (answer["type"], answer["code"]) == ("websocket.close", 4404)


async def test_a_withdrawn_right_closes_the_socket(owner, incident) -> None:
    """A6"""
    from channels.layers import get_channel_layer

    from accounts.access import group_of

    socket = Socket(owner, incident.pk)
    await socket.connect()
    await socket.message()
    await database_sync_to_async(Membership.objects.filter(user=owner).delete)()
    await get_channel_layer().group_send(group_of(owner.pk), {"type": "access.changed"})
    assert (await socket.receive_output(10))["code"] == 4404
    await socket.close()


@pytest.fixture
def sent(monkeypatch) -> list:
    """Messages to the broker, which a flushed Redis has lost before."""
    messages: list = []

    def note(task, *args, expires_s=None) -> None:
        messages.append((task.name.rpartition(".")[2], *args))

    monkeypatch.setattr(tasks, "send", note)
    return messages


def test_the_beat_queues_what_a_flushed_redis_forgot(export, videos, sent) -> None:
    """J2"""
    tasks.wake_exports()
    assert sent == [("run_export", str(export.pk))]
    sent.clear()
    tasks.run_export(str(export.pk))
    assert sent == [("send_export_mail", str(export.pk))]
    tasks.send_export_mail(str(export.pk))
    sent.clear()
    tasks.wake_exports()
    assert sent == []


def test_without_a_broker_nothing_is_lost(export) -> None:
    """D2: the request goes through, the row is queued, the beat will find it."""
    away = Celery("away", broker="redis+socket:///nowhere/valkey.sock", set_as_current=False)

    @away.task(name="run_export")
    def run_nothing(export_id: str) -> None:
        raise AssertionError

    tasks.send(run_nothing, str(export.pk))
    assert Export.objects.due(timezone.now()).filter(pk=export.pk).exists()
