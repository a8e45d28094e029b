"""What each command does: reads its arguments, calls, writes."""

from __future__ import annotations

import argparse
import getpass
import json
import platform
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from contera_cli import account, exports, output, video
from contera_cli.account import Account
from contera_cli.errors import CommandFailed, Refused
from contera_cli.portal import Portal
from contera_cli.session import open_session
from contera_cli.web import Web
from protocol.times import format_time, parse_time

Arguments = argparse.Namespace


def login(arguments: Arguments) -> None:
    portal = Portal(Account(arguments.portal.rstrip("/"), ""), Web())
    if arguments.token:
        key = _secret("API token: ")
    else:
        key = _signed_in(portal, arguments.email or _asked("E-mail address or user name: "))
    signed_in = Portal(Account(portal.account.portal, key), portal.web)
    me = signed_in.call("GET", "me/")
    account.save(signed_in.account)
    say(f"Signed in to {portal.account.portal} as {me['name'] or me['email']}.")


def _signed_in(portal: Portal, email: str) -> str:
    password, name = _secret("Password: "), f"contera_cli on {platform.node()}"[:100]
    try:
        return portal.sign_in(email, password, name)
    except Refused as refused:
        if refused.code != "mfa_required":
            raise
    return portal.sign_in(email, password, name, _secret("Code of your second factor: "))


def logout(arguments: Arguments) -> None:
    signed_in().sign_out()
    account.forget()
    say("Signed out; the token is withdrawn.")


def list_recorders(arguments: Arguments) -> None:
    rows = list(signed_in().recorders(arguments.search))
    _listed(rows, arguments, lambda row: ("online" if row["is_online"] else "offline", row["name"]))


def list_cameras(arguments: Arguments) -> None:
    portal = signed_in()
    cameras = [
        camera
        for recorder in portal.recorders(arguments.recorder)
        for camera in portal.cameras(recorder)
    ]
    rows = [{**camera.facts, "recorder": camera.recorder["name"]} for camera in cameras]
    _listed(
        rows,
        arguments,
        lambda row: (row["state"], f"{row['recorder']}/{row['number']}", row["name"], row["id"]),
    )


def watch(arguments: Arguments) -> None:
    portal = signed_in()
    camera = portal.camera(arguments.camera)
    session = open_session(portal, camera)
    pieces = video.live(session, camera, arguments.profile)
    with output.opened(arguments.output, arguments.player) as file:
        written = output.write_all(pieces, file, arguments.seconds)
    say(f"{camera}: {written} bytes.")


def playback(arguments: Arguments) -> None:
    portal = signed_in()
    camera = portal.camera(arguments.camera)
    start, end = _range(arguments)
    pieces = video.recorded(open_session(portal, camera), camera, arguments.profile, start, end)
    with output.opened(arguments.output, arguments.player) as file:
        written = output.write_all(pieces, file)
    say(f"{camera}: {written} bytes.")


def snapshot(arguments: Arguments) -> None:
    portal = signed_in()
    camera = portal.camera(arguments.camera)
    query = {"width": str(arguments.width)} if arguments.width else {}
    if arguments.time:
        query["time"] = format_time(parse_time(arguments.time))
    answer = open_session(portal, camera).get(f"/v1/cameras/{camera.number}/snapshot.jpg", query)
    with output.opened(arguments.output, "") as file:
        file.write(answer.read())


def export(arguments: Arguments) -> None:
    portal = signed_in()
    cameras = [portal.camera(wanted) for wanted in arguments.camera]
    start, end = map(format_time, _range(arguments))
    made = exports.make_incident(portal, cameras, start, end, arguments.title, arguments.note or "")
    say(f"Incident {made['id']}: {portal.account.portal}/incidents/{made['id']}/")
    if arguments.output:
        _download(portal, made["id"], arguments.output)


def download(arguments: Arguments) -> None:
    _download(signed_in(), arguments.incident, arguments.output)


def list_incidents(arguments: Arguments) -> None:
    rows = list(signed_in().listed("incidents/"))
    _listed(rows, arguments, lambda row: (row["id"], row["start"], row["title"]))


def _download(portal: Portal, incident_id: str, folder: str) -> None:
    export = exports.wait_for(portal, exports.newest_export(portal, incident_id), say)
    for file in exports.download(portal, export, Path(folder)):
        say(str(file))


def signed_in() -> Portal:
    return Portal(account.load(), Web())


def say(words: str) -> None:
    """To people, on standard error: standard output may be video."""
    sys.stderr.write(f"{words}\n")


def _range(arguments: Arguments) -> tuple[datetime, datetime]:
    start = parse_time(arguments.start)
    if arguments.end:
        end = parse_time(arguments.end)
    else:
        end = start + timedelta(seconds=arguments.seconds)
    if end <= start:
        raise CommandFailed("The end must be after the start.")
    return start, end


def _listed(rows: Sequence[dict[str, Any]], arguments: Arguments, columns: Any) -> None:
    """One line each, columns apart by tabs; with --json as the API gave them."""
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    for row in rows:
        sys.stdout.write("\t".join(map(str, columns(row))) + "\n")


def _asked(words: str) -> str:
    sys.stderr.write(words)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _secret(words: str) -> str:
    """Not shown while it is typed; from standard input when that is no terminal."""
    if sys.stdin.isatty():
        return getpass.getpass(words)
    return sys.stdin.readline().rstrip("\n")
