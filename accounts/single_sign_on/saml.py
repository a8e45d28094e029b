"""SAML 2.0 web browser sign-on: the request, and what is believed of the answer.

python3-saml checks signatures and times, strictly; before it, `saml_xml` refuses what could be read
in two ways, and what the standard leaves open. Left out: encrypted assertions, signed requests,
single logout, and answers that nobody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Constants
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from accounts.models import IdentityProvider
from accounts.single_sign_on import saml_xml
from accounts.single_sign_on.addresses import absolute
from accounts.single_sign_on.identity import Identity, Refused, made_identity

_EMAIL = (
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "email",
    "mail",
)
_NAME = (
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "displayName",
    "urn:oid:2.5.4.3",
    "cn",
    "name",
)
_STRONG = {
    "https://refeds.org/profile/mfa",
    "http://schemas.microsoft.com/claims/multipleauthn",
}


@dataclass(frozen=True)
class Assertion:
    """One that is signed by the provider and meant for us."""

    identity: Identity
    request_id: str  # what it answers
    id: str
    usable_until: datetime


def begin(provider: IdentityProvider, handle: str) -> tuple[str, str]:
    """Where the browser goes, and the id of the request."""
    request = OneLogin_Saml2_Authn_Request(_settings(provider, handle), set_nameid_policy=False)
    url = provider.settings["sso_url"]
    joint = "&" if urlsplit(url).query else "?"
    query = urlencode({"SAMLRequest": request.get_request()})
    return f"{url}{joint}{query}", str(request.get_id())


def read_response(provider: IdentityProvider, handle: str, saml_response: str) -> Assertion:
    """Raises Refused. Whether this browser asked (`request_id`), and only once (`id`), is for the
    caller to judge."""
    xml = saml_xml.decoded(saml_response)
    root = saml_xml.parse(xml)
    assertion = saml_xml.only_assertion(root)
    acs_url = absolute("sign-on-saml", handle)
    audience = absolute("sign-on-saml-metadata", handle)
    request_id, usable_until = saml_xml.check_addressee(root, assertion, acs_url, audience)
    identity = _identity_of(provider, handle, saml_response)
    return Assertion(identity, request_id, str(assertion.get("ID")), usable_until)


def portal_metadata(handle: str) -> bytes:
    """What the provider is given of us; the same for every handle, in use or not."""
    # Without an end: what is typed in elsewhere by hand is not typed in again every few days.
    said = {"wantAssertionsSigned": True, "metadataValidUntil": "", "metadataCacheDuration": ""}
    settings = OneLogin_Saml2_Settings(
        {"sp": _portal(handle), "security": said}, sp_validation_only=True
    )
    metadata: str | bytes = settings.get_sp_metadata()
    return metadata if isinstance(metadata, bytes) else metadata.encode()


def _identity_of(provider: IdentityProvider, handle: str, saml_response: str) -> Identity:
    try:
        response = OneLogin_Saml2_Response(_settings(provider, handle), saml_response)
        response.is_valid(_request_data(handle), raise_exceptions=True)
        return _identity(provider, response)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001  # its own, lxml's and xmlsec's have no common parent
        raise Refused("assertion", f"The assertion is not accepted: {str(error)[:200]}") from None


def _identity(provider: IdentityProvider, response: OneLogin_Saml2_Response) -> Identity:
    attributes: dict[str, list[Any]] = response.get_attributes()  # Any: texts, or None
    email = _first(attributes, _EMAIL)
    if not email and response.get_nameid_format() == Constants.NAMEID_EMAIL_ADDRESS:
        email = response.get_nameid()
    return made_identity(
        _subject(provider, response, attributes),
        email if provider.settings.get("trusts_email") else "",
        _first(attributes, _NAME),
        attributes.get(provider.groups_claim, []) if provider.groups_claim else None,
        is_strong=bool(_STRONG & set(response.get_authn_contexts())),
    )


def _subject(
    provider: IdentityProvider,
    response: OneLogin_Saml2_Response,
    attributes: dict[str, list[Any]],
) -> object:
    if named := provider.settings.get("subject_attribute"):
        values = attributes.get(named, [])
        return values[0] if len(values) == 1 else None
    if response.get_nameid_format() == Constants.NAMEID_TRANSIENT:
        raise Refused(
            "transient",
            "The provider calls the person something else each time (transient). Let it send a "
            "persistent NameID, or name an attribute that stays.",
        )
    return response.get_nameid()


def _first(attributes: dict[str, list[Any]], names: tuple[str, ...]) -> Any:  # Any: as it came
    return next((attributes[n][0] for n in names if attributes.get(n)), None)


def _portal(handle: str) -> dict[str, Any]:  # Any: python3-saml's shapes
    return {
        "entityId": absolute("sign-on-saml-metadata", handle),
        "assertionConsumerService": {
            "url": absolute("sign-on-saml", handle),
            "binding": Constants.BINDING_HTTP_POST,
        },
        "NameIDFormat": Constants.NAMEID_PERSISTENT,
    }


def _settings(provider: IdentityProvider, handle: str) -> OneLogin_Saml2_Settings:
    known = provider.settings
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": _portal(handle),
            "idp": {
                "entityId": known["entity_id"],
                "singleSignOnService": {
                    "url": known["sso_url"],
                    "binding": Constants.BINDING_HTTP_REDIRECT,
                },
                "x509certMulti": {"signing": known["certificates"]},
            },
            "security": {
                "wantAssertionsSigned": True,
                "wantNameId": True,
                "wantAttributeStatement": False,
                "requestedAuthnContext": False,
                "rejectDeprecatedAlgorithm": True,
                "allowRepeatAttributeName": True,
                "allowSingleLabelDomains": True,
            },
        }
    )


def _request_data(handle: str) -> dict[str, Any]:
    """What the library takes for the address it was called at: ours, as configured."""
    parts = urlsplit(absolute("sign-on-saml", handle))
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": parts.path,
        "get_data": {},
        "post_data": {},
    }
