"""A database of before grants had several rights keeps what its groups may do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.executor import MigrationExecutor

from tests.conftest import make_recorder

BEFORE, AFTER = ("recorders", "0005_grants"), ("recorders", "0007_grants_rules")


def migrate(target: tuple[str, str]) -> Any:  # Django's historical models
    executor = MigrationExecutor(connection)
    executor.migrate([target])
    return executor.loader.project_state([target]).apps


@pytest.fixture
def without_rules(transactional_db):
    """The database's own rules, which know the newest tables, come back with these."""
    emit_pre_migrate_signal(0, False, DEFAULT_DB_ALIAS)
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    emit_post_migrate_signal(0, False, DEFAULT_DB_ALIAS)


def test_a_row_for_each_right_becomes_a_row_for_each_scope(viewers, recorder, without_rules):
    viewers.grants.all().delete()
    camera = recorder.cameras.first()
    other = make_recorder(recorder.organisation, "Quay")
    old = migrate(BEFORE).get_model("recorders", "Grant").objects
    everywhere, here = {}, {"recorder_id": recorder.pk}
    for scope, rights in [
        (everywhere, "live configure"),
        (here, "playback live export"),
        ({"camera_id": camera.pk}, "live configure"),
        ({"recorder_id": other.pk}, "configure"),
        ({"camera_id": other.cameras.first().pk}, "configure"),  # never said anything
    ]:
        for right in rights.split():
            old.create(group_id=viewers.pk, right=right, **scope)

    new = migrate(AFTER).get_model("recorders", "Grant").objects
    found = {
        (grant.recorder_id, grant.camera_id): {
            name.removeprefix("may_")
            for name, value in vars(grant).items()
            if name.startswith("may_") and value
        }
        for grant in new.filter(group_id=viewers.pk)
    }
    assert new.count() == len(found)
    assert found == {
        (None, None): {"live", "configure"},
        (recorder.pk, None): {"live", "playback", "export"},
        (None, camera.pk): {"live"},
        (other.pk, None): {"configure"},
    }
    assert not new.exclude(location=None, holds_from=None, hours=[], is_judged=False)
