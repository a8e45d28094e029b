"""`python -m contera_cli login|logout|recorders|cameras|watch|playback|snapshot|export|…`

Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage, 130
stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from contera_cli import commands
from contera_cli.errors import CommandFailed
from protocol.errors import ProtocolError

CAMERA = "id, recorder/number, or a name that one camera has"


def main(arguments: Sequence[str] | None = None) -> int:
    wanted = _parser().parse_args(arguments)
    try:
        wanted.run(wanted)
    except (CommandFailed, ProtocolError) as error:
        sys.stderr.write(f"contera_cli: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m contera_cli", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="COMMAND")

    login = parts.add_parser("login", help="sign in; the token is kept in cli.json")
    login.add_argument("portal", help="https://portal.example")
    login.add_argument("--email", default="", help="e-mail address or user name; asked for if not")
    login.add_argument("--token", action="store_true", help="asks for an API token instead")
    login.set_defaults(run=commands.login)

    logout = parts.add_parser("logout", help="withdraw the token and forget it")
    logout.set_defaults(run=commands.logout)

    recorders = _list(parts, "recorders", "list recorders", commands.list_recorders)
    recorders.add_argument("--search", default="", help="words in name, location, model, camera")
    cameras = _list(parts, "cameras", "list cameras", commands.list_cameras)
    cameras.add_argument("--recorder", default="", help="words in the recorder's name")
    _list(parts, "incidents", "list incidents", commands.list_incidents)

    watch = _video(parts, "watch", "live video, into a file or a player", commands.watch)
    watch.add_argument("--seconds", type=float, help="stop after so long; else with Ctrl-C")
    _range(_video(parts, "playback", "recorded video, likewise", commands.playback))

    snapshot = parts.add_parser("snapshot", help="a still picture (JPEG)")
    snapshot.add_argument("camera", help=CAMERA)
    snapshot.add_argument("-o", "--output", default="-", help="file; - (default) standard output")
    snapshot.add_argument("--time", default="", help="of recorded video; else live")
    snapshot.add_argument("--width", type=int, default=0, help="64 to 1920 pixels")
    snapshot.set_defaults(run=commands.snapshot)

    export = parts.add_parser("export", help="make an incident; its export goes to the storage")
    export.add_argument("camera", nargs="+", help=CAMERA)
    export.add_argument("--title", required=True, help="what happened")
    export.add_argument("--note", help="kept with the incident")
    export.add_argument("-o", "--output", help="wait, and download the files into this folder")
    _range(export)
    export.set_defaults(run=commands.export)

    download = parts.add_parser("download", help="wait for an incident's export and download it")
    download.add_argument("incident", help="its id")
    download.add_argument("-o", "--output", default=".", help="folder")
    download.set_defaults(run=commands.download)
    return parser


def _list(parts: Any, name: str, words: str, run: object) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=words)
    part.add_argument("--json", action="store_true", help="everything the API tells")
    part.set_defaults(run=run)
    return part


def _video(parts: Any, name: str, words: str, run: object) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=words)
    part.add_argument("camera", help=CAMERA)
    part.add_argument("--profile", choices=("hd", "sd"), default="hd")
    part.add_argument("-o", "--output", default="-", help="file; - (default) standard output")
    part.add_argument(
        "--player", default="", help="a command that plays its standard input: 'mpv -'"
    )
    part.set_defaults(run=run)
    return part


def _range(part: argparse.ArgumentParser) -> None:
    part.add_argument("--from", dest="start", required=True, help="2026-11-23T08:15:30+01:00")
    until = part.add_mutually_exclusive_group(required=True)
    until.add_argument("--to", dest="end", help="as --from")
    until.add_argument("--seconds", type=float, help="length instead of --to")


if __name__ == "__main__":
    sys.exit(main())
