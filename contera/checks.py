"""System checks: combinations of settings that must not go into service (`manage.py check`)."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from accounts.outgoing.addresses import Reach
from protocol.version_floors import outdated

SAMPLE_SECRETS = ("change-me", "changeme", "secret", "django-insecure")
_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_NODE_KEY = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes, base64url
MIN_SECRET_LENGTH = 50  # what Django's own deployment check asks for


@register()
def check_secret_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:  # Django's signature
    secret = settings.SECRET_KEY
    if len(secret) >= MIN_SECRET_LENGTH and not secret.lower().startswith(SAMPLE_SECRETS):
        return []
    return [
        Error(
            "CONTERA_SECRET_KEY is a sample or too short.",
            hint=f"Unset it to get a random one, or give at least {MIN_SECRET_LENGTH} characters.",
            id="contera.E001",
        )
    ]


@register()
def check_allowed_hosts(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Error(
            "CONTERA_ALLOWED_HOSTS contains '*'.",
            hint="Name the hosts that people type; a forged Host header reaches mails otherwise.",
            id="contera.E002",
        )
    ]


@register()
def check_plain_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """An address without a usable key would make recorders fail there, one by one."""
    keys = settings.CONTERA_RELAY_HTTP_KEYS
    addresses = [*keys, settings.CONTERA_HTTP_URL] if settings.CONTERA_HTTP_URL else [*keys]
    wrong = [url for url in addresses if not url.startswith("http://")]
    wrong += [url for url, jwk in keys.items() if jwk and not _NODE_KEY.fullmatch(jwk["x"])]
    return [
        Error(
            f"{url or 'CONTERA_RELAY_HTTP_URLS'} is no plain address of a relay with its key.",
            hint="CONTERA_HTTP_URL=http://portal.example, "
            "CONTERA_RELAY_HTTP_URLS=http://relay.example#KEY (the node's log has the key).",
            id="contera.E003",
        )
        for url in dict.fromkeys(wrong)
    ]


@register()
def check_stun_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if bool(settings.CONTERA_STUN_ADDRESS) == bool(settings.CONTERA_STUN_OTHER_ADDRESS):
        return []
    return [
        Error(
            "CONTERA_STUN_ADDRESS and CONTERA_STUN_OTHER_ADDRESS belong together.",
            hint="Give two addresses of this host, or none.",
            id="contera.E004",
        )
    ]


@register()
def check_versions(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(str(found), hint="Install requirements.txt again.", id="contera.E006")
        for found in outdated()
    ]


@register()
def check_outgoing_networks(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Loopback and plain http are for trying it out: not where people sign in by https."""
    return [
        Error(
            f"{name} is {named}.",
            hint="Write public, or private for servers in your own network.",
            id="contera.E007",
        )
        for name in ("CONTERA_IDENTITY_NETWORKS", "CONTERA_WEBHOOK_NETWORKS")
        if not _is_fit_reach(named := getattr(settings, name))
    ]


def _is_fit_reach(named: str) -> bool:
    is_laboratory = named == Reach.LABORATORY.value
    return named in {reach.value for reach in Reach} and not (is_laboratory and settings.IS_HTTPS)


@register(deploy=True)
def check_base_url(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.IS_HTTPS:
        return []
    return [
        CheckWarning(
            f"CONTERA_BASE_URL is {settings.CONTERA_BASE_URL}, without https.",
            hint="Put a TLS proxy in front and set CONTERA_BASE_URL to its https address.",
            id="contera.W001",
        )
    ]


@register()
def check_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Recorders refuse an address of another form, each for itself."""
    named = [("CONTERA_BASE_URL", settings.CONTERA_BASE_URL)]
    named += [("CONTERA_RELAY_URLS", url) for url in settings.CONTERA_RELAY_URLS]
    return [
        Error(
            f"{name}: {url} is no address.",
            hint="Write https://portal.example.com, or http:// and the port while you try it out.",
            id="contera.E005",
        )
        for name, url in dict.fromkeys(named)
        if not _ADDRESS.fullmatch(url)
    ]
