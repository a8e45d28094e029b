"""What the broker decides from and what it decides: plain values, nothing looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from streaming.broker.nearness import Span

PATHS = ("manual_nat", "lan", "p2p", "relay")  # in order of preference (C10)
WANTED = ("auto", *PATHS)


class Page(Enum):
    """How the viewer's page came; a browser's page may only open what is protected as well."""

    HTTP = "http"
    HTTPS = "https"
    NONE = "none"  # a program of its own, bound by no browser's rules


@dataclass(frozen=True)
class Viewer:
    """Who asks; `address` is what the trusted proxies say, and nobody else (L7)."""

    address: str | None = None
    page: Page = Page.HTTP


@dataclass(frozen=True)
class ManualAddress:
    """The owner's word where the recorder is reached: `host` is a domain or an address."""

    host: str
    port: int
    is_https: bool


@dataclass(frozen=True)
class Facts:
    """What the portal knows when a viewer asks: the recorder's word, the owner's, the viewer's."""

    recorder_id: str
    is_online: bool
    capabilities: frozenset[str]  # paths the recorder serves now
    enabled_paths: frozenset[str]  # what Remote Network Settings allow
    relay_urls: Sequence[str]  # wss:// or ws:// bases of the relay nodes of its region
    wanted_path: str = "auto"
    viewer: Viewer = Viewer()
    host_key: Mapping[str, str] = field(default_factory=dict)  # JWK of the recorder
    external_address: str | None = None
    local_addresses: Sequence[str] = ()
    http_port: int | None = None
    lan_ranges: Sequence[Span] = ()
    manual_address: ManualAddress | None = None
    nat_mapping: str = "unknown"  # in the words of RFC 5780, or `blocked`, `no_nat`
    stun: Sequence[str] = ()  # host:port


@dataclass(frozen=True)
class Offer:
    """A way to try. `via`: `relay_socket`, `sealed_socket` (to one of `urls`, whose host proves to
    be `host_id` with `host_key`) or `data_channel` (arranged over the control session)."""

    path: str
    via: str
    urls: Sequence[str]
    deadline_s: int
    reason: str
    host_id: str | None = None
    host_key: Mapping[str, str] | None = None
    ice_servers: Sequence[Mapping[str, Sequence[str]]] | None = None

    @property
    def url(self) -> str | None:
        """The first address, for clients that try one."""
        return next(iter(self.urls), None)


@dataclass(frozen=True)
class Refusal:
    """A way not to try: a code for programs, a sentence for people (C9)."""

    path: str
    code: str
    detail: str


@dataclass(frozen=True)
class Plan:
    """Every path once, in `offers` or in `refusals`; `control` carries signals, never video."""

    offers: Sequence[Offer]
    refusals: Sequence[Refusal]
    control: Offer | None
