"""A test of Manual NAT as somebody asks for it: limited, judged, in the audit trail."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from threading import BoundedSemaphore
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from accounts.audit import Actor, record
from accounts.models import User
from accounts.outgoing.addresses import Address
from recorders.models import Recorder
from recorders.network_settings import BadSetting, ManualNat, parse_manual_nat
from streaming.manual_nat import policy, words
from streaming.manual_nat.policy import Endpoint, Policy
from streaming.manual_nat.probe import Found, Host, Outcome, probe, resolved

MAX_TESTS, WINDOW_S = 5, 60  # of a person
MAX_AT_ONCE = 8  # of a portal process: each keeps a thread for up to 5 s
_places = BoundedSemaphore(MAX_AT_ONCE)


class NotNow(Exception):
    """Not now: `code` is `too_many_tests` or `try_again`."""

    __test__ = False  # nothing for pytest

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class Report:
    """What is told about a test."""

    outcome: Outcome
    detail: str
    hints: list[str]


def run_test(recorder: Recorder, address: str, port: int | None, actor: Actor) -> Report:
    """Tests an address as somebody typed it. Raises NotNow."""
    _count(actor.user)
    try:
        place = parse_manual_nat(address, port)
    except BadSetting as error:
        return Report(Outcome.REFUSED_ADDRESS, str(error), [])
    found = _probe(place, recorder)
    record(
        recorder.organisation,
        actor,
        "network.tested",
        recorder,
        recorder=str(recorder.pk),
        address=f"{'https' if place.is_https else 'http'}://{place.host}:{place.port}",
        outcome=found.outcome.value.replace("_", " "),
    )
    around = words.Circumstances(
        actor.address, recorder.external_address, recorder.http_port, recorder.https_port
    )
    detail = words.sentence(place, found)
    return Report(found.outcome, detail, words.hints(place, found, around))


def _probe(place: ManualNat, recorder: Recorder) -> Found:
    if not _places.acquire(blocking=False):
        raise NotNow("try_again", "The portal is busy with other tests. Try again soon.")
    try:
        host = Host(str(recorder.pk), recorder.public_key)
        allowed = Policy(settings.CONTERA_MANUAL_NAT_PRIVATE, _portal_endpoints(place.port))
        return async_to_sync(probe)(place, host, partial(_judge, allowed), resolved)
    finally:
        _places.release()


def _judge(allowed: Policy, addresses: Sequence[Address], port: int) -> str | None:
    return policy.refusal(addresses, port, allowed, [a for a in addresses if _is_own(a)])


def _portal_endpoints(port: int) -> list[Endpoint]:
    """Portal and relays where they listen on this port; other ports need no look at the DNS."""
    names = set()
    plain = (settings.CONTERA_HTTP_URL, *settings.CONTERA_RELAY_HTTP_KEYS)
    for url in (settings.CONTERA_BASE_URL, *settings.CONTERA_RELAY_URLS, *plain):
        parts = urlsplit(url)
        if parts.hostname and port in (parts.port, 443 if parts.scheme == "https" else 80):
            names.add(parts.hostname)
    return [(address, port) for name in names for address in _addresses(name)]


def _addresses(name: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ip_address(entry[4][0]) for entry in found]


def _is_own(address: Address) -> bool:
    """Whether this machine has the address; asks the routing table, sends nothing."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((str(address), 9))
            return ip_address(sock.getsockname()[0]) == address
    except OSError:
        return False


def _count(user: User | None) -> None:
    """Raises NotNow once a person had MAX_TESTS in the window, or when nobody can count."""
    key = f"manual-nat-tests:{user.pk if user else None}"
    try:
        cache.add(key, 0, WINDOW_S)
        count = cache.incr(key)
    except (RedisError, OSError, ValueError):  # ValueError: the window ended in between
        raise NotNow("try_again", "The portal cannot test just now. Try again.") from None
    if count > MAX_TESTS:
        detail = f"At most {MAX_TESTS} tests a minute: wait a little."
        raise NotNow("too_many_tests", detail)
