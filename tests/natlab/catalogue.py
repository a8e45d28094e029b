"""The sites of the laboratory, and the path that each pair of them is to end on (L3)."""

from __future__ import annotations

from tests.natlab.sites import PROXY, Nat, Site

RECORDER, CAMERA, VIEWER, GUEST = "recorder", "camera", "viewer", "guest"
_ALL = (RECORDER, CAMERA, VIEWER, GUEST)
_NATS = (Nat.PUBLIC, Nat.ONE_TO_ONE, Nat.FULL_CONE, Nat.PORT_RESTRICTED, Nat.SYMMETRIC)

# Each has a recorder, somebody on the same LAN, and a guest.
CUSTOMER_SITES = {
    site.name: site
    for site in (
        # Guests need NAT, and this site has none.
        Site("public", 1, Nat.PUBLIC, (RECORDER, CAMERA, VIEWER)),
        Site("one_to_one", 2, Nat.ONE_TO_ONE, _ALL),
        Site("full_cone", 3, Nat.FULL_CONE, _ALL, has_hairpin=True),
        Site("port_restricted", 4, Nat.PORT_RESTRICTED, _ALL),
        Site("hairpin", 5, Nat.PORT_RESTRICTED, _ALL, has_hairpin=True),
        Site("symmetric", 6, Nat.SYMMETRIC, _ALL),
        Site("carrier", 7, Nat.PORT_RESTRICTED, _ALL, is_behind_carrier=True),
        Site("no_udp", 8, Nat.PORT_RESTRICTED, _ALL, passes_udp=False),
        Site("forwarded", 9, Nat.SYMMETRIC, _ALL, has_hairpin=True, forwards_web_door=True),
        Site("proxy", 10, Nat.PORT_RESTRICTED, (*_ALL, PROXY), needs_proxy=True),
    )
}
VIEWER_SITES = {
    name: Site(f"{name}-far", number, nat, (VIEWER,))
    for number, (name, nat) in enumerate(zip((str(nat) for nat in _NATS), _NATS, strict=True), 21)
} | {
    "carrier": Site("carrier-far", 31, Nat.PORT_RESTRICTED, (VIEWER,), is_behind_carrier=True),
    "no_udp": Site("no_udp-far", 32, Nat.PORT_RESTRICTED, (VIEWER,), passes_udp=False),
    "lossy": Site("lossy-far", 33, Nat.PORT_RESTRICTED, (VIEWER,), loss_percent=2),
}
SAME_LAN, GUESTS = "same_lan", "guest"  # viewers at the recorder's own site

# Rows: where the recorder is. Columns: where the viewer is. "-": there is no such pair.
_EXPECTED = """
recorder         public     one_to_one full_cone  port_restricted symmetric  carrier    no_udp     lossy      same_lan   guest
public           p2p        p2p        p2p        p2p             p2p        p2p        relay      p2p        lan        -
one_to_one       p2p        p2p        p2p        p2p             p2p        p2p        relay      p2p        lan        relay
full_cone        p2p        p2p        p2p        p2p             p2p        p2p        relay      p2p        lan        p2p
port_restricted  p2p        p2p        p2p        p2p             relay      p2p        relay      p2p        lan        relay
hairpin          p2p        p2p        p2p        p2p             relay      p2p        relay      p2p        lan        p2p
symmetric        p2p        p2p        p2p        relay           relay      relay      relay      relay      lan        relay
carrier          p2p        p2p        p2p        p2p             relay      p2p        relay      p2p        lan        relay
no_udp           relay      relay      relay      relay           relay      relay      relay      relay      lan        relay
forwarded        manual_nat manual_nat manual_nat manual_nat      manual_nat manual_nat manual_nat manual_nat manual_nat manual_nat
proxy            p2p        p2p        p2p        p2p             relay      p2p        relay      p2p        lan        relay
"""  # noqa: E501  # a table is read as one


def expected_paths() -> dict[tuple[str, str], str]:
    """(recorder's site, viewer's place) to the path that their sessions end on."""
    head, *rows = (line.split() for line in _EXPECTED.strip().splitlines())
    return {
        (row[0], place): path
        for row in rows
        for place, path in zip(head[1:], row[1:], strict=True)
        if path != "-"
    }


def viewer_machine(site: str, place: str) -> str:
    """The machine of the viewer at this place, for the recorder of this site."""
    if place == SAME_LAN:
        return CUSTOMER_SITES[site].namespace(VIEWER)
    if place == GUESTS:
        return CUSTOMER_SITES[site].namespace(GUEST)
    return VIEWER_SITES[place].namespace(VIEWER)
