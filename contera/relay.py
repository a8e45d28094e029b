"""`python -m contera.relay`: a relay node by itself, for a region of its own."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from contera.listening import Tls, serve
from contera.relay_asgi import build_application
from protocol.version_floors import outdated


def main() -> int:
    """Exit codes: 0 stopped, 1 could not listen, 2 wrong configuration."""
    parser = argparse.ArgumentParser(prog="python -m contera.relay", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8010, help="TCP port to listen on")
    parser.add_argument(
        "--trusted-proxy", action="append", default=[], help="address of a proxy before the node"
    )
    parser.add_argument("--certificate", type=Path, help="PEM file: serve https")
    parser.add_argument("--key", type=Path, help="PEM file, when the certificate's has no key")
    arguments = parser.parse_args()
    if arguments.key is not None and arguments.certificate is None:
        parser.error("--key without --certificate")
    if holes := outdated():
        return _fail(2, "; ".join(str(hole) for hole in holes))
    tls = Tls(arguments.certificate, arguments.key) if arguments.certificate else None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        application = build_application()
        if tls is not None:
            tls.check()
    except KeyError as error:
        return _fail(2, f"{error.args[0]} is not set")
    except ValueError as error:
        return _fail(2, str(error))
    try:
        serve(
            application,
            host=arguments.host,
            port=arguments.port,
            trusted_proxies=arguments.trusted_proxy,
            tls=tls,
        )
    except OSError as error:
        return _fail(1, f"{arguments.host}:{arguments.port}: {error.strerror or error}")
    return 0


def _fail(code: int, message: str) -> int:
    sys.stderr.write(f"relay: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
