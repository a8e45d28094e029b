"""Local accounts: kept privately, guessed slowly, never locked out."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from pathlib import Path

import aiohttp
import pytest

from cmr.__main__ import main
from cmr.config_file import ensure_config
from cmr.local.accounts import AccountError, Accounts
from cmr.local.onsite_list import OnsiteList
from cmr.local.sign_in import MAX_WAITING_PER_ADDRESS, SignIn, SignInRefused
from cmr.local.slowdown import (
    FORGET_S,
    FREE_TRIES,
    MAX_ACCOUNT_WAIT_S,
    MAX_ADDRESS_WAIT_S,
    MAX_KEYS,
    Slowdown,
    network_of,
)
from cmr.registration import Registration
from protocol.tokens import verify_access_token
from tests.cmr.local.conftest import ADMIN, GUEST, Site, now, own, sign_in


def test_passwords_are_hashed_in_a_private_file(tmp_path: Path) -> None:
    Accounts(tmp_path).add("admin", "admin", "correct horse")
    file = tmp_path / "accounts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    row = json.loads(file.read_text())["accounts"][0]
    assert row["hash"].startswith("$argon2id$")
    assert "correct" not in file.read_text() + repr(Accounts(tmp_path).get("admin"))


def test_a_change_of_another_program_is_seen(tmp_path: Path) -> None:
    running, command = Accounts(tmp_path), Accounts(tmp_path)
    assert running.get("admin") is None
    command.add("admin", "admin", "correct horse")
    before = running.get("admin")
    assert before is not None
    command.set_password("admin", "battery staple")
    after = running.get("admin")
    assert after is not None
    assert after.version != before.version
    command.remove("admin")
    assert running.get("admin") is None


@pytest.mark.parametrize("name", ["", "a:b", "-rf", "a\nb", "<b>", "x" * 65, "ä"])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    """K4."""
    with pytest.raises(AccountError, match="a name has 1 to 64"):
        Accounts(tmp_path).add(name, "viewer", "correct horse")


@pytest.mark.parametrize(
    "password", ["short", "aaaaaaaaaaaa", "admin12345", "tab\tinside-it", "x" * 201]
)
def test_weak_passwords_are_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(AccountError):
        Accounts(tmp_path).add("admin", "admin", password)


def test_the_first_account_is_made_once(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    password = accounts.make_first()
    assert password is not None
    assert password not in (tmp_path / "accounts.json").read_text()
    accounts.remove("admin")
    assert accounts.make_first() is None  # it was removed on purpose


def test_the_command_line_takes_passwords_from_its_input_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """K4: arguments are seen by everybody on the machine."""
    file = tmp_path / "cmr.toml"
    ensure_config(file)
    command = ["--config", str(file), "account"]
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main([*command, "add", "keeper", "--role", "admin"]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("battery staple\n"))
    assert main([*command, "password", "keeper"]) == 0
    assert main([*command, "list"]) == 0
    assert main([*command, "add", "guard", "--random"]) == 0
    assert main([*command, "remove", "keeper"]) == 0
    assert main([*command, "remove", "keeper"]) == 2
    said = capsys.readouterr()
    assert "keeper                  admin" in said.out
    assert "horse" not in said.out
    assert "no account is called 'keeper'" in said.err
    assert [account.role for account in Accounts(tmp_path).all().values()] == ["viewer"]


def test_each_wrong_password_makes_the_next_try_wait_longer() -> None:
    slowdown = Slowdown()
    waits = []
    for count in range(20):
        waits.append(slowdown.wait_s("admin", "192.0.2.1", count))
        slowdown.failed("admin", "192.0.2.1", count)
    assert waits[:FREE_TRIES] == [0.0] * FREE_TRIES
    assert waits == sorted(waits)
    assert waits[-1] == MAX_ADDRESS_WAIT_S


def test_nobody_is_locked_out_by_others() -> None:
    slowdown = Slowdown()
    for count in range(1000):
        slowdown.failed("admin", f"198.51.100.{count % 250}", 0)
    assert slowdown.wait_s("admin", "192.0.2.1", 1) == MAX_ACCOUNT_WAIT_S
    assert slowdown.wait_s("guest", "192.0.2.1", 1) == 0
    assert slowdown.wait_s("admin", "192.0.2.1", 1 + FORGET_S) == 0


def test_changing_the_address_within_a_network_of_ones_own_does_not_help() -> None:
    """A7."""
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")
    assert network_of("192.0.2.1") != network_of("192.0.2.2")


def test_what_is_remembered_of_guesses_is_bounded() -> None:
    slowdown = Slowdown()
    for count in range(MAX_KEYS):
        slowdown.failed(f"name{count}", f"2001:db8:{count:x}::1", 0)
    assert len(slowdown._failures) == MAX_KEYS


async def test_an_unknown_name_is_answered_like_a_wrong_password(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A7; and both are logged, on one line whatever was typed."""
    told = set()
    with caplog.at_level(logging.WARNING):
        for name in ("admin", "nobody\nroot", "x" * 5000):
            with pytest.raises(SignInRefused) as caught:
                await site.access.sign_in.check(name, "wrong", "192.0.2.7", "browser")
            told.add((caught.value.code, str(caught.value)))
    assert len(told) == 1
    lines = [record.getMessage() for record in caplog.records]
    assert lines[1] == "sign-in: 'nobody\\nroot' from 192.0.2.7: wrong (2)"
    assert all(len(line) < 150 for line in lines)


async def test_many_tries_at_once_are_not_faster_than_one(site: Site) -> None:
    tries = [site.access.sign_in.check("admin", "wrong", "192.0.2.7", "browser") for _ in range(12)]
    codes = [error.code for error in await asyncio.gather(*tries, return_exceptions=True)]
    assert codes.count("wrong_password") == MAX_WAITING_PER_ADDRESS
    assert codes.count("too_many_tries") == 12 - MAX_WAITING_PER_ADDRESS
    account = await site.access.sign_in.check(
        *ADMIN, "192.0.2.8", "browser"
    )  # the owner, elsewhere
    assert account.name == "admin"


async def test_what_was_right_is_not_hashed_again(tmp_path: Path) -> None:
    """VMS send the password with every request."""
    accounts = Accounts(tmp_path)
    accounts.add("vms", "viewer", "correct horse")
    sign_in_ = SignIn(accounts, OnsiteList(tmp_path, Registration(None)))
    await sign_in_.check("vms", "correct horse", "a", "vms")
    sign_in_._verify = lambda *_: pytest.fail("hashed again")  # type: ignore[method-assign]
    await sign_in_.check("vms", "correct horse", "a", "vms")
    accounts.remove("vms")
    sign_in_._verify = lambda *_: (False, False)  # type: ignore[method-assign]
    with pytest.raises(SignInRefused):
        await sign_in_.check("vms", "correct horse", "a", "vms")


async def test_the_form_tells_and_keeps_the_name(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    answer = await sign_in(visitor, site.http, ('"><b>', "wrong"))
    text = await answer.text()
    assert answer.status == 403
    assert "Name or password is wrong." in text
    assert 'value="&quot;&gt;&lt;b&gt;"' in text
    assert "Set-Cookie" not in answer.headers


async def test_a_form_that_is_too_large_is_refused(
    site: Site, visitor: aiohttp.ClientSession
) -> None:
    """P3."""
    url = f"{site.http}/sign-in/"
    large = await visitor.post(url, data={"name": "x" * 20_000}, headers=own(url))
    many = await visitor.post(url, data={f"f{n}": "" for n in range(50)}, headers=own(url))
    kind = await visitor.post(url, data=b"{}", headers=own(url))
    assert (large.status, many.status, kind.status) == (413, 400, 415)


async def test_a_guest_watches_and_changes_nothing(site: Site) -> None:
    account = await site.access.sign_in.check(*GUEST, "192.0.2.9", "browser")
    token, _ = site.access.token(account, "0" * 32)
    keys, host_id = site.access.key.checks
    access = verify_access_token(keys, token, host_id, now())
    assert access.grants == {1: frozenset({"live", "playback"})}
    assert access.recorder_rights == frozenset()
