"""D1: no start with a sample secret or with every host allowed."""

import pytest
from django.core.checks import run_checks


def found_ids(**options):
    return {message.id for message in run_checks(**options)}


@pytest.mark.parametrize("secret", ["change-me" * 10, "short", "django-insecure-" + "x" * 60])
def test_a_sample_secret_is_refused(settings, secret):
    """D1"""
    settings.SECRET_KEY = secret
    assert "contera.E001" in found_ids()


def test_every_host_allowed_is_refused(settings):
    """D1"""
    settings.ALLOWED_HOSTS = ["portal.example", "*"]
    assert "contera.E002" in found_ids()


def test_one_of_two_stun_addresses_is_refused(settings):
    settings.CONTERA_STUN_OTHER_ADDRESS = "192.0.2.2"
    assert "contera.E004" in found_ids()


@pytest.mark.parametrize("name", ["CONTERA_IDENTITY_NETWORKS", "CONTERA_WEBHOOK_NETWORKS"])
@pytest.mark.parametrize(("named", "is_https"), [("everywhere", False), ("laboratory", True)])
def test_the_networks_of_a_laboratory_are_refused_in_service(settings, name, named, is_https):
    setattr(settings, name, named)
    settings.IS_HTTPS = is_https
    assert "contera.E007" in found_ids()


@pytest.mark.parametrize("url", ["portal.example", "ftp://portal.example", "https://"])
def test_an_address_without_its_scheme_or_host_is_refused(settings, url):
    settings.CONTERA_BASE_URL = url
    assert found_ids() == {"contera.E005"}
    settings.CONTERA_BASE_URL = "https://portal.example"
    settings.CONTERA_RELAY_URLS = [url]
    assert found_ids() == {"contera.E005"}


def test_a_fresh_clone_has_no_errors():
    """D1"""
    assert not found_ids()


def test_plain_http_is_named_before_it_goes_into_service(settings):
    """D1"""
    settings.IS_HTTPS = False
    assert "contera.W001" in found_ids(include_deployment_checks=True)
