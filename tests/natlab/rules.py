"""The nftables rules of a router: from a site to the text that `nft -f` reads. Pure.

A router drops what nobody inside asked for on its outside as well (`entering`). Otherwise Linux
would answer a peer's early packet itself and remember the pair of addresses, and the packet of the
host inside that is to open the hole would get another port: a hole punch that works everywhere
else would fail here.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.natlab.sites import RECORDER_PORT, Nat, Site

LEARNED_FOR = "2m"  # RFC 4787 REQ-5: a mapping lives at least two minutes


def router_rules(site: Site) -> str:
    """All rules of a site's router."""
    parts = [*_learning(site), *_arriving(site), *_leaving(site), *_passing(site), *_ENTERING]
    return _table(parts)


def carrier_rules(site: Site) -> str:
    """Those of the carrier's router before the site's: one more port-restricted NAT."""
    return _table([_CARRIER_LEAVING, _CARRIER_PASSING, *_ENTERING])


def _table(parts: list[str]) -> str:
    return "table ip natlab {\n" + "\n".join(parts) + "\n}\n"


def _chain(name: str, hook: str, rules: list[str]) -> str:
    return f"chain {name} {{\n  {hook}\n  " + "\n  ".join(rules) + "\n}"


_ENTERING = [
    _chain(
        "entering",
        "type filter hook input priority 0; policy drop;",
        ['iifname != "wan" accept', "ct state established,related accept"],
    )
]
_CARRIER_LEAVING = _chain(
    "leaving", "type nat hook postrouting priority srcnat;", ['oifname "wan" masquerade']
)
_CARRIER_PASSING = _chain(
    "passing",
    "type filter hook forward priority 0; policy drop;",
    ["ct state established,related accept", 'oifname "wan" accept'],
)


def _learning(site: Site) -> Iterator[str]:
    """Which host inside has which UDP port outside: masquerade keeps port numbers if it can.

    Netfilter's own mappings are per pair of addresses; a cone and a hairpin need this.
    """
    if site.nat is Nat.FULL_CONE or site.has_hairpin:
        yield (
            "map inside {\n  type inet_service : ipv4_addr; flags dynamic,timeout;"
            f" timeout {LEARNED_FOR}; size 4096;\n}}"
        )
        outwards = 'iifname != "wan" oifname "wan" meta l4proto udp'
        rules = [f"{outwards} update @inside {{ udp sport : ip saddr }}"]
        yield _chain("learning", "type filter hook postrouting priority 90;", rules)


def _arriving(site: Site) -> Iterator[str]:
    rules, first = [], site.address(site.hosts[0])
    if site.forwards_web_door:
        where = f"ip daddr {site.wan_address}" if site.has_hairpin else 'iifname "wan"'
        rules.append(f"{where} tcp dport {RECORDER_PORT} dnat to {first}")
    if site.nat is Nat.ONE_TO_ONE:
        rules.append(f'iifname "wan" dnat to {first}')
    if site.nat is Nat.FULL_CONE:
        rules.append('iifname "wan" meta l4proto udp dnat to udp dport map @inside')
    if site.has_hairpin:
        hairpin = f'iifname != "wan" ip daddr {site.wan_address} meta l4proto udp'
        rules.append(f"{hairpin} dnat to udp dport map @inside")
    if rules:
        yield _chain("arriving", "type nat hook prerouting priority dstnat;", rules)


def _leaving(site: Site) -> Iterator[str]:
    how = {
        Nat.ONE_TO_ONE: f"snat to {site.wan_address}",
        Nat.SYMMETRIC: "masquerade random,fully-random",
    }.get(site.nat, "masquerade")
    rules = [f'oifname "wan" {how}']
    if site.has_hairpin:
        rules.append(f'iifname != "wan" ct status dnat snat to {site.wan_address}')
    if site.nat is not Nat.PUBLIC:
        yield _chain("leaving", "type nat hook postrouting priority srcnat;", rules)


def _passing(site: Site) -> Iterator[str]:
    rules = []
    if site.loss_percent:
        lost = f"numgen random mod 100 < {site.loss_percent}"
        rules.append(f'iifname "wan" {lost} drop')
    if not site.passes_udp:
        rules.append("meta l4proto udp drop")
    rules += [
        "ct state established,related accept",
        'oifname "wan" accept',
        "ct status dnat accept",
    ]
    if site.nat is Nat.PUBLIC:
        rules.append('iifname "wan" accept')
    yield _chain("passing", "type filter hook forward priority 0; policy drop;", rules)
