"""Metadata of a SAML identity provider. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509

from accounts.single_sign_on.identity import Refused
from accounts.single_sign_on.saml_xml import NS, parse

MAX_CERTIFICATES = 4  # one in use, one for the rollover, and some slack
_REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


@dataclass(frozen=True)
class Metadata:
    entity_id: str
    sso_url: str
    certificates: list[str]  # base64 DER, each may have signed

    def expiries(self) -> list[str]:
        return [expiry(certificate) for certificate in self.certificates]


def read_metadata(xml: bytes, check: Callable[[str], object]) -> Metadata:
    """Of exactly one identity provider; `check` raises for an unfit address. Raises Refused."""
    root = parse(xml)
    found = root.xpath("//md:IDPSSODescriptor", namespaces=NS)
    if len(found) != 1:
        raise Refused(
            "metadata",
            f"This holds {len(found)} identity providers; give the metadata of exactly one.",
        )
    provider = found[0]
    entity_id = str(provider.getparent().get("entityID") or "")
    places = provider.xpath(
        "md:SingleSignOnService[@Binding=$redirect]/@Location", namespaces=NS, redirect=_REDIRECT
    )
    if not entity_id or not places:
        raise Refused("metadata", "It names no sign-in address of the kind HTTP-Redirect.")
    check(str(places[0]))
    return Metadata(entity_id, str(places[0]), _certificates(provider))


def _certificates(provider: object) -> list[str]:
    texts = provider.xpath(  # type: ignore[attr-defined]  # lxml's stubs know no xpath of elements
        "md:KeyDescriptor[not(@use) or @use='signing']//ds:X509Certificate/text()", namespaces=NS
    )
    certificates = list(dict.fromkeys("".join(str(text).split()) for text in texts))
    if not 0 < len(certificates) <= MAX_CERTIFICATES:
        count = len(certificates)
        raise Refused("metadata", f"It has {count} signing certificates; 1 to {MAX_CERTIFICATES}.")
    for certificate in certificates:
        expiry(certificate)
    return certificates


def expiry(certificate: str) -> str:
    """The day on which it ends. Raises Refused when it is none."""
    try:
        found = x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True))
    except ValueError:
        raise Refused("metadata", "A certificate in it cannot be read.") from None
    return found.not_valid_after_utc.date().isoformat()
