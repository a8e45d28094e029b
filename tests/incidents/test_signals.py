"""What wakes workers and pages."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from asgiref.testing import ApplicationCommunicator
from celery import Celery
from channels.auth import AuthMiddleware
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.test import Client
from django.utils import timezone

from accounts import view_as
from accounts.access import group_of
from accounts.models import Membership
from accounts.session_cookie import SocketSession
from incidents import tasks
from incidents.announce import announce
from incidents.models import Export
from incidents.routing import websocket_urlpatterns
from tests.conftest import give

pytestmark = pytest.mark.django_db(transaction=True)


class Socket(ApplicationCommunicator):
    """A browser's end."""

    def __init__(self, browser: Client, incident_id) -> None:
        path = f"/incidents/{incident_id}/"
        cookie = "; ".join(f"{name}={kept.value}" for name, kept in browser.cookies.items())
        scope = {"type": "websocket", "path": path, "headers": [(b"cookie", cookie.encode())]}
        people = SocketSession(AuthMiddleware(URLRouter(websocket_urlpatterns)))
        super().__init__(CookieMiddleware(people), scope)

    async def connect(self) -> dict:
        await self.send_input({"type": "websocket.connect"})
        return await self.receive_output(10)

    async def message(self) -> dict:
        return json.loads((await self.receive_output(10))["text"])

    async def is_closed(self) -> bool:
        """By the portal, as somebody who sees nothing: within seconds, or a TimeoutError."""
        return (await self.receive_output(5)).get("code") == 4404

    async def goes_on(self, incident_id) -> bool:
        """What happens now is told, as the next thing."""
        await database_sync_to_async(announce)(incident_id)
        said = await self.receive_output(10)
        return said["type"] == "websocket.send" and json.loads(said["text"]) == {"type": "changed"}

    async def close(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(10)


@pytest.fixture
def browsers(owner, viewer, stranger) -> dict[str, Client]:
    made = {name: Client() for name in ("owner", "viewer", "stranger", "nobody")}
    for name, person in (("owner", owner), ("viewer", viewer), ("stranger", stranger)):
        made[name].force_login(person)
    return made


async def test_a_page_is_told_that_something_changed(browsers, incident) -> None:
    socket = Socket(browsers["owner"], incident.pk)
    assert (await socket.connect())["type"] == "websocket.accept"
    assert await socket.message() == {"type": "changed"}
    await database_sync_to_async(announce)(incident.pk)
    assert await socket.message() == {"type": "changed"}
    await socket.send_input({"type": "websocket.receive", "text": "anything" * 1000})
    assert await socket.receive_nothing()
    await socket.close()


@pytest.mark.parametrize("who", ["viewer", "stranger", "nobody"])
async def test_others_are_refused(browsers, incident, who) -> None:
    answer = await Socket(browsers[who], incident.pk).connect()
    assert (answer["type"], answer["code"]) == ("websocket.close", 4404)


async def test_a_withdrawn_right_closes_the_socket(browsers, owner, incident) -> None:
    """A6"""
    socket = Socket(browsers["owner"], incident.pk)
    await socket.connect()
    await socket.message()
    await database_sync_to_async(Membership.objects.filter(user=owner).delete)()
    await get_channel_layer().group_send(group_of(owner.pk), {"type": "access.changed"})
    assert (await socket.receive_output(10))["code"] == 4404
    await socket.close()


@pytest.mark.parametrize("end", ["time", "right"])
async def test_who_views_as_another_hears_what_that_one_would(
    browsers, owner, viewer, viewers, incident, end
) -> None:
    """A6: and nothing any more when it is over."""
    views = browsers["owner"]
    await database_sync_to_async(_view_as)(views, viewer, timedelta(minutes=5))
    assert (await Socket(views, incident.pk).connect())["code"] == 4404  # they may not export
    grant = await database_sync_to_async(give)(viewers, "export")
    socket = Socket(views, incident.pk)
    assert (await socket.connect())["type"] == "websocket.accept"
    await socket.message()
    if end == "time":
        await database_sync_to_async(_view_as)(views, viewer, timedelta())
    else:
        await database_sync_to_async(grant.delete)()
    await get_channel_layer().group_send(group_of(owner.pk), {"type": "access.changed"})
    assert await socket.is_closed()
    await socket.close()


def _view_as(browser: Client, person, longest: timedelta) -> None:
    session = browser.session
    session[view_as.KEY] = {
        "user": str(person.pk),
        "login": person.login,
        "organisation": str(person.memberships.get().organisation_id),
        "until": (timezone.now() + longest).isoformat(),
    }
    session.save()


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
