"""What the pages need of the recorder they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cmr.cameras.camera import Camera
from cmr.config import Config
from cmr.registration import Registration


class Machine(Protocol):
    """The recorder, as its own pages see it."""

    @property
    def name(self) -> str: ...

    @property
    def config(self) -> Config: ...

    @property
    def cameras(self) -> Mapping[int, Camera]: ...

    @property
    def registration(self) -> Registration: ...

    async def status(self) -> dict[str, Any]:  # Any: JSON
        """What `status` on the command line shows."""

    def restart(self) -> None:
        """Starts the recorder again with what its files say now, soon after this answer."""
