"""Settings from the environment are read once, and a wrong one names itself."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from contera import environment


def test_a_postgresql_address_becomes_djangos_settings():
    found = environment.database(
        "postgresql://me:p%40ss@db.example:5433/contera?sslmode=require", ""
    )
    assert (found["NAME"], found["USER"], found["PASSWORD"]) == ("contera", "me", "p@ss")
    assert (found["HOST"], found["PORT"]) == ("db.example", "5433")
    assert found["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    ("url", "name"), [("", "/data/x.sqlite3"), ("sqlite:////tmp/y.sqlite3", "/tmp/y.sqlite3")]
)
def test_sqlite_is_the_default(url, name):
    assert environment.database(url, "/data/x.sqlite3")["NAME"] == name


def test_an_unknown_database_is_named():
    with pytest.raises(ImproperlyConfigured, match="'mysql' is not supported"):
        environment.database("mysql://localhost/x", "")


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://localhost", 25, False, False),
        ("smtp+tls://a:b@mail.example", 587, True, False),
        ("smtp+ssl://a:b@mail.example:4465", 4465, False, True),
    ],
)
def test_a_mail_address_becomes_djangos_settings(url, port, tls, ssl):
    found = environment.email(url, "/unused")
    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, tls, ssl)


def test_without_a_mail_server_mails_become_files():
    assert environment.email("", "/data/mail")["EMAIL_FILE_PATH"] == "/data/mail"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("off", False), ("", False)])
def test_a_flag_is_yes_or_no(monkeypatch, value, expected):
    monkeypatch.setenv("CONTERA_X", value)
    assert environment.flag("CONTERA_X") is expected


@pytest.mark.parametrize("read", [environment.flag, lambda name: environment.number(name, 1)])
def test_nonsense_is_named(monkeypatch, read):
    monkeypatch.setenv("CONTERA_X", "maybe")
    with pytest.raises(ImproperlyConfigured, match="CONTERA_X"):
        read("CONTERA_X")
