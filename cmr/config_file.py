"""Changes of the configuration file by the recorder's own commands, comments left as they are."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cmr.config import CameraConfig, Config, ConfigError, load_config, parse_config
from protocol import private_file

Value = str | int | bool

EXAMPLE = Path(__file__).with_name("cmr.example.toml")


def ensure_config(file: Path) -> bool:
    """Makes `file` from the commented example when it is missing; True when it was made.

    Raises ConfigError.
    """
    if file.exists():
        return False
    try:
        file.absolute().parent.mkdir(parents=True, exist_ok=True)
        private_file.replace(file, EXAMPLE.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None
    return True


def add_camera(file: Path, hd: str, name: str | None, sd: str | None) -> CameraConfig:
    """Appends a camera with the next free number; the result was parsed before it is kept.

    Raises ConfigError.
    """
    config = load_config(file)
    number = max((camera.number for camera in config.cameras), default=0) + 1
    camera = CameraConfig(number, name or f"Camera {number}", hd, sd)
    _check_new(config, camera)
    text = file.read_bytes().rstrip(b"\n") + b"\n\n" + camera_table(camera).encode()
    added = parse_config(text, file.absolute())
    _write(file, text)
    return added.cameras[-1]


def change_settings(file: Path, changes: Mapping[str, Mapping[str, Value]]) -> Config:
    """Sets keys of tables, `{"web": {"port": 8080}}`; the rest of the file stays as it is written.

    The result was parsed before it is kept. Raises ConfigError, also for a file written so that a
    line cannot be changed safely.
    """
    changed, config = _changed(file, changes)
    _write(file, changed)
    return config


def with_settings(file: Path, changes: Mapping[str, Mapping[str, Value]]) -> Config:
    """What `change_settings` would make; nothing is written. Raises ConfigError."""
    return _changed(file, changes)[1]


def _changed(file: Path, changes: Mapping[str, Mapping[str, Value]]) -> tuple[bytes, Config]:
    load_config(file)
    text = file.read_bytes().decode()
    changed = changed_text(text, changes)
    config = parse_config(changed.encode(), file.absolute())
    if tomllib.loads(changed) != _with_changes(tomllib.loads(text), changes):
        raise ConfigError(f"{file}: is written in a way that only a person can change; edit it")
    return changed.encode(), config


def changed_text(text: str, changes: Mapping[str, Mapping[str, Value]]) -> str:
    """The TOML text with these keys set; comments, order and everything else stay."""
    lines = text.splitlines()
    for table, values in changes.items():
        for key, value in values.items():
            _set_line(lines, table, key, json.dumps(value, ensure_ascii=False))
    return "\n".join(lines) + "\n"


def _set_line(lines: list[str], table: str, key: str, value: str) -> None:
    start, end = _table_lines(lines, table)
    pattern = re.compile(rf"(\s*{re.escape(key)}\s*=\s*){_VALUE}(\s*(?:#.*)?)")
    for number in range(start, end):
        if match := pattern.fullmatch(lines[number]):
            lines[number] = f"{match[1]}{value}{match[2]}"
            return
    lines.insert(end, f"{key} = {value}")


def _table_lines(lines: list[str], table: str) -> tuple[int, int]:
    """First line after the table's header, and where a new key of it goes; makes the table."""
    header = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\]\s*(?:#.*)?")
    start = next((n for n, line in enumerate(lines, 1) if header.fullmatch(line)), None)
    if start is None:
        lines += ["", f"[{table}]"]
        return len(lines), len(lines)
    rest = range(start, len(lines))
    end = next((n for n in rest if lines[n].lstrip().startswith("[")), len(lines))
    # Blank lines and comments before the next table belong to that one.
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return start, end


# A value on one line: a basic or literal string, or something without quotes.
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#]+)"""


def _with_changes(
    data: dict[str, Any], changes: Mapping[str, Mapping[str, Value]]
) -> dict[str, Any]:  # Any: TOML values
    return {**data, **{table: {**data.get(table, {}), **new} for table, new in changes.items()}}


def _write(file: Path, text: bytes) -> None:
    try:
        private_file.replace(Path(os.path.realpath(file)), text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None


def camera_table(camera: CameraConfig) -> str:
    """A `[[cameras]]` table; JSON strings are TOML basic strings (TOML 1.0, "String")."""
    lines = ["[[cameras]]", f"number = {camera.number}", f"name = {_toml_text(camera.name)}"]
    lines += [f"{profile} = {_toml_text(url)}" for profile, url in camera.urls.items()]
    return "\n".join(lines) + "\n"


def _check_new(config: Config, camera: CameraConfig) -> None:
    for known in config.cameras:
        if known.hd == camera.hd:
            raise ConfigError(f"this address is already camera {known.number} ({known.name})")


def _toml_text(text: str) -> str:
    # Not ensure_ascii: TOML knows no surrogate pairs, and names hold no control characters.
    return json.dumps(text, ensure_ascii=False)
