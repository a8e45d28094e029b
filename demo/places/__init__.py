"""The places that the sample cameras look at. Each moves with the second of the minute, and the
picture of second 60 is that of second 0, so that the minute can be played again and again."""

from typing import Protocol

from demo.paint import Picture
from demo.places.car_park import CarPark
from demo.places.crossing import Crossing
from demo.places.loading_dock import LoadingDock
from demo.places.lobby import Lobby

__all__ = ["PLACES", "CarPark", "Crossing", "LoadingDock", "Lobby", "Place"]


class Place(Protocol):
    name: str

    def picture(self, second: float) -> Picture:
        """The place at this second of the minute, 0 to 60."""


PLACES: tuple[type[Place], ...] = (CarPark, Lobby, LoadingDock, Crossing)
