"""The settings that the recorder's own page changes: fields of a form, keys of `cmr.toml`.

Pure but for `save`. Only what differs is written, so the file does not fill with defaults.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass

from cmr.certificate import tls_context
from cmr.config import Config, ConfigError, WebConfig
from cmr.config_file import Value, change_settings, with_settings
from cmr.doors.ports import why
from cmr.proxy_config import SCHEMES

Changes = dict[str, dict[str, Value]]


@dataclass(frozen=True)
class Field:
    """One setting. `kind` is `text`, `port`, `switch`, `password` or `choice`."""

    table: str
    key: str
    kind: str
    label: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return f"{self.table}.{self.key}"


_SCHEME_WORDS = {"null": "None", "basic": "Basic", "digest": "Digest"}

GROUPS: tuple[tuple[str, str, tuple[Field, ...]], ...] = (
    (
        "Recorder",
        "",
        (
            Field("recorder", "name", "text", "Name", "Before a portal gives it another one."),
            Field(
                "p2p",
                "enabled",
                "switch",
                "Peer-to-peer connections",
                "Viewers of the portal may be connected directly, by UDP.",
            ),
        ),
    ),
    (
        "Addresses and ports",
        "Where this recorder itself answers. A port of 0 is not served.",
        (
            Field(
                "web",
                "host",
                "text",
                "Address",
                "0.0.0.0 is every IPv4 network of this machine, 127.0.0.1 this machine alone.",
            ),
            Field("web", "port", "port", "http port"),
            Field("web", "https_port", "port", "https port"),
            Field(
                "web",
                "streaming_port",
                "port",
                "Streaming port",
                "For VMS and apps: http and https on one port.",
            ),
            Field(
                "web",
                "certificate",
                "text",
                "Certificate file",
                "PEM, with its chain. Empty: the recorder makes its own.",
            ),
            Field("web", "key", "text", "Key file", "PEM, without a password."),
        ),
    ),
    (
        "Proxy",
        "On the way to portal and relay. Peer-to-peer and the local network do not use it.",
        (
            Field(
                "proxy", "url", "text", "Address", "Like http://proxy.example:3128; empty: none."
            ),
            Field(
                "proxy",
                "scheme",
                "choice",
                "Authentication",
                choices=tuple((name, _SCHEME_WORDS[name]) for name in SCHEMES),
            ),
            Field("proxy", "user", "text", "User"),
            Field("proxy", "password", "password", "Password", "Empty: it stays as it is."),
        ),
    ),
)
FIELDS = tuple(field for _, _, fields in GROUPS for field in fields)


def values_of(config: Config) -> dict[str, Value]:
    """The value of each field, by its name; never a password."""
    web, proxy = config.web, config.proxy
    return {
        "recorder.name": config.name,
        "p2p.enabled": config.is_p2p_enabled,
        "web.host": web.host,
        "web.port": web.port,
        "web.https_port": web.https_port,
        "web.streaming_port": web.streaming_port,
        "web.certificate": str(web.certificate or ""),
        "web.key": str(web.key or ""),
        "proxy.url": f"http://{proxy.via}" if proxy else "",
        "proxy.scheme": proxy.scheme if proxy else "null",
        "proxy.user": proxy.user if proxy else "",
        "proxy.password": "",
    }


def changes_of(config: Config, form: Mapping[str, str]) -> Changes:
    """What a form changes; raises ConfigError for a port that is no number."""
    before, changes = values_of(config), Changes()
    for field in FIELDS:
        value = _value(field, form)
        if value != before[field.name]:
            changes.setdefault(field.table, {})[field.key] = value
    _forget_credentials(changes, str(form.get("proxy.scheme", "null")), config)
    return changes


def save(config: Config, changes: Changes) -> Config:
    """Checks that a recorder can start with the changes, and writes them; blocking.

    Raises ConfigError; nothing is written then.
    """
    after = with_settings(config.file, changes)
    if after.web.certificate is not None and after.web.key is not None:
        tls_context(after.web.certificate, after.web.key)
    _check_ports(config.web, after.web)
    return change_settings(config.file, changes)


def _value(field: Field, form: Mapping[str, str]) -> Value:
    text = form.get(field.name, "").strip()
    if field.kind == "switch":
        return text == "on"
    if field.kind != "port":
        return text
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise ConfigError(f"{field.name}: must be a number, 1 to 65535, or 0 for none")
    return int(text)


def _forget_credentials(changes: Changes, scheme: str, config: Config) -> None:
    """Without authentication nothing of it stays in the file."""
    if scheme == "null" and config.proxy is not None and config.proxy.scheme != "null":
        changes.setdefault("proxy", {}).update({"user": "", "password": ""})


def _check_ports(before: WebConfig, after: WebConfig) -> None:
    """A port that cannot be had would leave the recorder without its page."""
    ours = {before.port, before.https_port, before.streaming_port}  # held until the restart
    wanted = {after.port, after.https_port, after.streaming_port} - {0}
    if not wanted:
        raise ConfigError("one port must stay, or this page could not be reached any more")
    family = socket.AF_INET6 if ":" in after.host else socket.AF_INET
    for port in [*(wanted - ours), 0]:  # 0: any, which tells whether the address is this machine's
        try:
            socket.create_server((after.host, port), family=family).close()
        except OSError as error:
            where = f"port {port}" if port else after.host
            raise ConfigError(f"{where} cannot be used: {why(error)}") from None
