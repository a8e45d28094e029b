"""`manage.py stun`: the STUN server as a program of its own."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from streaming.stun_server import StunPlaces, serving, stun_places


class Command(BaseCommand):
    help = "Answers STUN requests on UDP until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", help="the one address to listen on; all without it")
        parser.add_argument("--port", type=int, default=settings.CONTERA_STUN_PORT)
        parser.add_argument("--other-port", type=int, default=settings.CONTERA_STUN_OTHER_PORT)

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        places = replace(stun_places(), port=options["port"], other_port=options["other_port"])
        if options["host"]:
            places = replace(places, hosts=(options["host"],))
        asyncio.run(_serve(places))


async def _serve(places: StunPlaces) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(places) as ports:
        if not ports:
            raise CommandError("No UDP port of the STUN server could be had.")
        await stopped.wait()
