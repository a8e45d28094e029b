"""The demo's recorder: its configuration, and its registration with a one-time code."""

import json
from pathlib import Path
from typing import Any

from demo.cameras import USER
from demo.folder import Secrets
from demo.scenes import Scene
from protocol import private_file

NAME, LOCATION = "Demo recorder", "Sample site"
LOCAL_NAME = "admin"  # at the recorder's own page
MAX_RECORDINGS = "5GB"


class Site:
    """The folder of the recorder: `cmr.toml` and what the recorder itself keeps beside it."""

    def __init__(self, folder: Path, made: Secrets) -> None:
        self.folder, self.made = folder, made
        self.config = folder / "cmr.toml"

    @property
    def local_url(self) -> str:
        return f"http://127.0.0.1:{self.made.recorder_port}"

    @property
    def has_accounts(self) -> bool:
        return (self.folder / "accounts.json").exists()

    @property
    def described(self) -> dict[str, Any]:
        """The recorder's own doors as demo.json tells of them."""
        host = "127.0.0.1"
        return {
            "local_url": self.local_url,
            "local": {
                "name": LOCAL_NAME,
                "password": self.made.local_password,
                "https_url": f"https://{host}:{self.made.recorder_https_port}",
                "streaming_port": self.made.recorder_streaming_port,
            },
        }

    @property
    def recorder_id(self) -> str:
        """What the portal called it; "" before it is registered."""
        try:
            identity = json.loads((self.folder / "identity.json").read_text())
        except FileNotFoundError:
            return ""
        found: str = identity["recorder_id"]
        return found

    def follow_portal(self, url: str) -> None:
        """The demo's portal moves with CONTERA_PORT; the recorder must find it there."""
        file = self.folder / "identity.json"
        if self.recorder_id:
            identity = json.loads(file.read_text())
            if identity["portal_url"] != url:
                private_file.replace(file, json.dumps(identity | {"portal_url": url}).encode())

    def rtsp_url(self, camera: int, profile: str) -> str:
        access = f"{USER}:{self.made.camera_password}"
        return f"rtsp://{access}@127.0.0.1:{self.made.camera_port}/cam{camera}/{profile}"

    def configure(self, scenes: list[Scene], before: Secrets) -> None:
        """Write the configuration; one that is there keeps what people added to it.

        `before` has the ports that it was written with.
        """
        self.folder.mkdir(exist_ok=True, mode=0o700)
        if self.config.exists():
            text = self._with_new_ports(self.config.read_text(), before)
        else:
            text = self._first_configuration(scenes)
        private_file.replace(self.config, text.encode())

    def _with_new_ports(self, text: str, before: Secrets) -> str:
        cameras, made = "@127.0.0.1:{}/".format, self.made
        text = text.replace(cameras(before.camera_port), cameras(made.camera_port))
        for name, old, new in _ports(before, made):
            text = text.replace(f"\n{name} = {old}\n", f"\n{name} = {new}\n")
            if f"\n{name} = " not in text:  # written by an older demo
                text = text.replace("\n[web]\n", f"\n[web]\n{name} = {new}\n")
        return text

    def _first_configuration(self, scenes: list[Scene]) -> str:
        head = (
            "# Made by `make demo`. What may be written here: cmr/cmr.example.toml\n\n"
            f'[recorder]\nname = "{NAME}"\n\n'
            f'[storage]\nmax_size = "{MAX_RECORDINGS}"\n\n'
            '[web]\nhost = "127.0.0.1"\n'
        )
        head += "".join(f"{name} = {port}\n" for name, _, port in _ports(self.made, self.made))
        return head + "".join(self._camera(scene) for scene in scenes)

    def _camera(self, scene: Scene) -> str:
        return (
            f'\n[[cameras]]\nnumber = {scene.camera}\nname = "{scene.name}"\n'
            f'hd = "{self.rtsp_url(scene.camera, "hd")}"\n'
            f'sd = "{self.rtsp_url(scene.camera, "sd")}"\n'
        )


def _ports(before: Secrets, made: Secrets) -> list[tuple[str, int, int]]:
    """Key in the configuration, the port before and the port now."""
    return [
        ("port", before.recorder_port, made.recorder_port),
        ("https_port", before.recorder_https_port, made.recorder_https_port),
        ("streaming_port", before.recorder_streaming_port, made.recorder_streaming_port),
    ]
