"""A5, A2: a dealer makes customers and looks after their recorders, and reaches nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit import PORTAL, Actor
from accounts.errors import NotPossible
from accounts.models import AuditEntry, Consent, Membership, Organisation
from accounts.organisations import consents, dealers
from accounts.organisations.consents import Wish
from recorders.models import Camera, Recorder
from tests.conftest import make_recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def van(client, installer) -> Client:
    """The browser of the dealer's installer."""
    client.force_login(installer)
    return client


def text(response) -> str:
    return response.content.decode()


def consented(organisation, dealership, *rights: str, **changes: object) -> Consent:
    now = timezone.now()
    wish = Wish(frozenset(rights), 24, "The gate is dark")
    consent = consents.give(organisation, dealership, wish, PORTAL, now)
    Consent.objects.filter(pk=consent.pk).update(**changes)
    return consent


# --- What a dealer reaches ------------------------------------------------------------------------


def test_a_dealer_configures_the_customers_recorders_and_sees_no_video(
    van, installer, dealership, recorder, cameras
):
    assert list(Recorder.objects.with_right(installer, "configure")) == [recorder]
    for right in ("live", "playback", "export", "delete"):
        assert not Camera.objects.with_right(installer, right).exists()
    assert van.get(f"/recorders/{recorder.pk}/network/").status_code == 200
    assert cameras[0].name not in text(van.get(f"/recorders/{recorder.pk}/"))
    opened = van.post(f"/api/v1/recorders/{recorder.pk}/session/", {}, "application/json").json()
    assert opened["cameras"] == []


@pytest.mark.parametrize(
    "address",
    [
        "/users/",
        "/groups/",
        "/audit/",
        "/organisation/",
        "/organisation/consents/",
        "/api/v1/users/",
        "/api/v1/audit/",
        "/api/v1/groups/",
    ],
)
def test_a_dealers_manager_reads_nothing_of_people_there(van, dealership, address, owner):
    response = van.get(address)
    assert response.status_code == 403
    assert owner.email not in text(response)


def test_a_dealers_administrator_finds_their_own_people_only(client, boss, dealership, owner):
    client.force_login(boss)
    for address in ("/users/", "/audit/", "/api/v1/users/", "/api/v1/audit/"):
        assert owner.email not in text(client.get(address))
    assert client.get(f"/users/{owner.pk}/").status_code == 404


def test_a_stranger_is_no_ones_dealer(client, stranger, organisation, dealership):
    Organisation.objects.filter(memberships__user=stranger).update(is_dealer=True)
    client.force_login(stranger)
    assert text(client.get("/customers/")).count("Harbour") == 0
    for page in ("", "ask/", "leave/"):
        assert client.get(f"/customers/{organisation.pk}/{page}").status_code == 404
    assert client.get(f"/recorders/?customer={organisation.pk}").status_code == 404


def test_the_customer_itself_is_no_dealer(client, owner, dealership):
    client.force_login(owner)
    assert client.get("/customers/").status_code == 403


@pytest.mark.parametrize("customer", ["x", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_customer_is_not_found(van, customer):
    assert van.get("/recorders/", {"customer": customer}).status_code == 404


def test_what_a_dealer_does_is_in_the_customers_trail_under_its_name(van, recorder, organisation):
    van.post(f"/recorders/{recorder.pk}/edit/", {"name": "Gate 2", "location": ""})
    line = AuditEntry.objects.filter(organisation=organisation).latest("number")
    assert (line.action, line.actor_name) == ("recorder.changed", "Ines of North Security")


# --- Consent --------------------------------------------------------------------------------------


def test_a_consent_lets_the_dealer_see_video_while_it_lasts(
    van, installer, boss, organisation, dealership, recorder, cameras
):
    given = consented(organisation, dealership, "live")
    assert set(Camera.objects.with_right(installer, "live")) == set(cameras)
    assert set(Camera.objects.with_right(boss, "live")) == set(cameras)
    assert not Camera.objects.with_right(installer, "playback").exists()
    Consent.objects.filter(pk=given.pk).update(ends_at=timezone.now())
    assert not Camera.objects.with_right(installer, "live").exists()


def test_a_viewer_of_the_dealer_sees_nothing_by_it(dealership, organisation, boss, recorder):
    Membership.objects.get(user=boss).groups.clear()
    consented(organisation, dealership, "live")
    assert not Recorder.objects.visible_to(boss).exists()


def test_a_token_ends_with_the_consent_at_the_latest(
    van, organisation, dealership, recorder, cameras
):
    """A4"""
    soon = timezone.now() + timedelta(seconds=20)
    consented(organisation, dealership, "live", ends_at=soon)
    answer = van.post(f"/api/v1/recorders/{recorder.pk}/session/", {}, "application/json").json()
    assert datetime.fromisoformat(answer["expires_at"]) <= soon


def test_each_view_is_in_the_customers_trail(van, organisation, dealership, recorder, cameras):
    consented(organisation, dealership, "live")
    van.post(f"/api/v1/recorders/{recorder.pk}/session/", {}, "application/json")
    line = AuditEntry.objects.get(organisation=organisation, action="session.opened")
    assert line.actor_name == "Ines of North Security"


def test_both_sides_see_a_banner_while_it_lasts(
    van, client, viewer, organisation, dealership, recorder
):
    given = consented(organisation, dealership, "live")
    assert "You may see video of" in text(van.get("/recorders/"))
    client.force_login(viewer)
    page = text(client.get("/recorders/"))
    assert "consent-banner" in page
    assert "North Security" in page
    assert "The gate is dark" in page
    consents.withdraw(given, PORTAL, timezone.now())
    assert "consent-banner" not in text(client.get("/recorders/"))


@pytest.mark.parametrize(
    ("sends_mail", "told"), [(True, "asked by mail"), (False, "sends no mail yet")]
)
def test_who_asks_is_told_how_the_customer_hears_of_it(
    van, organisation, dealership, settings, sends_mail, told
):
    settings.IS_MAIL_CONFIGURED = sends_mail
    fields = {"rights": ["live"], "hours": "24", "reason": "Door stays open"}
    assert told in text(van.post(f"/customers/{organisation.pk}/ask/", fields, follow=True))


def test_asking_answering_and_withdrawing_by_page(
    van, organisation, dealership, installer, owner, recorder, cameras
):
    fields = {"rights": ["live", "export"], "hours": "72", "reason": "Door stays open"}
    van.post(f"/customers/{organisation.pk}/ask/", fields)
    consent = Consent.objects.get()
    office = Client()
    office.force_login(owner)
    assert "Door stays open" in text(office.get("/organisation/consents/"))
    answer = {"rights": ["live"], "hours": "24"}
    assert "may see video now" in text(
        office.post(f"/organisation/consents/{consent.pk}/", answer, follow=True)
    )
    assert set(Camera.objects.with_right(installer, "live")) == set(cameras)
    office.post(f"/organisation/consents/{consent.pk}/withdraw/")
    assert not Camera.objects.with_right(installer, "live").exists()


def test_the_dealer_cannot_answer_its_own_request(van, organisation, dealership, installer):
    consent = consents.ask(
        organisation, dealership, Wish(frozenset({"live"}), 24, "Why"), Actor(installer, ""),
        timezone.now(),
    )  # fmt: skip
    answer = {"rights": ["live"], "hours": 24}
    path = f"/api/v1/consents/{consent.pk}/answer/"
    assert van.post(path, answer, "application/json").status_code == 403
    assert van.post(f"/organisation/consents/{consent.pk}/", answer).status_code == 403
    consent.refresh_from_db()
    assert consent.state == "requested"


# --- Customers ------------------------------------------------------------------------------------


def test_a_dealer_makes_a_customer_without_belonging_there(van, installer, dealership):
    fields = {"name": "Bakery  Lane", "email": "Ada@bakery.test", "person_name": "Ada"}
    page = van.post("/customers/add/", fields, follow=True)
    customer = Organisation.objects.get(name="Bakery Lane")
    assert (customer.dealer, customer.handle) == (dealership, "bakery-lane")
    assert [m.user.email for m in customer.memberships.all()] == ["ada@bakery.test"]
    assert "Nobody has joined yet" in text(page)
    lines = AuditEntry.objects.filter(organisation=customer).values_list("action", "actor_name")
    assert ("organisation.created", "Ines of North Security") in lines


def test_the_first_invitation_is_sent_again_until_somebody_joins(van, dealership, boss):
    customer = dealers.create_customer(dealership, "Bakery", "a@b.test", "", False, PORTAL)
    assert "again" in text(van.post(f"/customers/{customer.pk}/invitation/", follow=True))
    customer.memberships.update(state="active")
    page = text(van.post(f"/customers/{customer.pk}/invitation/", follow=True))
    assert "has joined" in page
    assert "a@b.test" not in page


def test_dealers_go_four_levels_deep(dealership):
    dealer = dealership
    for level in range(2, 5):
        dealer = dealers.create_customer(
            dealer, f"D{level}", f"d{level}@d.test", "", True, PORTAL
        )  # fmt: skip
    with pytest.raises(NotPossible, match="levels deep"):
        dealers.create_customer(dealer, "D5", "d5@d.test", "", True, PORTAL)
    last = dealers.create_customer(dealer, "Shop", "s@d.test", "", False, PORTAL)
    assert last in Organisation.objects.below(dealership)


def test_a_dealer_above_manages_but_a_consent_is_for_the_one_it_names(boss, dealership):
    sub = dealers.create_customer(dealership, "Sub", "s@sub.test", "", True, PORTAL)
    shop = dealers.create_customer(sub, "Shop", "a@shop.test", "", False, PORTAL)
    gate = make_recorder(shop, "Till")
    consented(shop, sub, "live")
    assert list(Recorder.objects.with_right(boss, "configure")) == [gate]
    assert not Camera.objects.with_right(boss, "live").exists()


def test_the_customer_parts_from_its_dealer(
    client, owner, installer, organisation, dealership, recorder
):
    client.force_login(owner)
    assert "End the relation" in text(client.get("/organisation/"))
    client.post("/organisation/dealer/end/")
    assert not Recorder.objects.visible_to(installer).exists()
    assert not Organisation.objects.managed_by(installer).exists()
    assert "Nobody but your own administrators" in text(client.get("/organisation/"))


def test_a_dealer_cannot_leave_a_customer_to_nobody(van, dealership):
    customer = dealers.create_customer(dealership, "Bakery", "a@b.test", "", False, PORTAL)
    page = van.post(f"/customers/{customer.pk}/leave/", follow=True)
    assert "nobody would manage it" in text(page)


def test_a_dealer_adds_a_recorder_for_a_customer(van, organisation, dealership):
    page = van.post(f"/recorders/add/?customer={organisation.pk}", {"name": "Yard"})
    assert page.status_code == 200
    code = organisation.registrationcode_set.get()
    assert code.name == "Yard"


def test_my_recorders_shows_a_customers_when_asked(van, organisation, dealership, recorder):
    assert recorder.name not in text(van.get("/recorders/"))
    page = text(van.get("/recorders/", {"customer": organisation.pk, "q": "gat"}))
    assert "Recorders of Harbour" in page
    assert f"/recorders/{recorder.pk}/" in page


def test_the_list_of_customers_costs_the_same_for_two_and_forty(van, dealership):
    counts = []
    for amount in (2, 38):
        for number in range(amount):
            made = Organisation.objects.create(
                name=f"C{amount}-{number}", handle=f"c{amount}-{number}", dealer=dealership
            )
            make_recorder(made, "Gate", 1)
            consented(made, dealership, "live")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert van.get("/customers/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


# --- API ------------------------------------------------------------------------------------------


def test_the_api_makes_customers_and_asks(van, organisation, dealership):
    body = {"name": "Bakery", "email": "ada@bakery.test"}
    made = van.post("/api/v1/customers/", body, "application/json")
    assert (made.status_code, made.json()["has_joined"]) == (201, False)
    found = van.get("/api/v1/customers/", {"search": "bak"}).json()
    assert [row["name"] for row in found["results"]] == ["Bakery"]
    wish = {
        "organisation": str(organisation.pk),
        "dealer": str(dealership.pk),
        "rights": ["live"],
        "hours": 24,
        "reason": "Why",
    }
    asked = van.post("/api/v1/consents/", wish, "application/json")
    assert (asked.status_code, asked.json()["state"]) == (201, "requested")
    again = van.post("/api/v1/consents/", wish, "application/json")
    assert (again.status_code, again.json()["code"]) == (409, "already_asked")


def test_the_api_gives_and_withdraws(client, owner, organisation, dealership):
    client.force_login(owner)
    wish = {
        "organisation": str(organisation.pk),
        "dealer": str(dealership.pk),
        "rights": ["live", "playback"],
        "hours": 720,
        "reason": "Handover",
    }
    given = client.post("/api/v1/consents/", wish, "application/json").json()
    assert (given["state"], given["is_in_force"]) == ("given", True)
    path = f"/api/v1/consents/{given['id']}/"
    assert client.delete(path).status_code == 204
    assert client.get(path).json()["state"] == "withdrawn"
