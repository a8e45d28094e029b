"""D1, A3: what every kind of answer carries, also those that refuse or fail."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest
from django.test import Client
from django.urls import path

from contera.urls import urlpatterns as real_urlpatterns

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

CANARY = "a canary in a local variable"


def fail(request, error):
    local = CANARY  # noqa: F841  what a page with a traceback would show
    raise {"500": RuntimeError, "400": BadRequest}[error](CANARY)


urlpatterns = [
    *real_urlpatterns,
    path("fails/<str:error>/", fail),
    path("api/fails/<str:error>/", fail),
]
ANSWERS = {
    "/accounts/login/": 200,
    "/recorders/": 302,
    "/nothing/": 404,
    "/recorders/x/": 404,
    "/fails/500/": 500,
    "/fails/400/": 400,
    "/api/v1/recorders/": 401,
    "/api/v1/nothing/": 404,
    "/api/fails/500/": 500,
    "/api/fails/400/": 400,
    "/.well-known/jwks.json": 200,
    "/healthz": 200,
}


@pytest.mark.parametrize("address", ANSWERS)
def test_every_answer_has_the_headers_and_tells_nothing_of_our_insides(address):
    """With DEBUG off there is no traceback; what went wrong is in the log alone."""
    answer = Client(raise_request_exception=False).get(address)
    assert answer.status_code == ANSWERS[address]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "camera=()" in answer["Permissions-Policy"]
    text = answer.content.decode()
    assert CANARY not in text
    assert "Traceback" not in text
    if answer["Content-Type"].startswith("text/html"):
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Frame-Options"] == "DENY"


def test_a_host_that_is_not_ours_gets_nothing():
    answer = Client(raise_request_exception=False).get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


def test_a_foreign_post_is_refused_in_words():
    """B1"""
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a"})
    assert answer.status_code == 403
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_cookies_in_service_are_of_this_host_alone(tmp_path):
    """`__Host-`, Secure, HttpOnly and SameSite by the settings of a portal with https."""
    import json
    import os
    import subprocess
    import sys

    probe = (
        "import json; from contera import settings as s;"
        "print(json.dumps([s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        "s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS]))"
    )
    env = {**os.environ, "CONTERA_BASE_URL": "https://a.test", "CONTERA_DATA": str(tmp_path)}
    said = subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True, check=True)
    names = ["__Host-sessionid", "__Host-csrftoken"]
    assert json.loads(said.stdout) == [*names, True, True, 31_536_000]
