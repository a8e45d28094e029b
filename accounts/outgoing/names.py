"""Names to addresses, within a time: the system's resolver waits as long as it likes (D2)."""

from __future__ import annotations

import socket
import threading
from ipaddress import ip_address

from accounts.outgoing.addresses import Address

PATIENCE_S = 4.0
AT_ONCE = 16  # waiting for a resolver that hangs; whoever comes then is told at once

_places = threading.BoundedSemaphore(AT_ONCE)


class NameUnknown(Exception):
    """No address for the name, or no answer in time."""


def look_up(host: str, port: int) -> list[Address]:
    """The name's addresses, each once, in the resolver's order. Raises NameUnknown within
    PATIENCE_S."""
    if not _places.acquire(blocking=False):
        raise NameUnknown(host)
    found: list[Address] = []
    done = threading.Event()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(ip_address(str(entry[4][0])) for entry in entries))
        except (OSError, UnicodeError):
            pass
        finally:
            _places.release()
            done.set()

    # A daemon: a program that stops does not wait for the resolver.
    threading.Thread(target=ask, name="resolver", daemon=True).start()
    if not done.wait(PATIENCE_S) or not found:
        raise NameUnknown(host)
    return found
