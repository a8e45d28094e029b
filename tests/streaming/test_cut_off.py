"""A6: every way of losing a right ends what runs: video by the relay, video at the recorder itself,
and the sockets of pages. The portal's services, its channel layer and the relay are real; the
recorder's side of a direct session is tests/cmr/doors/test_access_changes.py."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from channels.db import database_sync_to_async
from django.test import Client
from django.utils import timezone

from accounts import services, sessions, view_as
from accounts.access import TASK
from accounts.api_tokens import withdraw_api_token
from accounts.audit import PORTAL
from accounts.models import ApiToken, Federation, Group, IdentityProvider, Membership, User
from accounts.organisations import consents, dealers
from accounts.organisations.consents import Wish
from accounts.signing import portal_keys
from accounts.single_sign_on import providers
from incidents.models import Incident, IncidentCamera
from protocol.session import CLOSE_UNAUTHORIZED, MessageType, encode
from recorders.grants.plain import set_grants
from recorders.grants.service import set_hidden
from recorders.models import Location, Recorder
from recorders.network_settings import NetworkChoice
from recorders.services import network
from recorders.services.locations import delete_location
from recorders.services.recorders import remove, rename_and_move
from streaming.relay.hub import Hub
from streaming.viewing import viewed_by
from tests.conftest import PASSWORD, _join, _organisation, give, make_recorder
from tests.incidents.test_signals import Socket
from tests.relay.cast import INIT, LIVE_HEAD, FakeClock, Site, frame
from tests.relay.test_consumer import Browser
from tests.test_routes import HANDLERS

pytestmark = pytest.mark.django_db(transaction=True)

RIGHTS = "live playback export"
WITHIN_S = 5.0
JSON = "application/json"
LIVE = b"GET /v1/cameras/1/live?profile=hd HTTP/1.1\r\n\r\n"
Act = Callable[["Case"], object]


@dataclass(frozen=True)
class Case:
    """A customer of its own, so that cases do not touch each other. `person` watches by `client`;
    `elsewhere` is another browser of theirs."""

    administrator: User
    person: User
    group: Group
    recorder: Recorder
    incident: Incident
    client: Client
    elsewhere: Client

    @property
    def membership(self) -> Membership:
        return Membership.objects.select_related("user", "organisation").get(user=self.person)

    @property
    def is_program(self) -> bool:
        return not self.client.cookies

    @property
    def url(self) -> str:
        return f"/api/v1/recorders/{self.recorder.pk}"


def browser(person: User | None = None, **headers: str) -> Client:
    client = Client(headers=headers or None)
    client.handler = HANDLERS[False]
    if person is not None:
        client.force_login(person)
    return client


def by_group(name: str) -> Case:
    """The person's group may do everything that a camera has."""
    organisation, administrators = _organisation(name)
    group = Group.objects.create(organisation=organisation, name="Guards")
    person = _join(organisation, f"guard@{name}.test", group)
    recorder = make_recorder(organisation, "Gate", cameras=1)
    give(group, RIGHTS, recorder=recorder)
    return Case(
        administrator=_join(organisation, f"owner@{name}.test", administrators),
        person=person,
        group=group,
        recorder=recorder,
        incident=_incident(recorder),
        client=browser(person),
        elsewhere=browser(person),
    )


def _incident(recorder: Recorder) -> Incident:
    now = timezone.now()
    made = Incident.objects.create(
        organisation=recorder.organisation, title="Van", start=now - timedelta(hours=1), end=now
    )
    IncidentCamera.objects.create(incident=made, camera=recorder.cameras.get())
    return made


def by_signing_in(name: str) -> Case:
    """As people do it, so that the session is on their list."""
    case = by_group(name)
    client = browser()
    words = {"login": case.person.login, "password": PASSWORD}
    assert client.post("/accounts/login/", words)["Location"] == "/recorders/"
    return replace(case, client=client)


def by_location(name: str) -> Case:
    case = by_group(name)
    place = Location.objects.create(organisation=case.recorder.organisation, name="Quay")
    case.recorder.location = place
    case.recorder.save(update_fields=["location"])
    case.group.grants.update(recorder=None, location=place)
    return case


def by_consent(name: str) -> Case:
    """The person is one of the dealer's."""
    case = by_group(name)
    customer = case.recorder.organisation
    dealer, acting = _organisation(f"Dealer of {name}")
    dealer.is_dealer = True
    dealer.save(update_fields=["is_dealer"])
    customer.dealer = dealer
    customer.save(update_fields=["dealer"])
    person = _join(dealer, f"boss@{name}.test", acting)
    wish = Wish(frozenset(RIGHTS.split()), 24, "The gate is dark")
    consents.give(customer, dealer, wish, PORTAL, timezone.now())
    return replace(case, person=person, client=browser(person))


def by_token(name: str) -> Case:
    """A program watches; who may watch may have its page open as well."""
    case = by_group(name)
    _, key = ApiToken.issue(case.person, "script", timezone.now())
    return replace(case, client=browser(Authorization=f"Token {key}"))


def by_viewing_as(name: str) -> Case:
    """The administrator looks through the person's eyes; an organisation has two of them."""
    case = by_group(name)
    case.membership.groups.add(Group.objects.get(memberships__user=case.administrator))
    deputy = _join(case.recorder.organisation, f"deputy@{name}.test", case.group)
    kept = {
        "user": str(deputy.pk),
        "login": deputy.login,
        "organisation": str(case.recorder.organisation_id),
        "until": (timezone.now() + view_as.LONGEST).isoformat(),
    }
    session = case.client.session
    session[view_as.KEY] = kept
    session.save()
    return case


# --- What happens ---------------------------------------------------------------------------------


def _password(case: Case) -> None:
    words = {"current_password": PASSWORD, "new_password": "another horse battery"}
    answer = case.elsewhere.put("/api/v1/me/password/", words, content_type=JSON)
    assert answer.status_code == 204, answer.content


def _sign_out_from_the_list(case: Case) -> None:
    watching = UserSession.objects.get(session_key=case.client.session.session_key)
    answer = case.elsewhere.delete(f"/api/v1/me/sessions/{watching.pk}/")
    assert answer.status_code == 204, answer.content


def _force_single_sign_on(case: Case) -> None:
    organisation = case.recorder.organisation
    provider = IdentityProvider.objects.create(
        organisation=organisation, kind="oidc", name="ID", settings={"tried": True}
    )
    leader = Membership.objects.get(user=case.administrator)
    used = {"subject": "1", "last_used_at": timezone.now()}
    Federation.objects.create(provider=provider, membership=leader, **used)
    providers.set_state(provider, PORTAL, is_enabled=True, is_forced=True)


def _switch_the_relay_off(case: Case) -> None:
    off = {"is_lan_enabled": True, "is_p2p_enabled": True, "is_relay_enabled": False}
    nat = {"is_manual_nat_enabled": False, "manual_nat": None}
    choice = NetworkChoice(**off, **nat, lan_ranges=[], relay_region="")
    network.change_settings(case.recorder, choice, PORTAL)


def _consent(case: Case) -> Any:
    return case.recorder.organisation.consents.get()


CASES: dict[str, tuple[Callable[[str], Case], Act]] = {
    "password changed": (by_group, _password),
    "signed out": (by_group, lambda c: c.client.post("/accounts/logout/")),
    "session ended from the list": (by_signing_in, _sign_out_from_the_list),
    "signed out by an administrator": (
        by_group,
        lambda c: sessions.sign_out_of_organisation(c.membership, PORTAL),
    ),
    "person disabled": (by_group, lambda c: services.disable_person(c.membership, PORTAL)),
    "person removed": (by_group, lambda c: services.remove_person(c.membership, PORTAL)),
    "left the group": (by_group, lambda c: services.set_groups(c.membership, [], PORTAL)),
    "group deleted": (by_group, lambda c: services.delete_group(c.group, PORTAL)),
    "grant withdrawn": (by_group, lambda c: set_grants(c.group, set(), PORTAL)),
    "camera hidden": (
        by_group,
        lambda c: set_hidden(c.group, list(c.recorder.cameras.all()), PORTAL),
    ),
    "group asks for a second factor": (
        by_group,
        lambda c: services.set_requires_mfa(c.group, True, PORTAL),
    ),
    "single sign-on forced": (by_group, _force_single_sign_on),
    "recorder moved": (
        by_location,
        lambda c: rename_and_move(c.recorder, "Gate", None, PORTAL),
    ),
    "location deleted": (by_location, lambda c: delete_location(c.recorder.location, PORTAL)),
    "recorder removed": (by_group, lambda c: remove(c.recorder, PORTAL, timezone.now())),
    "recorder removed, dealer watching": (
        by_consent,
        lambda c: remove(c.recorder, PORTAL, timezone.now()),
    ),
    "consent withdrawn": (
        by_consent,
        lambda c: consents.withdraw(_consent(c), PORTAL, timezone.now()),
    ),
    "dealer left": (
        by_consent,
        lambda c: dealers.end_relation(c.recorder.organisation, PORTAL, timezone.now()),
    ),
    "token withdrawn": (by_token, lambda c: withdraw_api_token(c.person.api_tokens.get(), PORTAL)),
    "no administrator while viewing as": (
        by_viewing_as,
        lambda c: services.set_groups(c.membership, [], PORTAL),
    ),
    "relay switched off": (by_group, _switch_the_relay_off),
    "relay switched off, dealer watching": (by_consent, _switch_the_relay_off),
}
# The person's pages go on without the program, and without the relay.
PAGE_STAYS = {
    "token withdrawn",
    "relay switched off",
    "relay switched off, dealer watching",
}


# --- What runs ------------------------------------------------------------------------------------


class Running:
    """A page's live video by the relay, as the page would go on with it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.clock = FakeClock(time.time())
        self.hub = Hub(portal_keys, self.clock())
        self.site = Site(self.hub, str(case.recorder.pk))
        self.browser = Browser(self.hub, recorder=str(case.recorder.pk))
        self.session_id = ""

    async def begin(self) -> None:
        for _ in range(2):
            self.site.poll()
        opened = await self._post("session/", {"path": "auto"})
        assert opened.status_code == 201, opened.content
        self.session_id = opened.json()["session_id"]
        assert await self.browser.connect() == "websocket.accept"
        await self._renew(opened.json()["token"])
        await self.browser.send(encode(MessageType.REQUEST, 1, LIVE))
        await self.browser.send(encode(MessageType.PING, 0, b""))
        while (await self.browser.receive()).type is not MessageType.PONG:
            pass
        self.site.answer(self.site.take(), LIVE_HEAD + INIT + frame(0, is_key=True))
        assert self.hub.stats()["viewers"] == 1

    async def is_asked(self) -> None:
        """For a new token, within seconds."""
        async with asyncio.timeout(WITHIN_S):
            while b"renewal_required" not in (await self.browser.receive()).payload:
                pass

    async def ends(self) -> bool:
        """With what the portal gives when it is asked to renew, no video is left."""
        await self.is_asked()
        renewed = await self._post("token/", {"session_id": self.session_id})
        if renewed.status_code == 200:
            await self._renew(renewed.json()["token"])
            await self.browser.send(encode(MessageType.PING, 0, b""))
            while (await self.browser.receive()).type is not MessageType.PONG:
                pass
        else:
            self.clock.now += WITHIN_S - 1
            self.hub.tick()
            closed = await self.browser.closed()
            assert closed == CLOSE_UNAUTHORIZED, closed
        return self.hub.stats()["viewers"] == 0

    async def _renew(self, token: str) -> None:
        await self.browser.send(encode(MessageType.RENEW, 0, token.encode()))

    async def _post(self, what: str, body: dict[str, str]) -> Any:
        address = f"{self.case.url}/{what}"
        post = database_sync_to_async(self.case.client.post)
        return await post(address, body, content_type=JSON)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of whom a worker tells the recorders that they watch directly."""
    people: list[str] = []

    def send_task(app: Any, name: str, args: Any = None, *_: Any, **__: Any) -> None:  # Celery's
        people.extend(args[0] if name == TASK else ())

    monkeypatch.setattr("celery.app.base.Celery.send_task", send_task)
    return people


@pytest.mark.parametrize("name", CASES)
async def test_whatever_ends_a_right_ends_what_runs(name: str, told: list[str]) -> None:
    make, act = CASES[name]
    case = await database_sync_to_async(make)("harbour")
    running = Running(case)
    page = Socket(case.elsewhere if case.is_program else case.client, case.incident.pk)
    await running.begin()
    assert (await page.connect())["type"] == "websocket.accept"
    await page.message()
    told.clear()
    await database_sync_to_async(act)(case)
    watched = await database_sync_to_async(viewed_by)(case.person.pk)
    assert str(case.person.pk) in told
    assert case.recorder.pk in watched
    assert await running.ends()
    if name in PAGE_STAYS:
        assert await page.goes_on(case.incident.pk)
    else:
        assert await page.is_closed()
    await running.browser.leave()
    await page.close()


async def test_who_viewed_as_another_asks_again_when_that_ends(told: list[str]) -> None:
    """Their own rights are what goes on then, if they have any."""
    case = await database_sync_to_async(by_viewing_as)("harbour")
    running = Running(case)
    await running.begin()
    answer = await database_sync_to_async(case.client.post)("/view-as/end/")
    assert answer.status_code == 302
    await running.is_asked()
    await running.browser.leave()
