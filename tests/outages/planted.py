"""Secrets of every kind that people and programs have, and all that somebody else may read."""

from __future__ import annotations

import subprocess
import time
from base64 import b32decode
from pathlib import Path
from re import findall, search

import redis
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.outages.installation import ADMIN, PASSWORD, PEOPLE, Browser, Installation, wait_until
from tests.outages.site import TOOLS, Site
from tests.services.oidc import CLIENT, SECRET, oidc_running

WRONG = "canary-of-a-wrong-password"
INVITED = "invited@portal.test"
PATHS = (
    *("/recorders/", "/users/", "/groups/", "/audit/", "/audit/lines.csv", "/webhooks/"),
    *("/organisation/", "/organisation/sign-on/", "/account/", "/account/sessions/", "/nothing/"),
)
API = ("audit/?limit=500", "webhooks/", "tokens/", "users/", "me/", "me/sessions/", "services/")


def plant(site: Site, folder: Path) -> dict[str, str]:
    """What each secret is called, and the secret. Each is used as it is meant to be, once."""
    portal = site.portal
    given = portal.api("token/", {"email": ADMIN, "password": PASSWORD, "name": "VMS"})
    hook = portal.api("webhooks/", {"url": "https://127.0.0.1:1/x", "events": []})
    code = portal.api("registration-codes/", {"name": "Gate"})
    assert (given.status, hook.status, code.status) == (201, 201, 201)
    _set_up_sign_on(portal, folder)
    return {
        "password": PASSWORD,
        "wrong password": WRONG,
        "first key": portal.key,
        "key": given.json["token"],
        "webhook secret": hook.json["secret"],
        "registration code": code.json["code"],
        "client secret of sign-on": SECRET,
        "link of an invitation": _followed(portal, _invitation(site)),
        **_second_factor(portal),
    }


def _set_up_sign_on(portal: Installation, folder: Path) -> None:
    [organisation] = portal.api("organisations/").json["results"]
    entrance = f"{portal.url}/sign-in/{organisation['handle']}/"
    with oidc_running(folder, entrance) as provider:
        wanted = {"kind": "oidc", "name": "ID", "issuer": provider.issuer}
        wanted |= {"client_id": CLIENT, "secret": SECRET}
        made = portal.api(f"organisations/{organisation['id']}/sign-on/", wanted, "PUT")
    assert made.status == 200, made.text


def _invitation(site: Site) -> str:
    """The link in the mail to somebody who is invited."""
    site.portal.api("users/", {"email": INVITED, "name": "New", "groups": []})
    wait_until(lambda: any(mail["To"] == INVITED for mail in site.mail.messages))
    [mail] = [mail for mail in site.mail.messages if mail["To"] == INVITED]
    body = mail.get_body(("plain",))
    found = search(r"/invitation/(\S+?)/", body.get_content() if body else "")
    assert found
    return found[1]


def _followed(portal: Installation, token: str) -> str:
    """As somebody does who reads the mail, and somebody who comes too late."""
    for _ in range(2):
        assert Browser(portal).get(f"/invitation/{token}/").status == 302
    assert Browser(portal).get(f"/invitation/{token}x/").status in (302, 404)
    return token


def _second_factor(portal: Installation) -> dict[str, str]:
    """The viewer's: the app's secret, the recovery codes, and the cookie of the session."""
    person = Browser(portal)
    person.sign_in(login=PEOPLE["viewer"]["email"], password=PEOPLE["viewer"]["password"])
    page = person.get("/account/security/app/").text
    [secret] = findall(r'id="app-secret">([A-Z2-7]+)<', page)
    now = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    done = person.post("/account/security/app/", code=now)
    assert done.status == 302, done.text
    codes = findall(r"\b\d{10}\b", person.get(done.headers["location"]).text)
    cookie = person.cookies["sessionid"]
    assert b32decode(secret)
    assert len(codes) == 10
    return {"secret of the app": secret, "recovery code": codes[0], "session": cookie}


def places(site: Site, key: str, backups: Path) -> dict[str, str]:
    """People come, err and look at everything; what they were told, and what is written."""
    portal, person = site.portal, Browser(site.portal)
    person.get("/accounts/login/")
    told = {"wrong sign-in": person.sign_in(password=WRONG).text}
    assert person.sign_in().status == 302
    told |= {path: person.get(path).text for path in PATHS}
    told |= {path: portal.api(path, key=key).text for path in API}
    told["wrong json"] = portal.api("token/", [PASSWORD[:3]]).text
    made = Path(portal.manage("backup", str(backups)).strip())
    told |= {"backup": _rows(made / "contera.dump"), "redis": _redis(site.valkey)}
    told["processes"] = _processes()
    logs = [*portal.folder.glob("*.log"), site.recorder.folder / "log"]
    return told | {str(log): log.read_text(errors="replace") for log in logs}


def found_in(texts: dict[str, str], secrets: dict[str, str]) -> list[tuple[str, str]]:
    """Which secret is where."""
    assert all(len(text) > 10 for text in texts.values()), [n for n in texts if not texts[n]]
    return [(name, at) for name, it in secrets.items() for at, text in texts.items() if it in text]


def _rows(dump: Path) -> str:
    """The database, as whoever gets hold of a backup reads it."""
    command = [TOOLS / "pg_restore", "--file=-", dump]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _redis(url: str) -> str:
    with redis.Redis.from_url(url) as server:
        keys = list(server.scan_iter())
        values = [server.dump(key) or b"" for key in keys]
    return b"\n".join([*keys, *values]).decode("latin-1")


def _processes() -> str:
    """The command lines of all that run here."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().decode(errors="replace"))
        except OSError:  # it ended in between
            continue
    return "\n".join(found)
