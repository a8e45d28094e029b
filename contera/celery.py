"""The worker and beat: `celery -A contera worker`, `celery -A contera beat`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "contera.settings")

app = Celery("contera")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
