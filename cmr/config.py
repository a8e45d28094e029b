"""The recorder's configuration: one TOML file, read into frozen dataclasses.

Errors name the file, the key and the fact, and never repeat a camera's password.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cmr.cameras.address import check_address
from cmr.proxy_config import ProxyConfig, ProxyConfigError, proxy_config

MAX_NAME_LENGTH = 100  # what a line of the portal's pages can show
MAX_CAMERAS = 64  # the largest site planned for; one process feeds no more
MAX_FILE_BYTES = 1024 * 1024
MIN_STORAGE_BYTES = 100_000_000  # below it a recording is gone before anybody looks

# The doors of `[web]` and their ports: plain pages, TLS, and one that speaks both for VMS and apps.
PORTS = {"port": 8080, "https_port": 8443, "streaming_port": 8887}

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(MB|GB|TB)")
_UNIT_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}

T = TypeVar("T")


class ConfigError(Exception):
    """The configuration cannot be used; the text is for the person who wrote it."""


@dataclass(frozen=True)
class CameraConfig:
    """A camera as configured; the addresses may hold a password, so `repr` hides them."""

    number: int
    name: str
    hd: str
    sd: str | None = None

    def __repr__(self) -> str:
        return f"CameraConfig(number={self.number}, name={self.name!r})"

    @property
    def urls(self) -> dict[str, str]:
        """Profile to address: "hd" always, "sd" when configured."""
        return {"hd": self.hd} if self.sd is None else {"hd": self.hd, "sd": self.sd}


@dataclass(frozen=True)
class StorageConfig:
    path: Path
    max_size_bytes: int


@dataclass(frozen=True)
class WebConfig:
    """Where the recorder itself answers; port 0 is a door that stays shut.

    `certificate` and `key` are PEM files of the owner's; without them the recorder makes its own.
    """

    host: str
    port: int
    https_port: int = 0
    streaming_port: int = 0
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True)
class Config:
    """Everything the file says, with defaults filled in. `file` is where it came from."""

    file: Path
    name: str
    storage: StorageConfig
    web: WebConfig
    cameras: tuple[CameraConfig, ...] = ()
    is_p2p_enabled: bool = True
    proxy: ProxyConfig | None = None

    @property
    def folder(self) -> Path:
        """Where relative paths begin, and where identity and status are kept."""
        return self.file.parent


def load_config(file: Path) -> Config:
    """The configuration in `file`; raises ConfigError."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file; `cmr enrol` or `cmr add` makes it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    return parse_config(data, file.absolute())


def parse_config(data: bytes, file: Path) -> Config:
    """The configuration in the text of `file`; raises ConfigError."""
    try:
        return _config(_Table("", _toml(data)), file)
    except _FactError as fact:
        raise ConfigError(f"{file}: {fact}") from None


class _FactError(Exception):
    """What is wrong with one key; gets the file's name on its way out."""

    def __init__(self, key: str, fact: str) -> None:
        super().__init__(f"{key}: {fact}" if key else fact)


class _Table:
    """One TOML table that knows its own name and which of its keys were asked for."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:  # Any: TOML values
        self._name = name
        self._values = values
        self._known: list[str] = []

    def key(self, name: str) -> str:
        return f"{self._name}.{name}" if self._name else name

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        """The value called `name`; without a default it must be there."""
        self._known.append(name)
        value = self._values.get(name, default)
        if value is None:
            raise _FactError(self.key(name), "is missing")
        # bool is an int in Python and never meant as one here
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = _KIND_NAMES[kind]
            raise _FactError(self.key(name), f"must be {wanted}, not {_describe(value)}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        self._known.append(name)
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise _FactError(self.key(name), f"must be true or false, not {_describe(value)}")
        return value

    def table(self, name: str) -> _Table:
        return _Table(self.key(name), self.take(name, dict, {}))

    def tables(self, name: str) -> list[_Table]:
        rows = self.take(name, list, [])
        for row in rows:
            if not isinstance(row, dict):
                raise _FactError(self.key(name), f"write each one as [[{name}]]")
        return [_Table(f"{self.key(name)}[{i}]", row) for i, row in enumerate(rows, 1)]

    def has(self, name: str) -> bool:
        return name in self._values

    def finish(self) -> None:
        """Refuses keys nobody asked for: a misspelt one would be a setting that does nothing."""
        for name in self._values:
            if name not in self._known:
                raise _FactError(self.key(name), "is not a known key" + _hint(name, self._known))


_KIND_NAMES: dict[type, str] = {
    str: "text in quotes",
    int: "a whole number",
    dict: "a table",
    list: "a list of tables",
}


def _config(top: _Table, file: Path) -> Config:
    recorder, storage, web = top.table("recorder"), top.table("storage"), top.table("web")
    p2p, proxy = top.table("p2p"), top.table("proxy")
    config = Config(
        file=file,
        name=_name(recorder.key("name"), recorder.take("name", str, "Recorder")),
        storage=_storage(storage, file.parent),
        web=_web(web, file.parent),
        cameras=tuple(_camera(table) for table in top.tables("cameras")),
        is_p2p_enabled=p2p.flag("enabled", default=True),
        proxy=_proxy(proxy),
    )
    for table in (top, recorder, storage, web, p2p, proxy):
        table.finish()
    _check_numbers(config.cameras)
    return config


def _storage(table: _Table, folder: Path) -> StorageConfig:
    path = table.take("path", str, "archive")
    if not path or "\0" in path:
        raise _FactError(table.key("path"), "must name a folder")
    size = parse_size(table.key("max_size"), table.take("max_size", str, "500GB"))
    return StorageConfig(folder / path, size)


def parse_size(key: str, text: str) -> int:
    """`"500GB"` in bytes; decimal units, as discs are sold. Raises an error naming `key`."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise _FactError(key, f'must be a size such as "500GB" or "2TB", not {text!r}')
    size = int(float(match[1]) * _UNIT_BYTES[match[2]])
    if size < MIN_STORAGE_BYTES:
        raise _FactError(key, "must be at least 100MB")
    return size


def _web(table: _Table, folder: Path) -> WebConfig:
    host = table.take("host", str, "0.0.0.0")
    if not re.fullmatch(r"[0-9A-Za-z.:-]{1,253}", host):
        raise _FactError(table.key("host"), f"{host[:40]!r} is neither an address nor a host name")
    http, https, streaming = (_port(table, name, PORTS[name]) for name in PORTS)
    used = [port for port in (http, https, streaming) if port]
    if len(set(used)) < len(used):
        raise _FactError(table.key("port"), "each port of the recorder must be another one")
    certificate, key = (_file(table, name, folder) for name in ("certificate", "key"))
    if (certificate is None) != (key is None):
        missing = "key" if key is None else "certificate"
        raise _FactError(table.key(missing), "is missing; certificate and key belong together")
    return WebConfig(host, http, https, streaming, certificate, key)


def _port(table: _Table, name: str, default: int) -> int:
    port = table.take(name, int, default)
    if not 0 <= port <= 65535:
        raise _FactError(table.key(name), f"must be 1 to 65535, or 0 for none, not {port}")
    return port


def _file(table: _Table, name: str, folder: Path) -> Path | None:
    """A file's path, relative to the configuration; "" is none."""
    path = table.take(name, str, "")
    if "\0" in path:
        raise _FactError(table.key(name), "must name a file")
    return folder / path if path else None


def _proxy(table: _Table) -> ProxyConfig | None:
    url, user, password = (table.take(name, str, "") for name in ("url", "user", "password"))
    try:
        return proxy_config(url, table.take("scheme", str, "null"), user, password)
    except ProxyConfigError as error:
        raise _FactError(table.key(error.key), str(error)) from None


def _camera(table: _Table) -> CameraConfig:
    number = table.take("number", int)
    if not 1 <= number <= 9999:
        raise _FactError(table.key("number"), f"must be 1 to 9999, not {number}")
    name = _name(table.key("name"), table.take("name", str, f"Camera {number}"))
    hd = check_url(table.key("hd"), table.take("hd", str))
    has_sd = table.has("sd")
    sd = check_url(table.key("sd"), table.take("sd", str, "")) if has_sd else None
    table.take("sd", str, "")
    table.finish()
    return CameraConfig(number, name, hd, sd)


def check_url(key: str, url: str) -> str:
    """`url` when it may be a camera's; errors name `key` and no password."""
    try:
        check_address(url)
    except ValueError as error:
        raise _FactError(key, str(error)) from None
    return url


def _name(key: str, name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise _FactError(key, f"must have 1 to {MAX_NAME_LENGTH} characters")
    if not name.isprintable():
        raise _FactError(key, "has control characters")
    return name


def _check_numbers(cameras: Iterable[CameraConfig]) -> None:
    seen: set[int] = set()
    for camera in cameras:
        if camera.number in seen:
            raise _FactError("cameras", f"number {camera.number} is used twice")
        seen.add(camera.number)
    if len(seen) > MAX_CAMERAS:
        raise _FactError("cameras", f"{len(seen)} cameras, at most {MAX_CAMERAS} are supported")


def _toml(data: bytes) -> dict[str, Any]:  # Any: TOML values
    if len(data) > MAX_FILE_BYTES:
        raise _FactError("", f"has {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise _FactError("", "is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise _FactError("", f"is not TOML: {error}") from None


def _describe(value: object) -> str:
    names: list[tuple[type, str]] = [
        (bool, "true or false"),
        (str, "text"),
        (int, "a number"),
        (float, "a number with a point"),
        (list, "a list"),
        (dict, "a table"),
    ]
    return next((name for kind, name in names if isinstance(value, kind)), "a date or time")


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known))}"


def check_name(what: str, name: str) -> str:
    """A name from the command line; raises ConfigError that begins with `what`."""
    return _from_command_line(_name, what, name)


def check_camera_url(what: str, url: str) -> str:
    """A camera's address from the command line; raises ConfigError that begins with `what`."""
    return _from_command_line(check_url, what, url)


def _from_command_line(check: Callable[[str, str], str], what: str, value: str) -> str:
    try:
        return check(what, value)
    except _FactError as fact:
        raise ConfigError(str(fact)) from None
