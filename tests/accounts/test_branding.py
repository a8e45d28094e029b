"""How an organisation shows itself; B1: nothing of it can run in the portal's pages."""

from __future__ import annotations

import base64
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts import tasks
from accounts.audit import PORTAL
from accounts.mail import message
from accounts.models import AuditEntry, Branding, Membership, Organisation
from accounts.organisations import branding
from accounts.organisations.branding import Wanted
from accounts.organisations.logos import encode_logo

pytestmark = pytest.mark.django_db

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def office(client, owner) -> Client:
    """The owner's browser."""
    client.force_login(owner)
    return client


def png() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(held, "PNG")
    return held.getvalue()


def text(response) -> str:
    return response.content.decode()


def test_an_administrator_gives_the_pages_a_brand(office, organisation):
    fields = {
        "portal_name": "Harbour Eyes",
        "logo": SimpleUploadedFile("l.png", png(), "image/png"),
        "accent": "#c2410c",
        "support_contact": "+49 40 1234",
    }
    page = text(office.post("/organisation/branding/", fields, follow=True))
    row = Branding.objects.get(organisation=organisation)
    assert f"/branding/{row.logo_digest}.png" in page
    assert "/branding/c2410c-" in page
    assert "<span>Harbour Eyes</span>" in page
    assert "+49 40 1234" in page
    actions = AuditEntry.objects.filter(organisation=organisation).values_list("action", flat=True)
    assert {"branding.changed", "branding.logo_changed"} <= set(actions)


def test_a_colour_that_cannot_be_read_is_made_readable_and_it_says_so(office, organisation):
    page = text(office.post("/organisation/branding/", {"accent": "FFEE00"}, follow=True))
    assert "#ffee00 cannot be read on light pages; #746c00" in page
    assert Branding.objects.get(organisation=organisation).accent == "#746c00"


@pytest.mark.parametrize("colour", ["red", "#12345", "#gggggg", "url(x)"])
def test_what_is_no_colour_is_refused_at_its_field(office, organisation, colour):
    page = text(office.post("/organisation/branding/", {"accent": colour}))
    assert 'id="id_accent_error"' in page
    assert not Branding.objects.filter(organisation=organisation).exists()


def test_an_svg_is_refused_with_the_reason(office, organisation):
    """B1"""
    svg = SimpleUploadedFile("l.png", b"<svg onload='alert(1)'/>", "image/png")
    page = text(office.post("/organisation/branding/", {"logo": svg}))
    assert "SVG files can hold programs" in page
    assert not Branding.objects.exclude(logo=None).exists()


def test_what_is_wrong_with_a_logo_is_said_beside_other_mistakes(office, organisation):
    def sent(content):
        logo = SimpleUploadedFile("l.png", content, "image/png")
        return text(office.post("/organisation/branding/", {"logo": logo, "accent": "red"}))

    for content, words in ((b"no picture", "This is no picture"), (png(), "Choose the file again")):
        page = sent(content)
        assert words in page
        assert 'id="id_accent_error"' in page
    assert not Branding.objects.exclude(logo=None).exists()


def test_script_in_a_name_is_text_everywhere(office, organisation, owner):
    """B1"""
    wanted = Wanted(portal_name=SCRIPT, support_contact=SCRIPT, sender_name=SCRIPT)
    branding.set_branding(organisation, wanted, PORTAL)
    for address in ("/organisation/", f"/sign-in/{organisation.handle}/"):
        page = text((office if address == "/organisation/" else Client()).get(address))
        assert SCRIPT not in page
        assert "&lt;script&gt;" in page
    mail = message(organisation, f"Hello\r\nBcc: x@x.test {SCRIPT}", "Text", [owner.email])
    assert SCRIPT not in mail.alternatives[0][0]
    assert "\n" not in mail.subject
    assert mail.message()["From"]  # a valid header


def test_files_of_brands_are_inert_and_may_be_kept(client, organisation):
    branding.set_logo(organisation, encode_logo(png()), PORTAL)
    digest = Branding.objects.get(organisation=organisation).logo_digest
    for address, kind in (
        (f"/branding/{digest}.png", "image/png"),
        ("/branding/0b6a86-58c1de.css", "text/css; charset=utf-8"),
    ):
        response = client.get(address)
        assert response["Content-Type"] == kind
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["Cache-Control"].startswith("public")
        assert "sessionid" not in response.cookies


@pytest.mark.parametrize(
    "name", ["0" * 64 + ".png", "x.png", "0b6a86-58c1d.css", "0b6a86-58c1de;.css", ".png"]
)
def test_other_files_of_brands_are_not_there(client, name, organisation):
    Branding.objects.create(organisation=organisation)  # its digest is empty
    assert client.get(f"/branding/{name}").status_code == 404


def test_any_two_colours_give_a_style_sheet_that_can_be_read(client):
    sheet = text(client.get("/branding/ffffff-000000.css"))
    assert "--accent: light-dark(#6c6c6c, #8f8f8f);" in sheet


def test_the_sign_in_page_shows_the_brand_and_an_unknown_handle_the_plain_one(client, organisation):
    """A7: it tells nothing about who there is."""
    branding.set_branding(organisation, Wanted(portal_name="Harbour Eyes"), PORTAL)
    assert "Harbour Eyes" in text(client.get(f"/sign-in/{organisation.handle}/"))
    unknown = client.get("/sign-in/nobody-there/")
    assert unknown.status_code == 200
    assert "<span>Contera</span>" in text(unknown)


def test_one_organisations_brand_is_not_anothers(organisation, stranger):
    branding.set_branding(organisation, Wanted(portal_name="Harbour Eyes"), PORTAL)
    client = Client()
    client.force_login(stranger)
    assert "Harbour Eyes" not in text(client.get("/recorders/"))
    assert client.get(f"/api/v1/organisations/{organisation.pk}/branding/").status_code == 404


def test_mails_carry_the_brand(organisation, owner, mailoutbox, settings):
    wanted = Wanted("Harbour Eyes", "#c2410c", "", "+49 40 1234", "Harbour Mail")
    branding.set_branding(organisation, wanted, PORTAL)
    membership = Membership.objects.create(
        user=owner, organisation=Organisation.objects.create(name="Else", handle="else"),
        state="invited",
    )  # fmt: skip
    tasks.send_invitation(membership.pk)
    Membership.objects.filter(user=owner, organisation=organisation).update(state="invited")
    tasks.send_invitation(Membership.objects.get(organisation=organisation).pk)
    plain, branded = mailoutbox
    assert plain.from_email == settings.DEFAULT_FROM_EMAIL
    assert branded.from_email.startswith("Harbour Mail <")
    assert branded.subject == "Join Harbour on Harbour Eyes"
    assert "Harbour Eyes: +49 40 1234" in branded.body
    html, kind = branded.alternatives[0]
    assert kind == "text/html"
    assert "#c2410c" in html


def test_the_api_changes_what_is_named(office, organisation):
    path = f"/api/v1/organisations/{organisation.pk}/branding/"
    body = {"portal_name": "Eyes", "logo": base64.b64encode(png()).decode()}
    answer = office.patch(path, body, "application/json").json()
    assert (answer["portal_name"], len(answer["logo_digest"])) == ("Eyes", 64)
    answer = office.patch(path, {"accent": "#FFEE00", "logo": None}, "application/json").json()
    assert (answer["portal_name"], answer["accent"], answer["logo_digest"]) == (
        "Eyes",
        "#746c00",
        "",
    )
    for wrong in ({"logo": "?"}, {"accent": "red"}, {"sender_name": "a\x07"}, {"other": 1}):
        assert office.patch(path, wrong, "application/json").status_code == 400


# --- The organisation itself ----------------------------------------------------------------------


def test_name_and_time_zone_change_and_the_handle_stays(office, organisation):
    before = organisation.handle
    fields = {"name": "Harbour & Sons", "time_zone": "Europe/Berlin", "handle": "other"}
    assert "Saved." in text(office.post("/organisation/", fields, follow=True))
    organisation.refresh_from_db()
    assert (organisation.name, organisation.time_zone) == ("Harbour & Sons", "Europe/Berlin")
    assert organisation.handle == before
    line = AuditEntry.objects.filter(organisation=organisation).latest("number")
    assert (line.action, line.detail["before"]["time_zone"]) == ("organisation.changed", "UTC")


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", ""])
def test_a_time_zone_that_is_none_is_refused(office, organisation, zone):
    page = office.post("/organisation/", {"name": "H", "time_zone": zone})
    assert 'id="id_time_zone_error"' in text(page)
    path = f"/api/v1/organisations/{organisation.pk}/"
    assert office.patch(path, {"time_zone": zone}, "application/json").status_code == 400


def test_a_person_of_200_organisations_finds_one_by_search(office, owner, organisation):
    for number in range(200):
        other = Organisation.objects.create(name=f"Depot {number}", handle=f"depot-{number}")
        Membership.objects.create(user=owner, organisation=other)
    assert "/account/organisations/" in text(office.get("/recorders/"))
    page = text(office.get("/account/organisations/", {"q": "depot 177"}))
    assert page.count('name="organisation"') == 1
    wanted = Organisation.objects.get(name="Depot 177")
    office.post("/account/organisation/", {"organisation": wanted.pk})
    assert "You are in Depot 177" in text(office.get("/account/organisations/"))
