"""D2, P4: bodies that are made to cost memory or time are refused with words, quickly."""

import time

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
LONGEST_S = 5.0
FORM = "multipart/form-data; boundary=b"


def parts(count, head=b'Content-Disposition: form-data; name="n%d"'):
    return b"".join(b"--b\r\n" + head % i + b"\r\n\r\nx\r\n" for i in range(count)) + b"--b--\r\n"


FILES = b'Content-Disposition: form-data; name="n%d"; filename="f"'
BOMBS = {
    "parts": (parts(14_000), FORM),
    "files": (parts(10_000, FILES), FORM),
    "header without end": (b"--b\r\nContent-Disposition: form-data; name=" + b"x" * 900_000, FORM),
    "fields": (b"&".join(b"n%d=" % i for i in range(80_000)), "application/x-www-form-urlencoded"),
    "name": (b"--b\r\nX: " + b"y" * 500_000 + b"\r\n\r\nx\r\n--b--\r\n", FORM),
}


@pytest.mark.parametrize("bomb", BOMBS, ids=str)
def test_a_form_that_is_a_bomb_is_refused_quickly(bomb):
    """Of anybody: the form is read before it is known who sent it. Larger ones: body_limit."""
    body, kind = BOMBS[bomb]
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.get("/accounts/login/")
    began = time.monotonic()
    answer = client.generic("POST", "/accounts/login/", body, kind)
    assert 400 <= answer.status_code < 500
    assert time.monotonic() - began < LONGEST_S
