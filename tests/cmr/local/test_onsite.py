"""People of the portal sign in at the recorder by its signed list (A6)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.local.onsite_keeper import Keeper
from cmr.local.onsite_list import FILE_NAME, NOTE_S, OnsiteList
from cmr.local.sign_in import SignInRefused
from cmr.local.who import LISTED
from cmr.registration import Registration
from protocol.bundle import (
    CODE,
    PASSWORD,
    Bundle,
    OnsiteGrant,
    OnsitePerson,
    onsite_root,
    plain_code,
    sign_bundle,
    verifier_of,
)
from protocol.footage import ALL, NONE
from protocol.tokens import Signer, TokenError, verify_access_token
from tests.cmr.conftest import RECORDER_ID
from tests.cmr.local.conftest import ADMIN, Site, own, sign_in

HOUR = 3600
ANNA, BEN = ("anna@harbour.test", "correct horse battery"), ("ben@harbour.test", "abcd-efgh-2345")
SALT = b"s" * 16
VIEW = OnsiteGrant(frozenset({"live", "playback"}), frozenset({1, 7}))
MANAGE = OnsiteGrant(frozenset({"live"}), frozenset({1}), frozenset({"configure"}))

Keep = Callable[..., Awaitable[Bundle]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes that cost little: how much they must is not what these tests are about."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("nobody")
    monkeypatch.setattr("protocol.bundle._MEMORY_KIB", 8)
    monkeypatch.setattr("cmr.local.sign_in._nobody", lambda: quick)


def person(account: tuple[str, str], *grants: int, secret: str = PASSWORD) -> OnsitePerson:
    login, text = account
    text = plain_code(text) if secret == CODE else text
    verifier = verifier_of(onsite_root(text, SALT), RECORDER_ID)
    salt = base64.b64encode(SALT).decode()
    return OnsitePerson(f"id-{login[:4]}", login, login[:4], secret, salt, verifier, grants)


def a_list(*people: OnsitePerson, grants: tuple[OnsiteGrant, ...] = (VIEW, MANAGE)) -> Bundle:
    now = int(time.time())
    return Bundle("v1", now, now + 24 * HOUR, "Harbour", grants, people)


@pytest.fixture
def keeper(site: Site) -> Keeper:
    return Keeper(site.access.onsite, site.api.holders, site.machine.registration)


@pytest.fixture
def keep(keeper: Keeper, portal: Signer) -> Keep:
    """Gives the recorder a list of these people, Anna and Ben unless others are named."""

    async def kept(*people: OnsitePerson, **facts: object) -> Bundle:
        people = people or (person(ANNA, 0), person(BEN, 1, secret=CODE))
        made = replace(a_list(*people), **facts)
        await keeper.keep(sign_bundle(portal, RECORDER_ID, made))
        return made

    return kept


async def page(visitor: aiohttp.ClientSession, url: str) -> str:
    answer = await visitor.get(url, allow_redirects=False)
    return await answer.text() if answer.status == 200 else str(answer.status)


async def test_people_of_the_list_sign_in_and_see_what_they_may(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    assert (await sign_in(visitor, site.http, ANNA)).status == 303
    assert "data-number" in await page(visitor, f"{site.http}/live/")
    assert "by the portal&#x27;s list" in await page(visitor, f"{site.http}/status/")
    assert await page(visitor, f"{site.http}/settings/") == "403"


async def test_a_code_is_taken_as_it_was_typed_and_configure_opens_the_settings(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    assert (await sign_in(visitor, site.http, (BEN[0].upper(), "ABCD EFGH2345"))).status == 303
    assert 'name="' in await page(visitor, f"{site.http}/settings/")
    assert "No camera for you here" in await page(visitor, f"{site.http}/recorded/")


async def test_the_streaming_port_takes_portal_logins(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    right, wrong = (aiohttp.BasicAuth(ANNA[0], secret) for secret in (ANNA[1], "wrong"))
    answer = await visitor.get(f"{site.both}/v1/cameras", auth=right)
    assert [camera["number"] for camera in (await answer.json())["cameras"]] == [1]
    assert (await visitor.get(f"{site.both}/v1/cameras", auth=wrong)).status == 401


async def test_a_wrong_password_slows_down_as_for_local_accounts(site: Site, keep: Keep) -> None:
    await keep()
    for _ in range(3):
        with pytest.raises(SignInRefused, match="Name or password is wrong"):
            await site.access.sign_in.check(ANNA[0], "wrong", "192.0.2.7", "browser")
    assert site.access.sign_in._slowdown.wait_s(ANNA[0], "192.0.2.9", time.monotonic()) > 0


async def test_who_is_taken_off_the_list_is_out_at_the_next_request(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    await sign_in(visitor, site.http, ANNA)
    await keep(person(BEN, 1, secret=CODE))
    assert await page(visitor, f"{site.http}/live/") == "303"
    renewal = await visitor.post(
        f"{site.http}/local/token", json={"session_id": "0" * 32}, headers=own(site.http)
    )
    assert renewal.status == 401


async def test_a_new_password_ends_the_session(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    await sign_in(visitor, site.http, ANNA)
    await keep(person((ANNA[0], "another horse battery"), 0))
    assert await page(visitor, f"{site.http}/live/") == "303"


async def test_video_under_way_ends_with_the_right_and_others_go_on(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep, sending: object
) -> None:
    """A6; and D2: nobody else's live video notices."""
    await keep()
    auths = [aiohttp.BasicAuth(*ANNA), aiohttp.BasicAuth(*ADMIN)]
    url = f"{site.both}/v1/cameras/1/live?profile=hd"
    hers, his = [await visitor.get(url, auth=auth) for auth in auths]
    assert await hers.content.readany()
    await keep(person(BEN, 1, secret=CODE))
    async with asyncio.timeout(5):
        await _end(hers)
    for _ in range(3):
        assert await his.content.readany()
    his.close()


async def _end(answer: aiohttp.ClientResponse) -> None:
    with contextlib.suppress(aiohttp.ClientError):
        while await answer.content.readany():
            pass


async def test_a_list_that_only_prolongs_disturbs_nobody(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep, sending: object
) -> None:
    """D2."""
    now = int(time.time())
    hours = replace(VIEW, holds=((now - HOUR, now + HOUR),))
    await keep(grants=(hours, MANAGE))
    answer = await visitor.get(
        f"{site.both}/v1/cameras/1/live?profile=hd", auth=aiohttp.BasicAuth(*ANNA)
    )
    await keep(grants=(replace(hours, holds=((now - HOUR, now + 2 * HOUR),)), MANAGE), version="v2")
    assert site.access.onsite.version == "v2"
    for _ in range(10):
        assert await answer.content.readany()
    answer.close()


async def test_a_session_of_the_page_has_the_persons_rights_and_no_more(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    await sign_in(visitor, site.http, ANNA)
    opened = await visitor.post(f"{site.http}/local/session", headers=own(site.http))
    token = (await opened.json())["token"]
    keys, host_id = site.access.key.checks
    access = verify_access_token(keys, token, host_id, int(time.time()))
    assert (access.user_id, access.organisation_id) == ("id-anna", "onsite")
    assert access.grants == {1: frozenset({"live", "playback"})}
    assert access.recorder_rights == frozenset()


async def test_sessions_last_an_hour_and_cookies_no_longer(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    answer = await sign_in(visitor, site.http, ANNA)
    assert "Max-Age=3600" in answer.headers["Set-Cookie"]
    (session,) = site.access.sessions._sessions.values()
    assert session.kind == LISTED
    assert session.ends_at <= time.time() + HOUR


async def test_hours_and_addresses_hold_on_site(site: Site, keep: Keep) -> None:
    over = replace(VIEW, holds=((0, int(time.time()) - 1),))
    elsewhere = replace(VIEW, addresses=("10.0.0.0/8",))
    await keep(grants=(over, elsewhere))
    check = site.access.sign_in.check
    with pytest.raises(SignInRefused) as caught:
        await check(*ANNA, "192.0.2.7", "browser")
    assert caught.value.code == "not_granted"
    with pytest.raises(SignInRefused):
        await check(*BEN, "192.0.2.7", "browser")
    assert (await check(*BEN, "10.1.1.1", "browser")).name == BEN[0]


async def test_a_token_ends_with_the_list_or_the_hours(site: Site, keep: Keep) -> None:
    now = int(time.time())
    await keep(grants=(replace(VIEW, holds=((now - HOUR, now + 20),)), MANAGE))
    for account, most in ((ANNA, 20), (BEN, 60)):
        who = await site.access.sign_in.check(*account, "192.0.2.7", "browser")
        assert site.access.token(who, "0" * 32)[1] <= max(now, int(time.time())) + most


# The list itself.


class Clock:
    """The machine's clock, which may be set, and the one that only goes on."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_800_000_000.0, 50.0

    def pass_s(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registered(identity: object, clock: Clock) -> Registration:
    return Registration(identity, clock=lambda: clock.wall)  # type: ignore[arg-type]


def opened(folder: Path, registered: Registration, clock: Clock) -> OnsiteList:
    return OnsiteList(folder, registered, lambda: clock.steady)


def signed(signer: Signer, clock: Clock, recorder: str = RECORDER_ID, **facts: object) -> str:
    now = int(clock.wall)
    made = Bundle("v1", now, now + 24 * HOUR, "Harbour", (VIEW,), (person(ANNA, 0),))
    return sign_bundle(signer, recorder, replace(made, **facts))


async def test_the_list_survives_a_restart_and_is_private(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    await opened(tmp_path, registered, clock).keep(signed(portal, clock))
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    again = opened(tmp_path, registered, clock)
    assert again.version == "v1"
    assert again.find(ANNA[0]) is not None


async def test_a_list_of_somebody_else_or_an_older_one_is_refused(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    await kept.keep(signed(portal, clock))
    impostor = Signer(Ed25519PrivateKey.generate(), "portal")
    older = signed(portal, clock, issued_at=int(clock.wall) - 60, version="v0")
    for text in (signed(impostor, clock), signed(portal, clock, "another"), older, "x"):
        with pytest.raises(TokenError):
            await kept.keep(text)
    assert kept.version == "v1"


async def test_a_file_that_was_changed_or_is_for_another_recorder_is_not_believed(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    impostor = Signer(Ed25519PrivateKey.generate(), "portal")
    for content in (
        json.dumps({"bundle": signed(impostor, clock)}),
        json.dumps({"bundle": signed(portal, clock, "another")}),
        "[]",
        "\x00",
    ):
        (tmp_path / FILE_NAME).write_text(content)
        assert opened(tmp_path, registered, clock).version is None


async def test_it_ends_and_says_nothing_more(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    await kept.keep(signed(portal, clock))
    clock.pass_s(24 * HOUR - 1)
    assert kept.find(ANNA[0]) is not None
    clock.pass_s(2)
    assert kept.find(ANNA[0]) is None
    assert kept.newest is not None  # the page still says when it ended


async def test_a_clock_that_is_set_back_cannot_prolong_it(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    await kept.keep(signed(portal, clock))
    clock.pass_s(20 * HOUR)
    kept.note_time()
    clock.wall -= 48 * HOUR
    clock.pass_s(4 * HOUR + 1)
    assert kept.version is None
    again = opened(tmp_path, registered, clock)  # a restart knows how late it was
    assert again.version == "v1"
    assert again.now() >= 1_800_000_000 + 20 * HOUR - NOTE_S
    clock.pass_s(4 * HOUR + NOTE_S)
    assert again.version is None


async def test_a_clock_that_was_too_far_ahead_is_forgiven_by_the_next_list(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    await kept.keep(signed(portal, clock))
    clock.wall += 1000 * HOUR
    assert kept.version is None
    kept.note_time()
    clock.wall -= 1000 * HOUR
    clock.pass_s(60)
    await kept.keep(signed(portal, clock, version="v2"))
    assert kept.version == "v2"


async def test_a_removed_recorder_forgets_everybody(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    await kept.keep(signed(portal, clock))
    assert kept.forget() == {"id-anna"}
    assert kept.version is None
    assert not (tmp_path / FILE_NAME).exists()


async def test_only_who_may_do_something_else_is_told(
    tmp_path: Path, registered: Registration, clock: Clock, portal: Signer
) -> None:
    kept = opened(tmp_path, registered, clock)
    people = (person(ANNA, 0), person(BEN, 1))
    grants = (VIEW, replace(MANAGE, holds=ALL))
    await kept.keep(signed(portal, clock, people=people, grants=grants))
    later = (replace(VIEW, footage=((5, None),)), MANAGE)
    assert await kept.keep(signed(portal, clock, people=people, grants=later)) == {"id-anna"}
    none = (later[0], replace(MANAGE, holds=NONE))
    assert await kept.keep(signed(portal, clock, people=people, grants=none)) == {"id-ben@"}


async def test_when_the_list_is_over_the_page_says_so(
    site: Site, visitor: aiohttp.ClientSession, keep: Keep
) -> None:
    await keep()
    assert "with your portal login" in await page(visitor, f"{site.http}/sign-in/")
    await sign_in(visitor, site.http, ANNA)
    site.machine.registration.clock = lambda: time.time() + 25 * HOUR
    assert await page(visitor, f"{site.http}/live/") == "303"
    refused = await sign_in(visitor, site.http, ANNA)
    assert refused.status == 403
    assert "until this recorder reaches the portal again" in " ".join(
        (await refused.text()).split()
    )
