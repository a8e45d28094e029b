"""From sites to namespaces, cables, addresses and routes: what has to be run, and nothing is run.

portal ── Internet (routes and bridges) ── carrier ── router ── LAN ── recorder, viewer …
                                        └─ router ── LAN …      └─ guest network ── guest
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.natlab.rules import carrier_rules, router_rules
from tests.natlab.sites import PORTAL, PORTAL_ADDRESS, STUN_OTHER_ADDRESS, Nat, Site

INTERNET = "internet"
GATEWAY = "44.0.0.1"


@dataclass
class Machine:
    """One namespace: lines for `ip -batch` inside it, and its nftables rules."""

    name: str
    lines: list[str] = field(default_factory=list)
    rules: str = ""
    is_router: bool = False


@dataclass(frozen=True)
class Cable:
    """A veth pair between two machines; ends are (machine, interface)."""

    one: tuple[str, str]
    other: tuple[str, str]


@dataclass
class Topology:
    machines: dict[str, Machine] = field(default_factory=dict)
    cables: list[Cable] = field(default_factory=list)

    def add(self, name: str, *, is_router: bool = False) -> Machine:
        machine = Machine(name, ["link set lo up"], is_router=is_router)
        self.machines[name] = machine
        return machine

    def plug(self, machine: Machine, interface: str, into: Machine, bridge: str) -> None:
        """A cable from the machine into a bridge."""
        port = f"p{len(self.cables)}"
        self.cables.append(Cable((machine.name, interface), (into.name, port)))
        into.lines += [f"link set {port} master {bridge}", f"link set {port} up"]


def build(sites: Sequence[Site]) -> Topology:
    """Everything of a laboratory with these sites."""
    topology = Topology()
    internet = topology.add(INTERNET, is_router=True)
    internet.lines += _bridge("exchange", f"{GATEWAY}/16")
    portal = topology.add(PORTAL)
    topology.plug(portal, "eth0", internet, "exchange")
    portal.lines += _interface("eth0", f"{PORTAL_ADDRESS}/16", GATEWAY)
    portal.lines.append(f"addr add {STUN_OTHER_ADDRESS}/16 dev eth0")
    for site in sites:
        _add_site(topology, internet, site)
    return topology


def _add_site(topology: Topology, internet: Machine, site: Site) -> None:
    router = topology.add(site.namespace("router"), is_router=True)
    router.lines += _bridge("lan", f"{site.lan}.1/24")
    router.rules = router_rules(site)
    if site.has_guests:
        router.lines += _bridge("guests", f"{site.guest_lan}.1/24")
    if site.is_behind_carrier:
        _add_carrier(topology, internet, router, site)
    else:
        topology.plug(router, "wan", internet, "exchange")
        router.lines += _interface("wan", f"{site.wan_address}/16", site.wan_gateway)
    if site.nat is Nat.PUBLIC:
        internet.lines.append(f"route add {site.lan}.0/24 via {site.wan_address}")
    for name in site.hosts:
        host = topology.add(site.namespace(name))
        topology.plug(host, "eth0", router, "guests" if name == "guest" else "lan")
        address = site.address(name)
        host.lines += _interface("eth0", f"{address}/24", f"{address.rpartition('.')[0]}.1")


def _add_carrier(topology: Topology, internet: Machine, router: Machine, site: Site) -> None:
    carrier = topology.add(site.namespace("carrier"), is_router=True)
    carrier.rules = carrier_rules(site)
    carrier.lines += _bridge("inside", f"{site.wan_gateway}/24")
    topology.plug(carrier, "wan", internet, "exchange")
    carrier.lines += _interface("wan", f"{site.carrier_address}/16", GATEWAY)
    topology.plug(router, "wan", carrier, "inside")
    router.lines += _interface("wan", f"{site.wan_address}/24", site.wan_gateway)


def _bridge(name: str, address: str) -> list[str]:
    make = f"link add name {name} type bridge"
    return [make, f"addr add {address} dev {name}", f"link set {name} up"]


def _interface(name: str, address: str, gateway: str) -> list[str]:
    up = [f"addr add {address} dev {name}", f"link set {name} up"]
    return [*up, f"route add default via {gateway}"]
