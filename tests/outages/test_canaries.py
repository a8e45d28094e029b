"""D2: secrets that were planted appear nowhere: not in logs at DEBUG, not in the list of processes,
not in the database's bytes, not in the audit trail, and in no answer but the one that made them."""

from __future__ import annotations

from pathlib import Path

from tests.outages.installation import ADMIN, PASSWORD, Browser, Installation, installation

WRONG = "canary-of-a-wrong-password"
MAIL_PASSWORD = "canary-of-the-mail-server"
STORAGE_SECRET = "canary-of-the-storage"
PATHS = ("/recorders/", "/users/", "/audit/", "/audit/lines.csv", "/webhooks/", "/nothing/")


def plant(portal: Installation) -> dict[str, str]:
    """What each secret is called, and the secret."""
    given = portal.api("token/", {"email": ADMIN, "password": PASSWORD, "name": "VMS"})
    hook = portal.api("webhooks/", {"url": "https://127.0.0.1:1/x", "events": []})
    code = portal.api("registration-codes/", {"name": "Gate"})
    assert (given.status, hook.status, code.status) == (201, 201, 201)
    return {
        "password": PASSWORD,
        "wrong password": WRONG,
        "mail password": MAIL_PASSWORD,
        "storage secret": STORAGE_SECRET,
        "first key": portal.key,
        "key": given.json["token"],
        "webhook secret": hook.json["secret"],
        "registration code": code.json["code"],
    }


def processes() -> str:
    """The command lines of all that run here."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().decode(errors="replace"))
        except OSError:  # it ended in between
            continue
    return "\n".join(found)


def use(portal: Installation, key: str) -> dict[str, str]:
    """People come, err and look at everything; what they were told."""
    person = Browser(portal)
    person.get("/accounts/login/")
    told = {"wrong sign-in": person.sign_in(password=WRONG).text}
    assert person.sign_in().status == 302
    told |= {path: person.get(path).text for path in PATHS}
    told["/api/v1/audit/"] = portal.api("audit/?limit=500", key=key).text
    told["/api/v1/webhooks/"] = portal.api("webhooks/", key=key).text
    told["/api/v1/tokens/"] = portal.api("tokens/", key=key).text
    told["wrong json"] = portal.api("token/", [PASSWORD[:3]]).text
    return told


def test_planted_secrets_appear_nowhere(tmp_path):
    portal = installation(
        tmp_path / "portal",
        CONTERA_LOG_LEVEL="DEBUG",
        EMAIL_URL=f"smtp://me:{MAIL_PASSWORD}@127.0.0.1:1",
        CONTERA_STORAGE=f"s3://me:{STORAGE_SECRET}@127.0.0.1:1/bucket?tls=0",
    )
    portal.set_up()
    with portal.portal(), portal.worker():
        secrets = plant(portal)
        places = use(portal, secrets["key"])
        portal.api("users/", {"email": "new@portal.test", "name": "New"})  # a mail that fails
        places["processes"] = processes()
    files = [*portal.folder.glob("*.log"), *portal.folder.glob("contera.sqlite3*")]
    places |= {file.name: file.read_bytes().decode("latin-1") for file in files}
    found = [
        (n, p) for n, secret in secrets.items() for p, text in places.items() if secret in text
    ]
    assert {"portal.log", "worker.log", "contera.sqlite3"} <= set(places)
    assert not found
