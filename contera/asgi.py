"""The portal as one ASGI application: relay first (raw ASGI), then WebSockets, then Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contera.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # before anything that imports models

from contera.routing import build_application  # noqa: E402

application = build_application(django_application)
