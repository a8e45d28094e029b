"""What the laboratory is made of, as data: sites, their NAT, and the hosts behind it.

Addresses outside are from 44.0.0.0/15, which is nobody's inside the laboratory: the ranges for
documentation count as private to Python's `ipaddress` and to Chromium, and would be judged so.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

PORTAL = "portal"
PORTAL_ADDRESS = "44.0.0.10"
STUN_OTHER_ADDRESS = "44.0.0.11"  # RFC 5780 wants a second one
RECORDER_PORT = 8080  # of the recorder's web door, which a port forwarding reaches
PROXY, PROXY_PORT = "proxy", 3128


class Nat(enum.StrEnum):
    """How a site's router translates addresses (RFC 4787 words in the comments)."""

    PUBLIC = "public"  # it does not: hosts have addresses of the Internet
    ONE_TO_ONE = "one_to_one"  # an outside address for one host, all ports, both ways
    FULL_CONE = "full_cone"  # mapping and filtering endpoint-independent
    PORT_RESTRICTED = "port_restricted"  # filtering address and port-dependent
    SYMMETRIC = "symmetric"  # mapping address and port-dependent, too


@dataclass(frozen=True)
class Site:
    """A network behind one router. `number` (1 to 99, unique) gives it its addresses.

    Hosts are on the LAN, except `guest`: on a network of its own, kept apart from the LAN.
    """

    name: str
    number: int
    nat: Nat
    hosts: tuple[str, ...]
    passes_udp: bool = True
    has_hairpin: bool = False  # inside hosts reach each other by their outside addresses
    is_behind_carrier: bool = False  # double NAT: the router's outside is the carrier's inside
    forwards_web_door: bool = False  # TCP RECORDER_PORT to the first host: for Manual NAT
    needs_proxy: bool = False  # the first host gets out by TCP through the host PROXY alone
    loss_percent: int = 0  # of the packets that come in from outside

    @property
    def lan(self) -> str:
        """The first three numbers of the LAN's addresses."""
        return f"44.1.{self.number}" if self.nat is Nat.PUBLIC else f"192.168.{self.number}"

    @property
    def guest_lan(self) -> str:
        return f"192.168.{100 + self.number}"

    @property
    def wan_address(self) -> str:
        """Of the router on its outside."""
        return f"100.64.{self.number}.2" if self.is_behind_carrier else f"44.0.1.{self.number}"

    @property
    def wan_gateway(self) -> str:
        return f"100.64.{self.number}.1" if self.is_behind_carrier else "44.0.0.1"

    @property
    def carrier_address(self) -> str:
        return f"44.0.2.{self.number}"

    @property
    def outside_address(self) -> str:
        """What the Internet sees of this site's first host."""
        if self.nat is Nat.PUBLIC:
            return self.address(self.hosts[0])
        return self.carrier_address if self.is_behind_carrier else self.wan_address

    def address(self, host: str) -> str:
        lan = self.guest_lan if host == "guest" else self.lan
        return f"{lan}.{10 + self.hosts.index(host)}"

    @property
    def has_guests(self) -> bool:
        return "guest" in self.hosts

    def namespace(self, host: str) -> str:
        """The name of a host's namespace, without the laboratory's own prefix."""
        return f"{self.name}-{host}"
