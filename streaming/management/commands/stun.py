"""`manage.py stun`: the STUN server as a program of its own."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from streaming import stun


class Command(BaseCommand):
    help = "Answers STUN requests on UDP until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host", default="0.0.0.0", help="address to listen on"
        )  # it serves the Internet
        parser.add_argument("--port", type=int, default=settings.CONTERA_STUN_PORT)

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        asyncio.run(_serve(options["host"], options["port"]))


async def _serve(host: str, port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with stun.serving(host, port):
        await stopped.wait()
