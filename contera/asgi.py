"""The portal as one ASGI application: relay first (raw ASGI), then WebSockets, then Django."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contera.settings")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()  # before anything that imports models

from django.urls import get_resolver  # noqa: E402

from contera.garbage import collect_rarely  # noqa: E402
from contera.routing import build_application  # noqa: E402

application = build_application(django_application)
_ = get_resolver().url_patterns  # loads all views, which the first request would do otherwise
collect_rarely()
