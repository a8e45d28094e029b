"""How long who guesses passwords must wait. Pure: the time is an argument, in seconds.

Each wrong password makes the next try wait longer, at that account and from that address. Nobody is
ever locked out: the waits are bounded, and a right password ends them.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 3  # people mistype
FIRST_WAIT_S = 0.5
# An account waits less than an address: its owner, elsewhere, must not suffer much from others.
MAX_ACCOUNT_WAIT_S = 4.0
MAX_ADDRESS_WAIT_S = 30.0
FORGET_S = 15 * 60.0  # after so long without a wrong try all is forgotten
MAX_KEYS = 10_000  # the one that was quiet longest goes first


@dataclass
class _Failures:
    count: int
    last: float


class Slowdown:
    """Wrong tries by account and by address."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, name: str, address: str, now: float) -> float:
        """How long this try waits before its password is looked at."""
        account = _wait_s(self._count(f"a {name}", now), MAX_ACCOUNT_WAIT_S)
        place = _wait_s(self._count(f"p {network_of(address)}", now), MAX_ADDRESS_WAIT_S)
        return max(account, place)

    def failed(self, name: str, address: str, now: float) -> int:
        """Counts a wrong password; how many from that address there were."""
        self._count_one(f"a {name}", now)
        return self._count_one(f"p {network_of(address)}", now)

    def succeeded(self, name: str, address: str) -> None:
        """The owner is there: account and address are forgiven."""
        self._failures.pop(f"a {name}", None)
        self._failures.pop(f"p {network_of(address)}", None)

    def _count(self, key: str, now: float) -> int:
        found = self._failures.get(key)
        return 0 if found is None or now - found.last > FORGET_S else found.count

    def _count_one(self, key: str, now: float) -> int:
        count = self._count(key, now) + 1
        self._failures[key] = _Failures(count, now)
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)
        return count


def network_of(address: str) -> str:
    """What one person has: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _wait_s(count: int, most: float) -> float:
    if count < FREE_TRIES:
        return 0.0
    return min(most, FIRST_WAIT_S * 2.0 ** min(count - FREE_TRIES, 16))
