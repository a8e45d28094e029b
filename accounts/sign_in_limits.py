"""How many wrong passwords and codes are taken, by account and by real address (A7).

Whoever signed in to an account from a browser or an address before has a budget of their own there.
Everybody else shares another one, of which a single address can only use up a part. So guessing is
slow from anywhere, and nobody can lock an owner out: not from elsewhere, and where the browser is
known, not even from the same address. All of it is the same for accounts that do not exist.
"""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest

from accounts import known_browsers
from accounts.client_address import client_address
from accounts.limits import Counted, Limit, take

MINUTE_S, HOUR_S = 60, 3600
ADDRESS = Limit("sign-in-address", 10, MINUTE_S)  # wrong tries at any accounts
BURST = Limit("sign-in-burst", 5, 5 * MINUTE_S)  # at one account, from one place
PLACE = Limit("sign-in-place", 15, HOUR_S)  # the same, longer
STRANGERS = Limit("sign-in-strangers", 60, HOUR_S)  # at one account, from all unknown places
IPV6_SITE_BITS = 64  # one site has as many addresses as it likes below that


def consume(request: HttpRequest, login: str, what: str = "password") -> Counted | None:
    """Counts a try; None when no more are taken for now. Give it back when it was right."""
    account, site = f"{what} {login.strip().lower()}", site_of(request)
    # Both are asked for whatever the first one says, so that every try takes equally long.
    browser = known_browsers.knows(request, login)
    is_known_site = known_browsers.knows_address(site, login)
    here = f"{account} {f'browser {browser}' if browser else f'address {site}'}"
    limits: list[tuple[Limit, object]] = [(BURST, here), (PLACE, here)]
    if not browser:
        limits.append((ADDRESS, site))
        if not is_known_site:
            limits.append((STRANGERS, account))
    return take(*limits)


def site_of(request: HttpRequest) -> str:
    """The real address, of IPv6 the network it belongs to."""
    address = client_address(request)
    if address is None:
        return "unknown"
    if ":" not in address:
        return address
    return str(ipaddress.ip_network(f"{address}/{IPV6_SITE_BITS}", strict=False))
