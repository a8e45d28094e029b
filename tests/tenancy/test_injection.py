"""B1: markup in every name, note, reason and address: each page of an administrator shows it as
text, in places of text and of attributes alike."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.db.models import CharField, TextField

from accounts.models import Consent, Group, Membership, Organisation, Webhook
from incidents.models import Incident
from recorders.models import Camera, Grant, Location, Recorder
from tests.route_policy import POLICY
from tests.tenancy.walk import answer, signed_in

pytestmark = pytest.mark.django_db

HOSTILE = "'\"></title></script><script>x()</script><img src=x onerror=x()>{{ 7|add:7 }}"
FIELDS = {
    Organisation: ("name",),
    Group: ("name",),
    Membership: ("name",),
    Location: ("name",),
    Recorder: ("name", "model", "version"),
    Camera: ("name", "detail", "state"),
    Incident: ("title", "note"),
    Grant: ("reason",),
    Consent: ("reason",),
    Webhook: ("url",),
}
PAGES = [line for line in POLICY if line.method == "GET" and line.outcomes["owner"] == "ok"]


class Harmful(HTMLParser):
    """Collects what would run if a browser read it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attributes}
        is_ours = str(names.get("src", "")).startswith("/") or names.get("type") in (
            "application/json",
            "importmap",
        )
        if tag == "script" and not is_ours:
            self.found.append(f"script {names}")
        self.found += [name for name in names if name.startswith("on")]
        self.found += [v for v in names.values() if v.lower().startswith("javascript:")]


def _plant() -> None:
    for number, (model, names) in enumerate(FIELDS.items()):
        for row in model._default_manager.all():
            for name in names:
                field = model._meta.get_field(name)
                assert isinstance(field, CharField | TextField)
                text = f"{row.pk} {number}"[:8] + HOSTILE
                model._default_manager.filter(pk=row.pk).update(
                    **{name: text[: field.max_length or len(text)]}
                )


@pytest.mark.timeout(240)
def test_no_page_runs_what_somebody_called_something(things: dict[str, Any], owner: Any) -> None:
    client = signed_in(owner)
    _plant()
    shown = 0
    for line in PAGES:
        response = answer(client, line, things)
        if response.status_code != 200 or "text/html" not in response["Content-Type"]:
            continue
        text = response.content.decode()
        page = Harmful()
        page.feed(text)
        assert page.found == [], line
        assert "unsafe" not in response["Content-Security-Policy"], line
        shown += "&lt;script&gt;x()" in text
    assert shown > 20
