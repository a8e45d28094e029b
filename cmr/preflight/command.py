"""`python -m cmr preflight`: the tests from the command line, also beside a running recorder."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from cmr.config import Config, load_config
from cmr.connector import Outgoing
from cmr.identity import Identity, load_identity
from cmr.portal import PortalError, parse_portal_url
from cmr.preflight.card import card, has_failed
from cmr.preflight.facts import portal_alone
from cmr.preflight.preflight import Preflight, preflight_of
from cmr.proxy import Proxy
from cmr.registration import Registration


def preflight_command(config_file: Path, portal: str | None, *, is_json: bool) -> tuple[str, bool]:
    """The result as text, and whether all that is required passed. Raises ConfigError,
    IdentityError, PortalError."""
    return asyncio.run(_test(config_file, portal, is_json=is_json))


async def _test(config_file: Path, portal: str | None, *, is_json: bool) -> tuple[str, bool]:
    preflight = _preflight(config_file, portal)
    rows = await preflight.result()
    text = json.dumps(preflight.as_json(), indent=2) if is_json else card(rows)
    return text, not has_failed(rows)


def _preflight(config_file: Path, portal: str | None) -> Preflight:
    config = load_config(config_file) if config_file.exists() or portal is None else None
    proxy = Proxy(config.proxy) if config and config.proxy else None
    registration = Registration(_identity(config))
    outgoing = Outgoing(proxy, registration.trust)
    if portal is not None:
        return Preflight(None, portal_alone(parse_portal_url(portal)), outgoing)
    preflight = preflight_of(registration, outgoing)
    if preflight is None:
        words = "this recorder is not registered; name a portal: --portal https://portal.example"
        raise PortalError("not_registered", words)
    return preflight


def _identity(config: Config | None) -> Identity | None:
    return load_identity(config.folder) if config else None
