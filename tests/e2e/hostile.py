"""A portal in which whatever somebody may call something is markup, script, or text that turns
around. `main` runs in the portal's own environment, with Django set up, and writes what an
administrator's browser needs: its cookie, and the addresses of all pages."""

from __future__ import annotations

import json
import sys
import time

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import login
from django.core.management import call_command
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.audit import PORTAL, record
from accounts.built_in import make_built_in_groups
from accounts.models import (
    ApiToken,
    Branding,
    Consent,
    Federation,
    Group,
    IdentityProvider,
    Membership,
    Organisation,
    User,
    Webhook,
    WebhookDelivery,
)
from accounts.session_store import STARTED, SessionStore
from incidents.jobs import mail
from incidents.models import Export, ExportedClip, Incident
from recorders.models import (
    Camera,
    Grant,
    Location,
    Preflight,
    Recorder,
    RegistrationCode,
    WhitelistMail,
)
from recorders.services import whitelist_mails
from tests.conftest import give, make_recorder
from tests.one_of_each import one_of_each
from tests.route_policy import POLICY, Line
from tests.test_routes import NAMED, fresh

OWNER, PASSWORD = "owner@harbour.test", "correct horse battery"
SHORT = "<img src=/ran onerror=ran()>"
MARKUP = f"'\"></title></textarea><script>ran()</script>{SHORT}{{{{ 7|add:7 }}}}"
TURNED = f"\u202e{MARKUP}\nsecond line\u2066"  # what names that people type may not hold
HEADERS = f"{SHORT}\r\nBcc: eve@elsewhere.test"

PLANTED: dict[type[Model], dict[str, str]] = {
    Organisation: {"name": HEADERS},
    Branding: {"portal_name": SHORT, "support_contact": TURNED, "sender_name": HEADERS},
    User: {"name": MARKUP},
    Membership: {"name": MARKUP},
    Group: {"name": MARKUP},
    Location: {"name": MARKUP},
    Recorder: {"name": MARKUP, "model": SHORT, "version": SHORT},
    RegistrationCode: {"name": MARKUP},
    Camera: {"name": TURNED, "state": SHORT[:30], "detail": TURNED},
    Preflight: {"error": TURNED},
    WhitelistMail: {"message": TURNED, "error": TURNED},
    Incident: {"title": HEADERS, "note": TURNED},
    Export: {"error": TURNED},
    ExportedClip: {"error": TURNED},
    Grant: {"reason": TURNED},
    Consent: {"reason": TURNED},
    ApiToken: {"name": MARKUP},
    Webhook: {"url": f"https://a.test/{MARKUP}"},
    WebhookDelivery: {"error": TURNED, "event": SHORT},
    IdentityProvider: {"name": SHORT, "client_id": MARKUP, "groups_claim": MARKUP},
}
LOGGED_ACTIONS = ("export.failed", "incident.created", "person.invited", "recorder.renamed", "x.y")
# What is shown to nobody, or leads away from the portal or from being signed in.
LEFT_OUT = {"account_logout", "sign-on-start", "sign-on-try", "api-docs"}


def _person(organisation: Organisation, email: str, group: Group) -> User:
    user = User.objects.create_user(email, PASSWORD, "Name")
    member = Membership.objects.create(user=user, organisation=organisation, name="Name")
    member.groups.add(group)
    return user


def _made() -> dict[str, object]:
    """One of each thing; the organisation is a dealer too, and has a dealer."""
    organisation = Organisation.objects.create(name="Harbour", handle="harbour", is_dealer=True)
    make_built_in_groups(organisation)
    administrators = Group.objects.get(organisation=organisation, built_in="administrators")
    owner = _person(organisation, OWNER, administrators)
    viewers = Group.objects.create(organisation=organisation, name="Guards")
    recorder = make_recorder(organisation, "Gate")
    give(viewers, "live playback", recorder=recorder)
    viewer = _person(organisation, "viewer@harbour.test", viewers)
    things = one_of_each(owner, viewer, viewers, recorder)
    customer = Organisation.objects.create(name="Customer", dealer=organisation)
    make_recorder(customer, "Theirs")
    Consent.objects.create(organisation=customer, dealer=organisation, live=True, reason="Why")
    Branding.objects.create(organisation=organisation, accent="#c2410c")
    things["pk"] = Authenticator.objects.create(
        user=owner, type="webauthn", data={"name": MARKUP, "credential": {}}
    ).pk
    rows = [
        {"id": "a", "group": SHORT, "title": SHORT, "state": "fail", "detail": SHORT, "advice": ""}
    ]
    Preflight.objects.create(recorder=recorder, requested_at=timezone.now(), rows=rows)
    provider = IdentityProvider.objects.create(
        organisation=organisation, kind="oidc", settings={"issuer": MARKUP}, group_map={SHORT: "x"}
    )
    member = Membership.objects.get(user=viewer)
    Federation.objects.create(provider=provider, subject=MARKUP, membership=member)
    return {**things, "customer_id": customer.pk}


def _plant() -> None:
    for model, texts in PLANTED.items():
        rows = model._default_manager.all()
        if model is Group:  # no two have one name
            rows = rows.filter(built_in="")
        assert rows.update(**texts), model
    organisation = Organisation.objects.get(handle="harbour")
    for action in LOGGED_ACTIONS:
        facts = dict.fromkeys(("name", "reason", "title", "recorder", "email", SHORT), SHORT)
        record(organisation, PORTAL, action, SHORT, **facts)


def _send() -> None:
    """A mail of each kind that holds what somebody typed."""
    Membership.objects.filter(user__email="viewer@harbour.test").update(state="invited")
    tasks.send_invitation(Membership.objects.get(user__email="viewer@harbour.test").pk)
    Membership.objects.filter(user__email="viewer@harbour.test").update(state="active")
    tasks.send_password_reset(OWNER)
    tasks.send_second_factor_removed(str(User.objects.get(email=OWNER).pk), MARKUP)
    mail.message(Export.objects.get()).send()
    owner = User.objects.get(email=OWNER)
    WhitelistMail.objects.update(
        requested_by=owner, circumstances=owner.circumstances.to_json(), state="queued"
    )
    whitelist_mails.send(WhitelistMail.objects.get().pk, timezone.now())


def _signed_in() -> str:
    """The cookie of the owner's browser; in front of the page there is a passkey."""
    owner, request = User.objects.get(email=OWNER), HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": MARKUP}
    request.session = session = SessionStore()
    login(request, owner, settings.AUTHENTICATION_BACKENDS[0])
    session.update({STARTED: time.time(), **fresh(owner)})
    session.save()
    return session.cookie


def _addresses(things: dict[str, object]) -> list[str]:
    """Pages alone: what is JSON or a file is not asked for by a browser."""
    return [
        reverse(line.name, kwargs={name: things[name] for name in NAMED[line.name].arguments})
        for line in POLICY
        if line.method == "GET"
        and (line.outcomes["owner"] == "ok" or _is_dealers(line))
        and not line.name.startswith("api-")
        and line.name not in LEFT_OUT
    ]


def _is_dealers(line: Line) -> bool:
    """A page for the people of dealers, whom the policy's table leaves out."""
    return line.name.startswith("customer") and line.outcomes["owner"] == "403"


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    things = _made()
    _plant()
    _send()
    sys.stdout.write(json.dumps({"cookie": _signed_in(), "addresses": _addresses(things)}))
