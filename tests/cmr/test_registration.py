"""Whom a recorder believes at a plain address."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cmr.registration import Registration, RelayAccess
from cmr.sealed_http import HostTrust
from protocol.tokens import Signer


def test_a_node_that_the_portal_named_has_its_own_key(
    registration: Registration, portal: Signer
) -> None:
    node = Signer(Ed25519PrivateKey.generate(), "relay")
    urls = ("https://r1.test", "http://r1.test", "http://portal.test")
    registration.set_relay(RelayAccess(urls, "pass", {"http://r1.test": node.jwk}))
    assert registration.trust("http://r1.test") == HostTrust.node(node.jwk)
    assert registration.trust("http://portal.test") == HostTrust("portal", (portal.jwk,))


def test_who_is_not_registered_believes_nobody() -> None:
    assert Registration(None).trust("http://portal.test") is None
