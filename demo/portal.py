"""The portal's API, as any client uses it."""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

DEADLINE_S = 5.0


class PortalError(Exception):
    """The portal did not answer, or not with what was asked for."""


@dataclass(frozen=True)
class Camera:
    id: str
    number: int
    name: str


@dataclass(frozen=True)
class Recorder:
    id: str
    name: str
    is_online: bool
    cameras: tuple[Camera, ...]


@dataclass(frozen=True)
class Portal:
    url: str
    token: str = ""

    async def get(self, path: str) -> Any:  # Any: JSON of the API
        return await asyncio.to_thread(self._ask, "GET", path, None)

    async def post(self, path: str, body: dict[str, str]) -> Any:
        return await asyncio.to_thread(self._ask, "POST", path, body)

    async def is_alive(self) -> bool:
        """Whether the portal answers, with its database, Redis and a worker behind it."""
        try:
            await self.get("/readyz")
        except PortalError:
            return False
        return True

    async def registration_code(self, name: str, location: str) -> str:
        """A one-time code with which a recorder can be registered."""
        body = {"name": name, "location": location}
        answer = await self.post("/api/v1/registration-codes/", body)
        code: str = answer["code"]
        return code

    async def recorder(self, recorder_id: str) -> Recorder:
        found = await self.get(f"/api/v1/recorders/{recorder_id}/")
        cameras = tuple(
            Camera(camera["id"], camera["number"], camera["name"])
            for camera in await self.get(f"/api/v1/recorders/{recorder_id}/cameras/")
        )
        return Recorder(found["id"], found["name"], found["is_online"], cameras)

    def _ask(self, method: str, path: str, body: dict[str, str] | None) -> Any:
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(  # noqa: S310  # the address is the demo's own
            self.url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            detail = error.read(2000).decode(errors="replace")
            raise PortalError(f"{method} {path}: {error.code} {detail}") from None
        except (OSError, ValueError) as error:
            raise PortalError(f"{method} {path}: {error}") from None
