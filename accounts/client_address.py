"""The client's address: the socket's, or what the trusted proxies in front say, and nobody else."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """An IP address in canonical form, or None when there is none (tests, unix sockets)."""
    return choose_address(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        settings.CONTERA_TRUSTED_PROXIES,
    )


def choose_address(peer: str, forwarded_for: str, trusted_proxies: int) -> str | None:
    """With n trusted proxies, the n-th address from the right; what a client adds itself stands
    further left and is never looked at."""
    hops = [*(hop.strip() for hop in forwarded_for.split(",") if hop.strip()), peer]
    chosen = hops[max(0, len(hops) - 1 - trusted_proxies)] if trusted_proxies else peer
    try:
        address = ipaddress.ip_address(chosen)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
