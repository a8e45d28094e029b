"""The cast of the portal's tests, and the private Redis they use.

Nothing of Django is imported before a test asks for it: `protocol`, the relay and the recorder are
tested without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.services import PLUGINS

if TYPE_CHECKING:
    from accounts.models import Group, Organisation, User
    from recorders.models import Camera, Grant, Recorder

pytest_plugins = PLUGINS
PASSWORD = "correct horse battery"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Under CI a skipped test is a failed one: what is missing there gets installed."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"


@pytest.fixture(scope="session")
def private_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Cache, channel layer, broker and mail folder of the tests: nobody else's."""
    from django.test import override_settings

    from contera import embedded_redis
    from contera.celery import app

    folder = tmp_path_factory.mktemp("portal")
    url = f"unix://{folder / 'valkey.sock'}"
    app.conf.broker_url = url.replace("unix://", "redis+socket://", 1)
    with embedded_redis.running(folder / "valkey.sock"), override_settings(**_own(url, folder)):
        yield url


def _own(redis_url: str, folder: Path) -> dict[str, Any]:
    """Settings of the tests (Any: Django's own shapes)."""
    from django.conf import settings

    (folder / "static").mkdir()
    cache = {**settings.CACHES["default"], "LOCATION": redis_url}
    layer = settings.CHANNEL_LAYERS["default"]
    return {
        "REDIS_URL": redis_url,
        "CACHES": {"default": cache},
        "CHANNEL_LAYERS": {
            "default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [redis_url]}}
        },
        "CONTERA_DATA": folder,
        "STATIC_ROOT": folder / "static",
        "CONTERA_SIGNING_KEY_FILE": folder / "portal.pem",
        "CONTERA_SECRETS_KEY_FILE": folder / "secrets",
        "CONTERA_STORAGE": f"file://{folder / 'exports'}",
        # Pages in tests name static files as they are; there is no collectstatic before a test.
        "STORAGES": {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        # A good password hash takes 50 ms, which says nothing about the portal.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
    }


@pytest.fixture(autouse=True)
def _private_portal(request: pytest.FixtureRequest) -> None:
    """Every test that touches the database starts with an empty cache of its own."""
    if request.node.get_closest_marker("django_db") or "db" in request.fixturenames:
        request.getfixturevalue("private_redis")
        from django.core.cache import cache

        from tests.services.django_client import sessions_by_cookie

        cache.clear()
        _empty_tables_past_the_guards()
        sessions_by_cookie()


def _empty_tables_past_the_guards() -> None:
    """Tests with real transactions empty all tables at their end; the database's own rules would
    keep the audit trail."""
    from django.db import connection

    from accounts import audit_guards

    operations, vendor = connection.ops, connection.vendor
    if "sql_flush" in vars(operations):
        return
    flush = operations.sql_flush

    def sql_flush(*arguments: Any, **options: Any) -> list[str]:  # Any: Django's own
        emptied = flush(*arguments, **options)
        return [*audit_guards.remove(vendor), *emptied, *audit_guards.install(vendor)]

    operations.sql_flush = sql_flush  # type: ignore[method-assign]


# --- The cast -------------------------------------------------------------------------------------


def _join(organisation: Organisation, email: str, *groups: Group) -> User:
    from accounts.models import Membership, User

    user = User.objects.create_user(email, PASSWORD, email.split("@", maxsplit=1)[0].title())
    membership = Membership.objects.create(user=user, organisation=organisation, name=user.name)
    membership.groups.set(groups)
    return user


def _organisation(name: str) -> tuple[Organisation, Group]:
    from accounts.models import Group, Organisation

    organisation = Organisation.objects.create(name=name)
    administrators = Group.objects.create(
        organisation=organisation, name="Administrators", built_in="administrators"
    )
    return organisation, administrators


@pytest.fixture
def organisation(owner: User) -> Organisation:
    """The owner's."""
    from accounts.models import Organisation

    return Organisation.objects.get(memberships__user=owner)


@pytest.fixture
def owner(db: None) -> User:
    """An administrator, whose organisation has the recorder."""
    return _join(*_reordered(_organisation("Harbour"), "owner@harbour.test"))


@pytest.fixture
def viewers(organisation: Organisation, recorder: Recorder) -> Group:
    """The group of the viewer: live and recorded video of the recorder, nothing else."""
    from accounts.models import Group

    group = Group.objects.create(organisation=organisation, name="Viewers")
    give(group, "live playback", recorder=recorder)
    return group


def give(group: Group, rights: str, **facts: Any) -> Grant:
    """A grant of these rights; `facts` are other fields of it (Any: their values): the scope,
    which is everything otherwise, and limits."""
    from recorders.models import Grant

    is_judged = any(facts.get(limit) for limit in ("hours", "clients", "addresses"))
    may = {f"may_{right}": True for right in rights.split()}
    return Grant.objects.create(group=group, is_judged=is_judged, **may, **facts)


def take(group: Group, right: str) -> None:
    """The group has the right nowhere any more."""
    group.grants.update(**{f"may_{right}": False})


@pytest.fixture
def viewer(organisation: Organisation, viewers: Group) -> User:
    """Sees the owner's recorder through the group `viewers`."""
    return _join(organisation, "viewer@harbour.test", viewers)


@pytest.fixture
def stranger(db: None) -> User:
    """An administrator of another organisation: must see nothing of the owner's."""
    return _join(*_reordered(_organisation("Elsewhere"), "stranger@elsewhere.test"))


@pytest.fixture
def dealership(organisation: Organisation, boss: User) -> Organisation:
    """The dealer of the owner's organisation."""
    from accounts.models import Organisation

    dealer = Organisation.objects.get(memberships__user=boss)
    Organisation.objects.filter(pk=organisation.pk).update(dealer=dealer)
    organisation.dealer = dealer
    return dealer


@pytest.fixture
def boss(db: None) -> User:
    """An administrator of the dealer."""
    from accounts.models import Organisation

    boss = _join(*_reordered(_organisation("North Security"), "boss@north.test"))
    Organisation.objects.filter(memberships__user=boss).update(is_dealer=True)
    return boss


@pytest.fixture
def installer(dealership: Organisation) -> User:
    """A manager of the dealer: configures the customer's recorders, sees no video."""
    from accounts.models import Group

    managers, _ = Group.objects.get_or_create(
        organisation=dealership, built_in="managers", defaults={"name": "Managers"}
    )
    return _join(dealership, "ines@north.test", managers)


@pytest.fixture
def recorder(organisation: Organisation) -> Recorder:
    """The owner's, online, with the two `cameras`."""
    return make_recorder(organisation, "Gate")


@pytest.fixture
def cameras(recorder: Recorder) -> list[Camera]:
    return list(recorder.cameras.order_by("number"))


def make_recorder(organisation: Organisation, name: str, cameras: int = 2) -> Recorder:
    from django.utils import timezone

    from recorders.models import Camera, Recorder, RemoteNetworkSettings

    recorder = Recorder.objects.create(
        organisation=organisation,
        name=name,
        public_key={},
        last_seen_at=timezone.now(),
        capabilities=["relay"],
    )
    RemoteNetworkSettings.objects.create(recorder=recorder, relay_region="us-west")
    for number in range(1, cameras + 1):
        Camera.objects.create(recorder=recorder, number=number, name=f"Camera {number}")
    return recorder


def _reordered(made: tuple[Organisation, Group], email: str) -> tuple[Organisation, str, Group]:
    return made[0], email, made[1]
