"""A1, A7: sign-in through a real SAML identity provider, and answers forged with its real key."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import xmlsec
from django.test import Client
from django.utils import timezone
from lxml import etree

from accounts.audit import PORTAL
from accounts.models import Federation, Membership, User
from accounts.single_sign_on import providers, saml_metadata
from accounts.single_sign_on.identity import Refused
from accounts.single_sign_on.providers import SamlChoice
from accounts.single_sign_on.saml_metadata import Metadata, read_metadata
from accounts.single_sign_on.saml_xml import NS, parse
from tests.services.saml import certificate_text, write_certificate

HOME = "http://localhost:8000"
ACS = "/sign-in/harbour/saml/"
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def metadata(saml) -> Metadata:
    return read_metadata(saml.metadata, lambda url: None)


def configured(harbour, metadata, **others: Any):
    choice = SamlChoice("Harbour SAML", metadata, "", "groups", True, False)
    made = providers.configure(harbour, choice, PORTAL)
    made.is_enabled = True
    made.settings |= {"tried": "2026-01-01", **others}
    made.save()
    return made


@pytest.fixture
def harbour(organisation, settings):
    settings.CONTERA_IDENTITY_NETWORKS = "laboratory"
    organisation.handle = "harbour"
    organisation.save()
    return organisation


@pytest.fixture
def provider(harbour, metadata):
    return configured(harbour, metadata)


@pytest.fixture
def ada(harbour) -> User:
    user = User.objects.create_user("ada@harbour.test")
    Membership.objects.create(user=user, organisation=harbour, state=Membership.State.INVITED)
    return user


def asked(client: Client) -> str:
    return client.get("/sign-in/harbour/start/")["Location"]


@pytest.fixture
def answer(client, saml, provider, ada) -> bytes:
    """What the provider says of Ada to this browser's question, as XML."""
    return base64.b64decode(saml.sign_in(asked(client), "ada", HOME)["SAMLResponse"])


def posted(xml: bytes) -> Any:
    """From the provider's page: without our cookies."""
    body = {"SAMLResponse": base64.b64encode(xml).decode()}
    return Client(enforce_csrf_checks=True).post(ACS, body)


def finished(client: Client, xml: bytes) -> Any:
    said = posted(xml)
    return client.get(said["Location"]) if said.status_code == 302 else said


def test_an_invited_person_signs_in_and_belongs_here_alone(client, answer, ada, harbour):
    assert finished(client, answer)["Location"] == "/recorders/"
    assert client.session["_auth_user_id"] == str(ada.pk)
    assert client.get("/recorders/").wsgi_request.user.circumstances.provider_of == harbour.pk
    assert Federation.objects.get().subject == "ada"


def test_an_answer_counts_only_in_the_browser_that_asked(answer, provider):
    """B1: a page that posts the attacker's own answer signs nobody in."""
    said = posted(answer)
    other = Client()
    asked(other)
    refused = other.get(said["Location"])
    assert (refused.status_code, "_auth_user_id" in other.session) == (403, False)


def test_an_answer_is_taken_once(client, answer):
    assert finished(client, answer).status_code == 302
    assert b"used before" in finished(client, answer).content


def test_a_ticket_works_once(client, answer):
    there = posted(answer)["Location"]
    assert client.get(there).status_code == 302
    assert client.get(there).status_code == 403


def test_both_certificates_count_while_one_replaces_the_other(
    client, saml, harbour, metadata, ada, tmp_path
):
    _, new = write_certificate(tmp_path, "new")
    both = Metadata(
        metadata.entity_id, metadata.sso_url, [certificate_text(new), *metadata.certificates]
    )
    configured(harbour, both)
    xml = base64.b64decode(saml.sign_in(asked(client), "ada", HOME)["SAMLResponse"])
    assert finished(client, xml).status_code == 302


def test_a_certificate_that_is_not_of_the_provider_does_not_count(
    client, saml, harbour, metadata, ada, tmp_path
):
    _, other = write_certificate(tmp_path, "other")
    configured(harbour, Metadata(metadata.entity_id, metadata.sso_url, [certificate_text(other)]))
    xml = base64.b64decode(saml.sign_in(asked(client), "ada", HOME)["SAMLResponse"])
    assert finished(client, xml).status_code == 403


def test_a_person_may_be_an_attribute(client, saml, harbour, metadata, ada):
    configured(harbour, metadata, subject_attribute="displayName")
    xml = base64.b64decode(saml.sign_in(asked(client), "ada", HOME)["SAMLResponse"])
    finished(client, xml)
    assert Federation.objects.get().subject == "Ada"


# --- Forged: signed anew with the provider's real key ---------------------------------------------


def part(root: etree._Element, path: str) -> etree._Element:
    found = root.find(f".//{path}", NS)
    assert found is not None, path
    return found


def signed_again(xml: bytes, saml, change: Callable[[etree._Element], object]) -> bytes:
    """The answer as the provider would sign it if it said this; the response is not signed."""
    root = etree.fromstring(xml)
    for signature in root.findall(".//ds:Signature", NS):
        signature.getparent().remove(signature)
    change(root)
    assertion = root.find("saml:Assertion", NS)
    _sign(assertion, saml)
    return etree.tostring(root)


def _sign(assertion: etree._Element, saml) -> None:
    template = xmlsec.template.create(
        assertion, xmlsec.Transform.EXCL_C14N, xmlsec.Transform.RSA_SHA256
    )
    reference = xmlsec.template.add_reference(
        template, xmlsec.Transform.SHA256, uri=f"#{assertion.get('ID')}"
    )
    xmlsec.template.add_transform(reference, xmlsec.Transform.ENVELOPED)
    xmlsec.template.add_transform(reference, xmlsec.Transform.EXCL_C14N)
    assertion.insert(1, template)
    xmlsec.tree.add_ids(assertion, ["ID"])
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_file(str(saml.key_file), xmlsec.constants.KeyDataFormatPem)
    context.sign(template)


def set_attribute(path: str, name: str, value: str) -> Callable[[etree._Element], object]:
    return lambda root: part(root, path).set(name, value)


def set_text(path: str, value: str) -> Callable[[etree._Element], object]:
    return lambda root: setattr(part(root, path), "text", value)


def without(path: str, name: str) -> Callable[[etree._Element], object]:
    return lambda root: part(root, path).attrib.pop(name)


def later(minutes: int) -> str:
    return (timezone.now() + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def drop(path: str) -> Callable[[etree._Element], object]:
    def change(root: etree._Element) -> None:
        found = part(root, path)
        found.getparent().remove(found)

    return change


def unsolicited(root: etree._Element) -> None:
    del root.attrib["InResponseTo"]
    del part(root, "saml:SubjectConfirmationData").attrib["InResponseTo"]


DATA = "saml:SubjectConfirmationData"


def test_what_the_provider_signs_again_is_accepted(client, saml, answer):
    """The forgeries below fail by what they change alone."""
    assert finished(client, signed_again(answer, saml, lambda root: None)).status_code == 302


@pytest.mark.parametrize(
    "change",
    [
        set_attribute(DATA, "Recipient", f"{HOME}/sign-in/elsewhere/saml/"),
        set_attribute(DATA, "Recipient", f"{HOME}{ACS}extra"),
        without(DATA, "Recipient"),
        set_attribute(DATA, "InResponseTo", "_another"),
        without(DATA, "InResponseTo"),
        without(DATA, "NotOnOrAfter"),
        set_attribute(DATA, "NotOnOrAfter", later(-10)),
        set_attribute("saml:SubjectConfirmation", "Method", "urn:x"),
        set_text("saml:Audience", f"{HOME}/sign-in/elsewhere/saml/metadata/"),
        drop("saml:AudienceRestriction"),
        drop("saml:Conditions"),
        set_attribute("saml:Conditions", "NotOnOrAfter", later(-10)),
        set_attribute("saml:Conditions", "NotBefore", later(30)),
        set_text("saml:Assertion/saml:Issuer", "https://evil.test"),
        lambda root: root.set("Destination", f"{HOME}/elsewhere/"),
        unsolicited,
        drop("saml:AuthnStatement"),
        set_attribute(
            "saml:NameID", "Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
        ),
        drop("saml:NameID"),
        set_attribute("samlp:StatusCode", "Value", "urn:oasis:names:tc:SAML:2.0:status:Requester"),
    ],
)
def test_an_answer_for_something_else_is_refused(client, saml, answer, change):
    refused = finished(client, signed_again(answer, saml, change))
    assert (refused.status_code, "_auth_user_id" in client.session) == (403, False)


def test_an_answer_of_another_request_of_the_same_browser_is_refused(client, saml, answer):
    asked(client)
    assert finished(client, answer).status_code == 403


# --- Forged without the key -----------------------------------------------------------------------


def as_owner(element: etree._Element) -> None:
    """Says the owner of Ada's assertion."""
    part(element, "saml:NameID").text = "owner"
    for value in element.findall(".//saml:AttributeValue", NS):
        value.text = (value.text or "").replace("ada@", "owner@")


def copied(root: etree._Element, name: str) -> etree._Element:
    """The evil twin of the assertion, without a signature."""
    twin = etree.fromstring(etree.tostring(root.find("saml:Assertion", NS)))
    twin.remove(twin.find("ds:Signature", NS))
    twin.set("ID", name)
    as_owner(twin)
    return twin


def changed(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    as_owner(root)
    return etree.tostring(root)


def unsigned(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    for signature in root.findall(".//ds:Signature", NS):
        signature.getparent().remove(signature)
    as_owner(root)
    return etree.tostring(root)


def twin_first(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    root.insert(list(root).index(root.find("saml:Assertion", NS)), copied(root, "_evil"))
    return etree.tostring(root)


def twin_after(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    root.append(copied(root, "_evil"))
    return etree.tostring(root)


def original_in_the_twins_signature(xml: bytes) -> bytes:
    """XML signature wrapping: the signed one is hidden where nobody reads it."""
    root = etree.fromstring(xml)
    original = root.find("saml:Assertion", NS)
    twin = copied(root, "_evil")
    signature = etree.fromstring(etree.tostring(original.find("ds:Signature", NS)))
    holder = etree.SubElement(signature, f"{{{NS['ds']}}}Object")
    root.replace(original, twin)
    holder.append(original)
    twin.insert(1, signature)
    return etree.tostring(root)


def same_id(xml: bytes) -> bytes:
    root = etree.fromstring(xml)
    original = root.find("saml:Assertion", NS)
    twin = copied(root, original.get("ID"))
    extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
    root.insert(1, extensions)
    extensions.append(original)
    root.append(twin)
    return etree.tostring(root)


def wrapped_response(xml: bytes) -> bytes:
    inner = etree.fromstring(xml)
    outer = etree.fromstring(changed(xml))
    outer.set("ID", "_outer")
    extensions = etree.Element(f"{{{NS['samlp']}}}Extensions")
    outer.insert(1, extensions)
    extensions.append(inner)
    return etree.tostring(outer)


def comment_in_the_name(xml: bytes) -> bytes:
    """CVE-2017-11427 and its like: `ada<!---->@evil` is read as `ada`, or signed as it."""
    return xml.replace(b">ada</saml:NameID>", b">ad<!-- x -->a</saml:NameID>")


def entity(xml: bytes) -> bytes:
    bare = xml.removeprefix(b'<?xml version="1.0"?>')
    document = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + bare
    return document.replace(b">ada</saml:NameID>", b">&e;</saml:NameID>")


def laughs(xml: bytes) -> bytes:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    start = f'<!DOCTYPE x [<!ENTITY a0 "ha">{lines}]><x>&a8;</x>'
    return start.encode()


@pytest.mark.parametrize(
    "forge",
    [
        changed,
        unsigned,
        twin_first,
        twin_after,
        original_in_the_twins_signature,
        same_id,
        wrapped_response,
        comment_in_the_name,
        entity,
        laughs,
        lambda xml: xml[: len(xml) // 2],
        lambda xml: b"",
        lambda xml: b"<x/>",
        lambda xml: xml + b" " * 600_000,
        lambda xml: etree.tostring(etree.fromstring(xml).find("saml:Assertion", NS)),
    ],
)
def test_nobody_without_the_key_says_who_somebody_is(client, answer, owner, forge):
    forged = forge(answer)
    assert forged != answer
    refused = finished(client, forged)
    assert (refused.status_code, "_auth_user_id" in client.session) == (403, False)


@pytest.mark.parametrize("body", [{}, {"SAMLResponse": "!!"}, {"SAMLResponse": "ÿ"}])
def test_what_is_no_answer_is_refused_in_words(client, provider, body):
    assert client.post(ACS, body).status_code == 403


def test_an_organisation_without_a_provider_answers_like_one_that_is_not_there(client, harbour):
    here = client.post(ACS, {"SAMLResponse": "x"})
    nowhere = client.post("/sign-in/nowhere/saml/", {"SAMLResponse": "x"})
    assert here.status_code == nowhere.status_code == 403
    assert here.content.replace(b"harbour", b"nowhere") == nowhere.content


# --- Metadata -------------------------------------------------------------------------------------


def test_our_metadata_asks_for_signed_assertions_at_our_address(client, harbour):
    root = parse(client.get("/sign-in/harbour/saml/metadata/").content)
    assert root.get("entityID") == f"{HOME}/sign-in/harbour/saml/metadata/"
    assert root.get("validUntil") is None
    assert root.find(".//md:SPSSODescriptor", NS).get("WantAssertionsSigned") == "true"
    places = root.findall(".//md:AssertionConsumerService", NS)
    assert [place.get("Location") for place in places] == [f"{HOME}{ACS}"]


def test_metadata_of_the_provider_is_read(saml, metadata):
    assert metadata.entity_id == saml.entity_id
    assert metadata.certificates == [certificate_text(saml.certificate_file)]
    assert saml_metadata.expiry(metadata.certificates[0])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda xml: b"<x/>",
        lambda xml: b"no xml",
        lambda xml: xml.replace(b"X509Certificate>", b"Other>"),
        lambda xml: xml.replace(b"HTTP-Redirect", b"HTTP-POST"),
        lambda xml: xml.replace(b"<ds:X509Certificate>", b"<ds:X509Certificate>AAAA"),
        lambda xml: b"<!DOCTYPE x>" + xml.removeprefix(b'<?xml version="1.0" encoding="utf-8"?>'),
        lambda xml: b"<x>" + xml.split(b"?>", 1)[-1] * 2 + b"</x>",
    ],
)
def test_metadata_that_does_not_say_enough_is_refused(saml, spoil):
    with pytest.raises(Refused):
        read_metadata(spoil(saml.metadata), lambda url: None)
