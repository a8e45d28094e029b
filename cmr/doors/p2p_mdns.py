"""Names behind which browsers hide their local addresses (RFC 6762 one-shot queries)."""

from __future__ import annotations

from aioice.ice import get_or_create_mdns_protocol, unref_mdns_protocol

TRIES = 3  # of a second each: Wi-Fi loses multicast, and aioice asks only once
TRY_S = 1.0


async def resolve(name: str) -> str | None:
    """The address of an mDNS name, None when nobody on the local network tells."""
    subscriber = object()
    try:
        protocol = await get_or_create_mdns_protocol(subscriber)
    except OSError:  # port 5353 belongs to another program alone
        return None
    try:
        for _ in range(TRIES):
            if (address := await protocol.resolve(name, TRY_S)) is not None:
                return address
        return None
    finally:
        await unref_mdns_protocol(subscriber)
