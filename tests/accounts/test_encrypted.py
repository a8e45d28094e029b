"""Secrets at rest: useless without the key file; keys are replaced while programs run."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.encrypted import decrypt, encrypt, read_keys
from accounts.models import Webhook

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    settings.CONTERA_SECRETS_KEY_FILE = tmp_path / "secrets"
    return settings.CONTERA_SECRETS_KEY_FILE


@pytest.fixture
def webhook(organisation):
    return Webhook.objects.create(organisation=organisation, url="https://a.test/", secret="canary")


def stored(webhook):
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_webhook")
        return cursor.fetchone()[0]


def test_the_database_never_holds_the_secret_itself(webhook):
    """D2: a planted canary."""
    assert "canary" not in stored(webhook)
    assert Webhook.objects.get().secret == "canary"


def test_only_the_owner_reads_the_key_file(key_file, webhook):
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_another_installations_key_opens_nothing_and_says_so(key_file, webhook):
    key_file.unlink()
    with pytest.raises(ImproperlyConfigured, match="no key that opens"):
        Webhook.objects.get()


def test_rotation_encrypts_everything_anew(key_file, webhook, owner, client):
    client.force_login(owner)
    codes = Authenticator.objects.create(
        user=owner, type=Authenticator.Type.TOTP, data={"secret": encrypt("JBSWY3DP")}
    )
    before, old = stored(webhook), read_keys(key_file)
    call_command("rotate_secrets")
    assert Webhook.objects.get().secret == "canary"
    call_command("rotate_secrets", "--forget")
    codes.refresh_from_db()
    assert stored(webhook) != before
    assert len(read_keys(key_file)) == 1
    assert read_keys(key_file) != old
    assert (Webhook.objects.get().secret, decrypt(codes.data["secret"])) == ("canary", "JBSWY3DP")
    assert client.get("/recorders/").status_code == 200  # nobody was signed out


def test_nothing_is_forgotten_before_there_is_a_new_key(key_file, webhook):
    with pytest.raises(CommandError, match="one key alone"):
        call_command("rotate_secrets", "--forget")
