"""XML of an identity provider, read so that there is one way to understand it. Pure.

A signature covers what canonicalization leaves. What could make the checker and the reader see
different things (a second assertion, doubled ids, comments, entities) is refused beforehand.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from datetime import UTC, datetime

from lxml import etree

from accounts.single_sign_on.identity import Refused

MAX_XML = 512 * 1024
NS = {
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"


def parse(xml: bytes) -> etree._Element:
    """Raises Refused for what is too long, broken, or has a document type."""
    if len(xml) > MAX_XML:
        raise Refused("too_long", f"The document is longer than {MAX_XML // 1024} KB.")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(xml, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise Refused("xml", "The document is not XML that can be read.") from None
    if root.getroottree().docinfo.doctype:
        raise Refused("xml", "The document has a document type, which is not accepted.")
    return root


def decoded(saml_response: str) -> bytes:
    """The message of the HTTP POST binding (Bindings §3.5.4). Raises Refused."""
    if len(saml_response) > MAX_XML * 4 // 3:
        raise Refused("too_long", f"The answer is longer than {MAX_XML // 1024} KB.")
    try:
        return base64.b64decode("".join(saml_response.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("base64", "The answer is not a SAML response.") from None


def only_assertion(root: etree._Element) -> etree._Element:
    """The one assertion, where it belongs. Raises Refused when the document is ambiguous."""
    if root.tag != f"{{{NS['samlp']}}}Response":
        raise Refused("not_a_response", "The answer is not a SAML response.")
    if root.xpath("//comment() | //processing-instruction()"):
        raise Refused("comments", "The answer holds comments, which no signature covers.")
    if root.xpath("//saml:EncryptedAssertion", namespaces=NS):
        raise Refused(
            "encrypted", "The assertion is encrypted. Let the provider send it signed only."
        )
    if root.xpath("count(//samlp:Response)", namespaces=NS) != 1:
        raise Refused("wrapping", "The answer holds more than one response.")
    ids = Counter(str(value) for value in root.xpath("//@ID | //@Id | //@id"))
    if any(count > 1 for count in ids.values()):
        raise Refused("wrapping", "The answer names two things alike.")
    everywhere = root.xpath("//saml:Assertion", namespaces=NS)
    here = root.findall("saml:Assertion", NS)
    if len(everywhere) != 1 or here != everywhere:
        raise Refused("wrapping", "The answer must hold one assertion, in its proper place.")
    assertion: etree._Element = here[0]
    return assertion


def check_addressee(
    root: etree._Element, assertion: etree._Element, acs_url: str, audience: str
) -> tuple[str, datetime]:
    """Profiles §4.1.4.3, without what the standard leaves open: everything must be said, and be
    exact. Answers the request it is for, and until when it may be presented. Raises Refused."""
    request_id = root.get("InResponseTo")
    if not request_id:
        raise Refused("unsolicited", "Nobody here asked the provider for this. Begin at Contera.")
    if root.get("Destination") not in (None, acs_url):
        raise Refused("destination", "The answer is meant for another address.")
    audiences = assertion.xpath(
        "saml:Conditions/saml:AudienceRestriction/saml:Audience/text()", namespaces=NS
    )
    if audience not in audiences:
        raise Refused("audience", "The assertion is meant for another application.")
    for data in assertion.xpath(
        "saml:Subject/saml:SubjectConfirmation[@Method=$bearer]/saml:SubjectConfirmationData",
        namespaces=NS,
        bearer=_BEARER,
    ):
        is_ours = data.get("Recipient") == acs_url and data.get("InResponseTo") == request_id
        if is_ours and data.get("NotOnOrAfter"):
            return request_id, _time(data.get("NotOnOrAfter"))
    raise Refused("recipient", "The assertion is not confirmed for this sign-in at this address.")


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("time", "The assertion has a time that cannot be read.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
