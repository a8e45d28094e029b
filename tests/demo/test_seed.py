"""`manage.py seed_demo` makes the people of the demo, once."""

import io
import json

import pytest
from django.core.management import call_command

from accounts.models import ApiToken, Group, Organisation, User
from recorders.models import Grant, Recorder
from recorders.policy import recorder_rights

PEOPLE = {
    name: {"email": f"{name}@demo.test", "password": f"{name}-password-1"}
    for name in ("admin", "viewer", "stranger")
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def seed(monkeypatch):
    def run(**more: str) -> str:
        said = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(PEOPLE | more)))
        call_command("seed_demo", stdout=said)
        return json.loads(said.getvalue())["api_token"]

    return run


def test_a_second_run_changes_nothing_and_keeps_the_token(seed) -> None:
    token = seed()
    counts = [model.objects.count() for model in (User, Group, Organisation, ApiToken)]
    assert seed(api_token=token) == token
    assert counts == [model.objects.count() for model in (User, Group, Organisation, ApiToken)]
    assert counts == [3, 7, 2, 1]  # three built-in groups each, and the viewer's


def test_a_token_that_is_not_good_is_replaced(seed) -> None:
    assert seed(api_token="ctr_unknown") != "ctr_unknown"


def test_the_password_that_is_shown_is_the_one_that_works(seed) -> None:
    seed()
    admin = User.objects.get(email="admin@demo.test")
    admin.set_password("something else")
    admin.save()
    seed()
    admin.refresh_from_db()
    assert admin.check_password("admin-password-1")


def test_the_viewer_may_watch_and_play_back_and_the_stranger_sees_nothing(seed) -> None:
    seed()
    recorder = Recorder.objects.create(
        organisation=Organisation.objects.get(name="Demo organisation"), name="R", public_key={}
    )
    seed(recorder_id=str(recorder.pk))
    seed(recorder_id=str(recorder.pk))
    rights = {
        name: recorder_rights(User.objects.get(email=f"{name}@demo.test"), recorder)
        for name in PEOPLE
    }
    assert rights["viewer"] == {"live", "playback"}
    assert "configure" in rights["admin"]
    assert rights["stranger"] == set()
    assert Grant.objects.count() == 1
