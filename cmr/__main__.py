"""The recorder's command line: `python -m cmr --help`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cmr import __version__
from cmr.config import ConfigError, check_camera_url, check_name, load_config
from cmr.config_file import add_camera, ensure_config
from cmr.enrolment import EnrolmentError, enrol
from cmr.identity import FILE_NAME, IdentityError, load_identity, save_identity
from cmr.local.accounts import AccountError
from cmr.local.command import add_account_command, make_first_account
from cmr.portal import PortalError, parse_portal_url
from cmr.proxy import Proxy
from cmr.status import AlreadyRunning, describe, is_running, read_status, running_lock
from protocol.version_floors import outdated

OK, FAILED, WRONG_USAGE = 0, 1, 2

log = logging.getLogger("cmr")

_DESCRIPTION = """\
The Contera recorder: records cameras, and shows live and recorded video through the portal.

Begin with `enrol` (the code comes from the portal's My Recorders page), then `add` each camera,
then `run`. Recordings, identity and status are kept beside the configuration file.
"""
_EPILOG = """\
exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration
environment: CMR_CONFIG names the configuration file when --config does not
"""


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    options = _parser().parse_args(_with_add(list(arguments)))
    try:
        return int(options.command(options))
    except (ConfigError, IdentityError, PortalError, AccountError) as error:
        return _complain(error, WRONG_USAGE)
    except (EnrolmentError, AlreadyRunning) as error:
        return _complain(error, FAILED)
    except OSError as error:
        return _complain(error.strerror or error, FAILED)


def _complain(error: object, code: int) -> int:
    print(f"cmr: {error}", file=sys.stderr)
    return code


def _with_add(arguments: list[str]) -> list[str]:
    """`--add rtsp://…` is written for `add rtsp://…` as well."""
    return ["add" if argument == "--add" else argument for argument in arguments]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cmr",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"ConteraCMR {__version__}")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=Path(os.environ.get("CMR_CONFIG") or "cmr.toml"),
        help="the configuration file (default: %(default)s)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_enrol(commands)
    _add_add(commands)
    _add_preflight(commands)
    add_account_command(commands)
    status = commands.add_parser("status", help="say how the recorder is doing")
    status.set_defaults(command=_status)
    return parser


_Commands = argparse._SubParsersAction  # argparse gives the type no public name


def _add_run(commands: _Commands[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="record and serve until stopped (SIGTERM, Ctrl-C)")
    run.add_argument("--verbose", action="store_true", help="log what is usually only counted")
    run.set_defaults(command=_run)


def _add_enrol(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("enrol", help="register this recorder with a portal")
    parser.add_argument("--portal", required=True, metavar="URL", help="https://portal.example")
    parser.add_argument(
        "--code",
        required=True,
        help="the one-time code from My Recorders, or - to read it from the standard input",
    )
    parser.add_argument("--name", help="what to call the recorder (default: the configured name)")
    parser.add_argument(
        "--replace", action="store_true", help="give up the present registration, if there is one"
    )
    parser.set_defaults(command=_enrol)


def _add_add(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "add",
        help="add a camera to the configuration",
        description="Adds a camera with the next free number. Other users of this machine can see "
        "a command's arguments while it runs: write - as address to have it read from the "
        "standard input, one address a line, first hd, then sd.",
    )
    parser.add_argument("address", help="the large picture: rtsp://user:password@host/path, or -")
    parser.add_argument("--name", help="what to call the camera (default: Camera and its number)")
    parser.add_argument("--sd", metavar="ADDRESS", help="the small picture, used in grids")
    parser.set_defaults(command=_add)


def _add_preflight(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "preflight",
        help="test what this recorder needs of its network",
        description="Tests names, ports, certificates, the relay, UDP and the upload rate, and "
        "says what to tell the network administrator. Takes up to 45 seconds; exit code 1 when "
        "something required fails.",
    )
    parser.add_argument("--portal", metavar="URL", help="test a portal before registering with it")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(command=_preflight)


def _preflight(options: argparse.Namespace) -> int:
    from cmr.preflight.command import preflight_command  # only this command needs it

    text, is_fine = preflight_command(options.config, options.portal, is_json=options.json)
    print(text)
    return OK if is_fine else FAILED


def _enrol(options: argparse.Namespace) -> int:
    url = parse_portal_url(options.portal)
    ensure_config(options.config)
    config = load_config(options.config)
    known = _known_identity(config.folder)
    if known and not options.replace:
        raise ConfigError(
            f"{config.folder / FILE_NAME}: this recorder is already registered; "
            "--replace gives that up"
        )
    name = check_name("--name", options.name) if options.name else config.name
    if not url.is_protected:
        print(
            f"Warning: {url.text} is plain HTTP: whoever answers there now is believed to be the "
            "portal. Use https:// where it gets through."
        )
    code = sys.stdin.readline(100) if options.code == "-" else options.code
    proxy = Proxy(config.proxy) if config.proxy else None
    identity = asyncio.run(enrol(url, code, name, time.time(), proxy))
    save_identity(config.folder, identity)
    print(f"Registered as {identity.name} of {identity.organisation}.")
    if is_running(config.folder):
        print("Restart the running recorder, so that it uses the new registration.")
        return OK
    if not config.cameras:
        print("Next, add each camera: python -m cmr add rtsp://…")
    print(f"{'Then' if not config.cameras else 'Next,'} start the recorder: python -m cmr run")
    return OK


def _known_identity(folder: Path) -> bool:
    try:
        return load_identity(folder) is not None
    except IdentityError:
        return False  # damaged: registering again is what mends it


def _add(options: argparse.Namespace) -> int:
    hd, sd = options.address, options.sd
    if hd == "-":
        lines = [line.strip() for line in sys.stdin.read(10_000).splitlines() if line.strip()]
        hd, sd = [*lines, sd][:2] if lines else ("", sd)
    hd = check_camera_url("camera", hd)
    sd = check_camera_url("--sd", sd) if sd is not None else None
    name = check_name("--name", options.name) if options.name is not None else None
    ensure_config(options.config)
    camera = add_camera(options.config, hd, name, sd)
    print(f"Added camera {camera.number}, {camera.name}, to {options.config}.")
    if is_running(options.config.absolute().parent):
        print("Restart the running recorder, so that it records the camera.")
    return OK


def _status(options: argparse.Namespace) -> int:
    folder = load_config(options.config).folder
    if not is_running(folder):
        print("The recorder is not running.")
        return FAILED
    status = read_status(folder)
    print("\n".join(describe(status)) if status else "The recorder is starting.")
    return OK


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    if not options.verbose:
        # aioice tells of each check of each pair, aiortc of whatever a hostile peer makes it raise.
        for name in ("aioice", "aiortc"):
            logging.getLogger(name).setLevel(logging.ERROR)
    config = load_config(options.config)
    identity = load_identity(config.folder)
    if config.file.stat().st_mode & 0o077:
        log.warning("%s can be read by others; it holds passwords: chmod 600", config.file)
    for hole in outdated():  # said, no more: a recorder that does not start loses video
        log.warning("%s", hole)
    from cmr.recorder import Recorder  # only `run` needs PyAV and the rest, half a second to load

    async def record() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        again = await Recorder(config, identity).run(stop)
        while again:  # its own page changed what is in the files
            fresh = load_config(config.file)
            again = await Recorder(fresh, load_identity(fresh.folder)).run(stop)

    with running_lock(config.folder):
        make_first_account(config.folder)
        # Never closed: closing waits for threads, and a resolver may hang in one for minutes.
        asyncio.Runner().run(record())
    log.info("stopped")
    return OK


def _end(exit_code: int) -> None:
    """Ends the process without waiting for threads: see `_run`."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except Exception:
        log.exception("the recorder failed; this is a bug")
        code = FAILED
    _end(code)
