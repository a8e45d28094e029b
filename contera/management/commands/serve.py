"""`manage.py serve`: the portal, with the relay inside."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contera import embedded_redis
from contera.listening import serve


class Command(BaseCommand):
    help = "Runs the portal (web pages, API, relay) until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="TCP port to listen on")

    def handle(self, *args: Any, **options: Any) -> None:  # Django's signature
        with ExitStack() as stack:
            if settings.IS_REDIS_EMBEDDED:
                stack.enter_context(embedded_redis.running(settings.EMBEDDED_REDIS_SOCKET))
            self._serve(options["host"], options["port"])

    def _serve(self, host: str, port: int) -> None:
        try:
            serve("contera.asgi:application", host=host, port=port)
        except OSError as error:
            raise CommandError(f"{host}:{port}: {error.strerror or error}") from None
