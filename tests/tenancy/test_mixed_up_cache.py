"""A1: people of ten organisations while the cache fails, forgets, mixes up and goes back in time,
and recorders tell of themselves: nobody is answered with a word of somebody else's.

CONTERA_MIXED_REQUESTS=10000 makes it the long run.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from typing import Any

import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from rest_framework.test import APIClient

from accounts.models import Group, Membership, Organisation, User
from recorders.models import Location, Recorder
from tests.conftest import make_recorder
from tests.recorders.conftest import Device

pytestmark = pytest.mark.django_db

REQUESTS = int(os.environ.get("CONTERA_MIXED_REQUESTS", "200"))
ORGANISATIONS, PEOPLE, RECORDERS = 10, 5, 20
PAGES = (
    *("/recorders/", "/users/", "/groups/", "/account/", "/incidents/", "/organisation/"),
    *("/api/v1/recorders/", "/api/v1/users/", "/api/v1/me/", "/api/v1/locations/"),
    *("/api/v1/recorders/{mine}/", "/recorders/{mine}/", "/api/v1/recorders/{foreign}/"),
    *("/recorders/{foreign}/", "/api/v1/groups/", "/api/v1/recorders/{foreign}/cameras/"),
)
HANDLER = ClientHandler(enforce_csrf_checks=False)


@dataclass
class Customer:
    canary: str
    people: list[Client]
    recorders: list[Device]


def _customer(number: int) -> Customer:
    canary = f"canary{number:02}x"
    organisation = Organisation.objects.create(name=f"{canary} Ltd")
    leaders = Group.objects.create(
        organisation=organisation, name=f"{canary} leaders", built_in="administrators"
    )
    place = Location.objects.create(organisation=organisation, name=f"{canary} quay")
    people = [_person(organisation, leaders, f"p{n}@{canary}.test") for n in range(PEOPLE)]
    return Customer(canary, people, [_device(organisation, place, n) for n in range(RECORDERS)])


def _person(organisation: Organisation, group: Group, email: str) -> Client:
    user = User.objects.create_user(email, None, f"{email} person")
    member = Membership.objects.create(user=user, organisation=organisation, name=user.name)
    member.groups.add(group)
    client = Client()
    client.handler = HANDLER
    client.force_login(user)
    return client


def _device(organisation: Organisation, place: Location, number: int) -> Device:
    canary = organisation.name.split()[0]
    recorder = make_recorder(organisation, f"{canary} recorder {number}", cameras=1)
    device = Device(APIClient(), Ed25519PrivateKey.generate(), str(recorder.pk))
    Recorder.objects.filter(pk=recorder.pk).update(public_key=device.jwk, location=place)
    return device


class MischievousCache:
    """What happens to the values of the shared cache, behind the portal's back."""

    def __init__(self, dice: random.Random) -> None:
        self._redis = redis.Redis(unix_socket_path=settings.REDIS_URL.removeprefix("unix://"))
        self._dice = dice
        self._before: dict[bytes, bytes] = {}

    def strike(self) -> None:
        self._dice.choice((self._mix_up, self._forget, self._remember, self._go_back))()

    def _values(self) -> dict[bytes, bytes]:
        keys = [k for k in self._redis.scan_iter("contera:*") if self._redis.type(k) == b"string"]
        return {key: value for key in keys if (value := self._redis.get(key)) is not None}

    def _mix_up(self) -> None:
        """Each session's key holds the value of another's."""
        sessions = {k: v for k, v in self._values().items() if b"cached_db" in k}
        if sessions:
            values = list(sessions.values())
            self._redis.mset(dict(zip(sessions, values[1:] + values[:1], strict=True)))

    def _forget(self) -> None:
        self._redis.flushdb()

    def _remember(self) -> None:
        self._before = self._values()

    def _go_back(self) -> None:
        if self._before:
            self._redis.mset(self._before)


@pytest.mark.timeout(600)
def test_no_answer_has_a_word_of_another_customer(settings: Any) -> None:
    """A1"""
    dice = random.Random(1)
    customers = [_customer(number) for number in range(ORGANISATIONS)]
    cache = MischievousCache(dice)
    answered = 0
    for turn in range(REQUESTS):
        if turn % 10 == 0:
            cache.strike()
        mine, foreign = dice.sample(customers, 2)
        if turn % 20 == 0:
            assert dice.choice(mine.recorders).beat().status_code == 200
        answered += _ask(dice, mine, foreign, customers)
    assert answered > REQUESTS * 0.6  # the rest are foreign recorders: 404


def _ask(dice: random.Random, mine: Customer, foreign: Customer, all_: list[Customer]) -> bool:
    client, page = dice.choice(mine.people), dice.choice(PAGES)
    ids = {"mine": mine.recorders[0].recorder_id, "foreign": foreign.recorders[0].recorder_id}
    response = client.get(page.format(**ids))
    text = response.content.decode()
    assert [other.canary for other in all_ if other is not mine and other.canary in text] == []
    assert response.status_code == (404 if "{foreign}" in page else 200), page
    return response.status_code == 200


def test_a_session_is_never_read_from_the_copy_of_another(owner: Any, stranger: Any) -> None:
    """A1"""
    from accounts.session_store import SessionStore

    clients = [Client(), Client()]
    for client, person in zip(clients, (owner, stranger), strict=True):
        client.force_login(person)
    mine, theirs = (SessionStore(c.cookies["sessionid"].value) for c in clients)
    values = [store._cache.get(store.cache_key) for store in (mine, theirs)]
    mine._cache.set(mine.cache_key, values[1])
    theirs._cache.set(theirs.cache_key, values[0])
    assert mine.load()["_auth_user_id"] == str(owner.pk)
    assert theirs.load()["_auth_user_id"] == str(stranger.pk)
