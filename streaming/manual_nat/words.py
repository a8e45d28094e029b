"""What a test of Manual NAT found, for the person who configures it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from recorders.network_settings import ManualNat
from streaming.broker.nearness import in_url, is_same_network, parsed
from streaming.manual_nat.probe import Found, Outcome

_SENTENCES = {
    Outcome.OK: "The recorder answers at {place} and proved that it is this one.",
    Outcome.NAME_UNKNOWN: "No address is known for {host}. Check how it is spelt, and that the "
    "name is in the public DNS.",
    Outcome.REFUSED_ADDRESS: "{host} cannot be tested: {refused}.",
    Outcome.UNREACHABLE: "No recorder answers at {place}. Check that the router forwards the port "
    "to the recorder, and that no firewall on the way stops it.",
    Outcome.TLS_UNTRUSTED: "{place} has no certificate that browsers trust for {host}, or does not "
    "speak https. Browsers will not connect: install a certificate for this name at the recorder, "
    "or use Manual NAT without https.",
    Outcome.NOT_THIS_RECORDER: "Something answers at {place}, but it did not prove to be this "
    "recorder. Check to which machine the router forwards the port.",
}


@dataclass(frozen=True)
class Circumstances:
    """What the portal knows besides: addresses of the viewer and the recorder, its web ports."""

    viewer: str | None
    recorder: str | None
    http_port: int | None
    https_port: int | None


def sentence(place: ManualNat, found: Found) -> str:
    return _SENTENCES[found.outcome].format(
        host=place.host,
        place=f"{in_url(place.host)} port {place.port}",
        refused=f"{'' if _is_address(place) else 'it leads to an address where '}{found.refused}",
    )


def hints(place: ManualNat, found: Found, around: Circumstances) -> list[str]:
    """What may be the reason, or still go wrong for viewers."""
    if found.outcome in (Outcome.NAME_UNKNOWN, Outcome.REFUSED_ADDRESS):
        return []
    is_fine = found.outcome is Outcome.OK
    found_hints = [_hairpin(around), "" if is_fine else _elsewhere(found, around)]
    found_hints.append("" if is_fine else _port(place, around))
    return [hint for hint in found_hints if hint]


def _hairpin(around: Circumstances) -> str:
    if not is_same_network(parsed(around.viewer), parsed(around.recorder)):
        return ""
    return (
        "You seem to be in the recorder's own network. The test came from outside: whether the "
        "router also leads back inside (hairpin NAT) it cannot tell. LAN Smart Forwarding is for "
        "viewers there."
    )


def _elsewhere(found: Found, around: Circumstances) -> str:
    recorder = parsed(around.recorder)
    same_kind = [a for a in found.addresses if recorder and a.version == recorder.version]
    if not same_kind or any(is_same_network(address, recorder) for address in same_kind):
        return ""
    return (
        f"It leads to {same_kind[0]}, but the recorder comes to the portal from {recorder}. When "
        "its site has one connection to the Internet, that is the address to use."
    )


def _port(place: ManualNat, around: Circumstances) -> str:
    port = around.https_port if place.is_https else around.http_port
    scheme = "https" if place.is_https else "http"
    if port is None:
        return f"The recorder has not reported a {scheme} port: switch it on in its cmr.toml."
    return f"The recorder listens for {scheme} on its port {port}: forward port {place.port} there."


def _is_address(place: ManualNat) -> bool:
    return parsed(place.host) is not None
