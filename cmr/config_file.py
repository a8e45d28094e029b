"""Changes of the configuration file by the recorder's own commands, comments left as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cmr.config import CameraConfig, Config, ConfigError, load_config, parse_config
from protocol import private_file

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
    try:
        private_file.replace(Path(os.path.realpath(file)), text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written: {error.strerror}") from None
    return added.cameras[-1]


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
