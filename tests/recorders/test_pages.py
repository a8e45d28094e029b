from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, Organisation, User
from recorders.models import Camera, Grant, Location, Recorder, RegistrationCode, WhitelistMail
from tests.conftest import give, make_recorder

pytestmark = pytest.mark.django_db


def text_of(answer: Any) -> str:
    """What a person reads, without markup and runs of white space."""
    body = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


class TestMyRecorders:
    def test_it_groups_by_location(self, sign_in: Any, owner: User, recorder: Recorder) -> None:
        recorder.location = Location.objects.create(organisation=recorder.organisation, name="Quay")
        recorder.save()
        make_recorder(recorder.organisation, "Attic")
        words = text_of(sign_in(owner).get("/recorders/"))
        assert words.index("Quay") < words.index("Gate") < words.index("Without location")
        assert words.index("Without location") < words.index("Attic")

    def test_it_hides_other_peoples_recorders(
        self, sign_in: Any, stranger: User, recorder: Recorder
    ) -> None:
        words = text_of(sign_in(stranger).get("/recorders/"))
        assert "Gate" not in words
        assert "Add your first recorder" in words

    def test_it_says_what_a_viewer_may_do_without_recorders(
        self, sign_in: Any, viewer: User
    ) -> None:
        Grant.objects.all().delete()
        words = text_of(sign_in(viewer).get("/recorders/"))
        assert "No recorders yet" in words
        assert "Add recorder" not in words

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            ("q=gat", True),
            ("q=quay", True),
            ("q=CMR", True),
            ("q=camera+2", True),
            ("q=gate+quay", True),
            ("q=gate+attic", False),
            ("q=%25", False),
            ("state=online", True),
            ("state=offline", False),
            ("state=nonsense", True),
            ("page=999", True),
        ],
    )
    def test_search_and_filter(
        self, sign_in: Any, owner: User, recorder: Recorder, query: str, is_found: bool
    ) -> None:
        recorder.location = Location.objects.create(organisation=recorder.organisation, name="Quay")
        recorder.model = "ConteraCMR"
        recorder.save()
        words = text_of(sign_in(owner).get(f"/recorders/?{query}"))
        assert ("2 cameras" in words) is is_found

    def test_cameras_a_viewer_may_not_see_are_not_found_nor_counted(
        self, sign_in: Any, viewer: User, cameras: list[Camera]
    ) -> None:
        Grant.objects.all().delete()
        group = viewer.memberships.get().groups.get()
        give(group, "live", camera=cameras[0])
        browser = sign_in(viewer)
        assert "1 camera " in text_of(browser.get("/recorders/"))
        assert "No recorder matches" in text_of(browser.get("/recorders/?q=Camera+2"))

    def test_words_for_offline_and_problems(
        self, sign_in: Any, owner: User, cameras: list[Camera]
    ) -> None:
        Recorder.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
        Camera.objects.filter(pk=cameras[0].pk).update(state="unreachable")
        words = text_of(sign_in(owner).get("/recorders/"))
        assert "Offline" in words
        assert "Last seen" in words
        assert "2 cameras, 1 with a problem" in words

    def test_the_query_count_does_not_grow(
        self, sign_in: Any, owner: User, recorder: Recorder, django_assert_max_num_queries: Any
    ) -> None:
        browser = sign_in(owner)
        counts = []
        for more in (1, 8):
            for n in range(more):
                made = make_recorder(recorder.organisation, f"More {more} {n}", cameras=4)
                made.location = Location.objects.create(
                    organisation=recorder.organisation, name=f"Place {more} {n}"
                )
                made.save()
            with django_assert_max_num_queries(20) as captured:
                browser.get("/recorders/")
            counts.append(len(captured))
        assert counts[0] == counts[1]

    def test_the_part_is_sent_again_only_when_it_changed(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        browser = sign_in(owner)
        page = browser.get("/recorders/").content.decode()
        address = re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&")
        assert browser.get(address).status_code == 204
        Recorder.objects.update(name="Portal")
        assert "Portal" in text_of(browser.get(address))

    def test_a_part_without_a_session_reloads_the_page(self, client: Any, db: None) -> None:
        answer = client.get("/recorders/part/")
        assert (answer.status_code, answer["HX-Refresh"]) == (401, "true")


class TestAddRecorder:
    def test_the_code_is_shown_once_with_its_command(
        self, sign_in: Any, owner: User, device: Any
    ) -> None:
        browser = sign_in(owner)
        page = browser.post("/recorders/add/", {"name": "Dock", "location": " North  depot "})
        words = text_of(page)
        command = re.search(r"python -m cmr enrol --portal (\S+) --code (\S+)", words)
        state = f"/recorders/codes/{RegistrationCode.objects.get().pk}/"
        assert "Waiting for the recorder" in words
        assert device.enrol(command[2]).status_code == 201
        words = text_of(browser.get(state))
        assert "Registered: Dock" in words
        assert command[2] not in words
        assert Recorder.objects.get().location.name == "North depot"

    def test_an_expired_code_says_so(self, sign_in: Any, owner: User) -> None:
        browser = sign_in(owner)
        browser.post("/recorders/add/", {})
        RegistrationCode.objects.update(expires_at=timezone.now())
        state = f"/recorders/codes/{RegistrationCode.objects.get().pk}/"
        assert "This code has expired" in text_of(browser.get(state))

    def test_a_viewer_may_not(self, sign_in: Any, viewer: User) -> None:
        assert sign_in(viewer).post("/recorders/add/", {}).status_code == 403

    def test_who_configures_everything_may(self, sign_in: Any, viewer: User) -> None:
        group = viewer.memberships.get().groups.get()
        give(group, "configure")
        browser = sign_in(viewer)
        assert browser.post("/recorders/add/", {}).status_code == 200
        code = RegistrationCode.objects.get()
        assert browser.get(f"/recorders/codes/{code.pk}/").status_code == 200

    def test_another_organisation_sees_no_code(
        self, sign_in: Any, owner: User, stranger: User
    ) -> None:
        sign_in(owner).post("/recorders/add/", {})
        code = RegistrationCode.objects.get()
        assert sign_in(stranger).get(f"/recorders/codes/{code.pk}/").status_code == 404


class TestRecorderPage:
    def test_it_tells_how_the_cameras_are(
        self, sign_in: Any, owner: User, recorder: Recorder, enrolled: Any
    ) -> None:
        from tests.recorders.conftest import camera_body

        bad = camera_body(2, name="<b>Yard</b>", state="unauthorized", detail="Wrong password.")
        enrolled.beat(cameras=[camera_body(1), bad])
        page = sign_in(owner).get(f"/recorders/{recorder.pk}/")
        words = text_of(page)
        assert "H.264 · 1280 × 720 · 15 fps · 2,000 kbps" in words  # noqa: RUF001
        assert "Wrong password." in words
        assert "Refuses user name or password" in words
        assert "&lt;b&gt;Yard&lt;/b&gt;" in page.content.decode()

    def test_a_viewer_sees_no_addresses_and_no_settings(
        self, sign_in: Any, viewer: User, recorder: Recorder
    ) -> None:
        Recorder.objects.update(external_address="203.0.113.7", local_addresses=["10.0.0.8"])
        words = text_of(sign_in(viewer).get(f"/recorders/{recorder.pk}/"))
        assert "203.0.113.7" not in words
        assert "10.0.0.8" not in words
        assert "Remove recorder" not in words

    def test_the_query_count_does_not_grow_with_cameras(
        self, sign_in: Any, viewer: User, recorder: Recorder, django_assert_max_num_queries: Any
    ) -> None:
        browser = sign_in(viewer)
        counts = []
        for numbers in ([10], range(20, 40)):
            for n in numbers:
                Camera.objects.create(recorder=recorder, number=n, name=f"Camera {n}")
            with django_assert_max_num_queries(20) as captured:
                browser.get(f"/recorders/{recorder.pk}/")
            counts.append(len(captured))
        assert counts[0] == counts[1]

    def test_renaming_and_moving_is_audited(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        form = {"name": "North gate", "location": "Quay"}
        sign_in(owner).post(f"/recorders/{recorder.pk}/edit/", form)
        recorder.refresh_from_db()
        assert (recorder.name, str(recorder.location)) == ("North gate", "Quay")
        detail = AuditEntry.objects.get(action="recorder.changed").detail
        assert (detail["before"]["name"], detail["after"]["location"]) == ("Gate", "Quay")

    def test_removing_needs_the_name(self, sign_in: Any, owner: User, recorder: Recorder) -> None:
        browser, address = sign_in(owner), f"/recorders/{recorder.pk}/remove/"
        assert "not the recorder" in text_of(browser.post(address, {"name": "gate"}))
        assert browser.post(address, {"name": "Gate"}).status_code == 302
        recorder.refresh_from_db()
        assert recorder.removed_at
        assert browser.get(f"/recorders/{recorder.pk}/").status_code == 404


class TestNetworkPage:
    FORM = {"lan": "on", "p2p": "on", "relay": "on", "relay_region": "us-east"}

    def test_it_keeps_and_audits(self, sign_in: Any, owner: User, recorder: Recorder) -> None:
        form = {**self.FORM, "lan_ranges": "10.0.0.0/25\n10.0.0.128/25", "manual_nat": "on"}
        form |= {"manual_nat_address": "https://site.example.com", "manual_nat_port": "80"}
        answer = sign_in(owner).post(f"/recorders/{recorder.pk}/network/", form)
        network = Recorder.objects.get().network
        assert answer.status_code == 302
        assert (network.lan_ranges, network.relay_region) == (["10.0.0.0/24"], "us-east")
        assert (network.manual_nat_port, network.is_manual_nat_https) == (443, True)
        detail = AuditEntry.objects.get(action="network.changed").detail
        assert detail["before"]["relay"] == {"enabled": True, "region": "us-west"}
        assert detail["after"]["lan"]["ranges"] == ["10.0.0.0/24"]
        assert "p2p" not in detail["after"]

    def test_what_it_shows_can_be_saved_again(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        network = recorder.network
        network.manual_nat_address, network.manual_nat_port = "2001:db8::7", 8443
        network.is_manual_nat_https = True
        network.save()
        browser, address = sign_in(owner), f"/recorders/{recorder.pk}/network/"
        form = browser.get(address).context["form"]
        shown = {name: value for name, value in form.initial.items() if value is not False}
        assert browser.post(address, shown).status_code == 302
        assert not AuditEntry.objects.filter(action="network.changed").exists()

    def test_mistakes_are_named_and_nothing_is_saved(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        form = {**self.FORM, "lan_ranges": "banana", "manual_nat": "on"}
        words = text_of(sign_in(owner).post(f"/recorders/{recorder.pk}/network/", form))
        assert "Line 1, “banana”" in words
        assert "Enter the address or domain" in words
        assert Recorder.objects.get().network.relay_region == "us-west"

    def test_ten_thousand_ranges_are_refused_in_a_sentence(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        ranges = "\n".join(f"10.{n // 250}.{n % 250}.0/24" for n in range(10_000))
        form = {**self.FORM, "lan_ranges": ranges}
        words = text_of(sign_in(owner).post(f"/recorders/{recorder.pk}/network/", form))
        assert "There are 10,000 ranges" in words

    def test_it_says_what_the_recorder_does_not_offer_now(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        Recorder.objects.update(capabilities=["relay", "lan", "p2p"], version="1.0")
        words = text_of(sign_in(owner).get(f"/recorders/{recorder.pk}/network/"))
        assert "the best that works: LAN Smart Forwarding, Peer-to-Peer and Relay." in words
        assert words.count("does not offer this method now") == 1  # Manual NAT

    @pytest.mark.parametrize("enabled", [{}, {"lan": "on", "p2p": "on"}])
    def test_cutting_everybody_off_needs_a_confirmation(
        self, sign_in: Any, owner: User, recorder: Recorder, enabled: dict[str, str]
    ) -> None:
        browser, address = sign_in(owner), f"/recorders/{recorder.pk}/network/"
        form = {"relay_region": "us-west", **enabled}
        assert "nobody can watch" in text_of(browser.post(address, form))
        assert Recorder.objects.get().network.is_relay_enabled
        assert browser.post(address, {**form, "confirm_unreachable": "on"}).status_code == 302
        assert not Recorder.objects.get().network.is_relay_enabled

    def test_a_viewer_may_not(self, sign_in: Any, viewer: User, recorder: Recorder) -> None:
        assert sign_in(viewer).get(f"/recorders/{recorder.pk}/network/").status_code == 403


class TestWhitelistPage:
    def test_it_shows_the_list_and_gives_files(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        browser, base = sign_in(owner), f"/recorders/{recorder.pk}/whitelist"
        assert "Portal and relay: sign-in" in text_of(browser.get(f"{base}/"))
        file = browser.get(f"{base}.csv")
        assert file["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in file["Content-Disposition"]
        assert "REQUIRED" in browser.get(f"{base}.txt").content.decode()

    def test_a_preview_sends_nothing(self, sign_in: Any, owner: User, recorder: Recorder) -> None:
        form = {"recipient": "it@harbour.test", "message": "Dear <i>Bob</i>", "preview": "1"}
        page = sign_in(owner).post(f"/recorders/{recorder.pk}/whitelist/", form)
        assert "Dear &lt;i&gt;Bob&lt;/i&gt;" in page.content.decode()
        assert not WhitelistMail.objects.exists()

    def test_sending_makes_a_job(self, sign_in: Any, owner: User, recorder: Recorder) -> None:
        address = f"/recorders/{recorder.pk}/whitelist/"
        answer = sign_in(owner).post(address, {"recipient": "it@harbour.test"}, follow=True)
        assert "it@harbour.test" in text_of(answer)
        assert WhitelistMail.objects.get().state == "queued"

    def test_a_header_cannot_be_smuggled_in(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        form = {"recipient": "it@harbour.test\r\nBcc: x@y.test"}
        sign_in(owner).post(f"/recorders/{recorder.pk}/whitelist/", form)
        assert not WhitelistMail.objects.exists()

    def test_a_failed_mail_is_retried_by_a_person(
        self, sign_in: Any, owner: User, recorder: Recorder
    ) -> None:
        mail = WhitelistMail.objects.create(
            recorder=recorder, recipient="it@harbour.test", state="failed", error="550 No"
        )
        browser = sign_in(owner)
        address = f"/recorders/{recorder.pk}/whitelist/mails/{mail.pk}/retry/"
        assert "550 No" in text_of(browser.get(address))
        browser.post(address)
        assert WhitelistMail.objects.get().state == "queued"


PAGES = ["", "state/", "edit/", "remove/", "network/", "whitelist/", "whitelist/mails/"]
PAGES += ["whitelist.csv", "whitelist.txt"]


def test_places_that_one_may_not_see_are_not_offered(
    client: Any, viewer: User, viewers: Any, organisation: Organisation, recorder: Recorder
) -> None:
    """A2: who configures one recorder does not learn where the others stand."""
    give(viewers, "configure", recorder=recorder)
    Location.objects.create(organisation=organisation, name="Elsewhere")
    client.force_login(viewer)
    assert b"Elsewhere" not in client.get(f"/recorders/{recorder.pk}/edit/").content


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_finds_nothing(
    sign_in: Any, stranger: User, recorder: Recorder, path: str
) -> None:
    answer = sign_in(stranger).get(f"/recorders/{recorder.pk}/{path}")
    assert answer.status_code == 404


def test_pages_are_not_for_everybodys_cache(
    sign_in: Any, owner: User, recorder: Recorder, organisation: Organisation
) -> None:
    """A3."""
    answer = sign_in(owner).get(f"/recorders/{recorder.pk}/")
    assert "no-store" in answer["Cache-Control"]


def test_what_the_recorder_reported_of_its_network_is_shown_to_who_configures_it(
    client: Any, owner: User, viewer: User, recorder: Recorder
) -> None:
    Recorder.objects.update(
        nat={"mapping": "blocked", "filtering": "unknown", "detail": "No server answers."},
        proxy={"scheme": "basic", "via": "proxy.harbour.test:3128", "detail": ""},
        relay_transport={"name": "socket", "sealed": False, "reason": "Bodies are held."},
    )
    told = ("Blocks UDP", "proxy.harbour.test:3128", "Goes through a WebSocket", "Bodies are held")
    for person, is_shown in ((owner, True), (viewer, False)):
        client.force_login(person)
        words = text_of(client.get(f"/recorders/{recorder.pk}/"))
        assert [fact in words for fact in told] == [is_shown] * 4
