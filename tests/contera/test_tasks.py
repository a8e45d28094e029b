"""Housekeeping of the portal."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from contera.tasks import forget_expired_sessions

pytestmark = pytest.mark.django_db


def test_sessions_that_ended_are_forgotten():
    for key, hours in (("ended", -1), ("running", 1)):
        Session.objects.create(session_key=key, expire_date=timezone.now() + timedelta(hours=hours))
    forget_expired_sessions()
    assert Session.objects.get().session_key == "running"
