"""L10: the test of Manual NAT reaches a recorder that proves itself, and is no scanner."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from django.core.cache import cache

from accounts.models import AuditEntry
from recorders.network_settings import ManualNat
from streaming.manual_nat import probe as probing
from streaming.manual_nat import service
from streaming.manual_nat.policy import Policy, refusal
from streaming.manual_nat.probe import Found, Host, Outcome, probe, resolved
from streaming.manual_nat.words import Circumstances, hints, sentence
from tests.fakes.certificate import self_signed
from tests.streaming.real_site import running_site
from tests.streaming.test_sessions import client_of

RECORDER = "6f1d6f0e-4d5a-4c7c-9d1e-3b6f2a9c8e10"
PUBLIC = "93.184.216.34"

# --- Policy ---------------------------------------------------------------------------------------

INWARD = [
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "0.0.0.0",
    "::",
    "169.254.169.254",
    "fe80::1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "fec0::1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:c0a8:101::",
    "2001:0:0:0:0:0:f5ff:fffe",
]


@pytest.mark.parametrize("address", INWARD)
def test_no_address_leads_inside(address):
    """L10: loopback, metadata services, private and reserved, also inside IPv6."""
    assert refusal([ip_address(address)], 80, Policy())


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1"])
def test_public_addresses_are_tested(address):
    assert refusal([ip_address(address)], 80, Policy()) is None


def test_one_bad_address_spoils_the_name():
    """L10: what resolves to a public and a private address is refused whole."""
    addresses = [ip_address(PUBLIC), ip_address("10.0.0.1")]
    assert "private" in refusal(addresses, 80, Policy())


def test_the_portal_is_not_tested():
    portal = Policy(is_private_allowed=True, portal=[(ip_address(PUBLIC), 443)])
    assert "portal itself" in refusal([ip_address(PUBLIC)], 443, portal)
    assert refusal([ip_address(PUBLIC)], 8443, portal) is None  # forwarded at the same router


def test_the_portals_machine_is_not_tested():
    own = [ip_address(PUBLIC)]
    assert "own machine" in refusal(own, 22, Policy(), own)


LABORATORY = ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "203.0.113.1"]


@pytest.mark.parametrize("address", LABORATORY)
def test_a_laboratory_may_test_private_addresses(address):
    assert refusal([ip_address(address)], 80, Policy(is_private_allowed=True)) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "0.0.0.0", "fd00:ec2::254"])
def test_even_a_laboratory_stays_off_loopback_and_metadata(address):
    assert refusal([ip_address(address)], 80, Policy(is_private_allowed=True))


# --- Probe ----------------------------------------------------------------------------------------


class Names:
    """A name server; counts how often it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = [ip_address(address) for address in addresses]
        self.count = 0

    async def __call__(self, host, port):
        self.count += 1
        return self.addresses if self.count == 1 else [ip_address("127.0.0.2")]


@pytest.fixture(autouse=True)
def _impatient(request, monkeypatch):
    """Failures come at once, except where the test is about the time they take."""

    async def at_once():
        pass

    if "in_its_time" not in request.fixturenames:
        monkeypatch.setattr(probing, "_keep_the_time_to_ourselves", at_once)
        monkeypatch.setattr(probing, "TEST_S", 15.0)


@pytest.fixture
def in_its_time(monkeypatch):
    monkeypatch.setattr(probing, "TEST_S", 0.8)


async def ask(port, host, *addresses, is_https=False, name="site.example.com"):
    place = ManualNat(name, port, is_https)
    names = Names(*(addresses or ["127.0.0.1"]))
    return await probe(place, host, lambda found, on: None, names)


@pytest.fixture
def site():
    with running_site(RECORDER) as made:
        yield made


async def test_the_recorder_is_known_by_its_proof(site):
    found = await ask(site.web_port, Host(RECORDER, site.jwk))
    assert found.outcome is Outcome.OK


async def test_another_customers_recorder_is_not_this_one(site):
    """L6"""
    with running_site(RECORDER) as other:
        assert (await ask(site.web_port, Host(RECORDER, other.jwk))).outcome is (
            Outcome.NOT_THIS_RECORDER
        )
    other_id = RECORDER.replace("6", "7")
    assert (await ask(site.web_port, Host(other_id, site.jwk))).outcome is Outcome.NOT_THIS_RECORDER


async def test_a_name_is_resolved_once_and_what_was_judged_is_connected_to(site):
    """L10: rebinding. The second answer of the name server leads elsewhere."""
    names, judged = Names("127.0.0.1"), []

    def judge(addresses, port):
        judged.extend(addresses)

    place = ManualNat("site.example.com", site.web_port, False)
    found = await probe(place, Host(RECORDER, site.jwk), judge, names)
    assert found.outcome is Outcome.OK
    assert (names.count, judged) == (1, [ip_address("127.0.0.1")])


@asynccontextmanager
async def listening(say: bytes | None):
    """A service that says this to whoever connects, and counts them; None: says nothing."""
    visits = []

    async def serve(reader, writer):
        visits.append(writer.get_extra_info("peername"))
        if say is not None:
            writer.write(say)
            await writer.drain()
        await reader.read(2000)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], visits


HOST = Host(RECORDER, {"kty": "OKP", "crv": "Ed25519", "x": "x"})
LOCATION = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"
ANSWERS = {
    "ssh": (b"SSH-2.0-OpenSSH_9.2p1\r\n", Outcome.UNREACHABLE),
    "redis": (b"-ERR wrong number of arguments\r\n", Outcome.UNREACHABLE),
    "bytes": (bytes(range(256)) * 40, Outcome.UNREACHABLE),
    "a web server": (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\nsecret",
        Outcome.NOT_THIS_RECORDER,
    ),
}


@pytest.mark.parametrize(("say", "outcome"), ANSWERS.values(), ids=ANSWERS)
async def test_what_others_say_is_not_told(say, outcome):
    """L10: no banner."""
    async with listening(say) as (port, _):
        found = await ask(port, HOST)
    assert found == Found(outcome, [ip_address("127.0.0.1")])


async def test_a_redirect_is_not_followed():
    """L10"""
    async with listening(b"") as (elsewhere, visits), listening(LOCATION % elsewhere) as (port, _):
        assert (await ask(port, HOST)).outcome is Outcome.NOT_THIS_RECORDER
    assert visits == []


async def closed_port():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.usefixtures("in_its_time")
@pytest.mark.parametrize("say", [None, b"SSH-2.0-x\r\n", b"HTTP/1.1 404 No\r\n\r\n", "closed"])
async def test_the_time_it_takes_tells_nothing(say):
    """L10: an open, a closed and a silent port take as long, and all that the test has."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    if say == "closed":
        found = await ask(await closed_port(), HOST)
    else:
        async with listening(say) as (port, _):
            found = await ask(port, HOST)
    assert found.outcome is not Outcome.OK
    assert loop.time() - started >= 0.75


async def test_a_refused_address_is_not_connected_to():
    async with listening(None) as (port, visits):
        place = ManualNat("site.example.com", port, False)
        found = await probe(place, HOST, lambda found, on: "no", Names("127.0.0.1"))
    assert (found.outcome, found.refused) == (Outcome.REFUSED_ADDRESS, "no")
    assert visits == []


@pytest.mark.usefixtures("in_its_time")
async def test_a_name_that_nobody_knows_or_that_takes_for_ever():
    async def never(host, port):
        await asyncio.sleep(3600)

    place = ManualNat("site.example.com", 80, False)
    for resolve in (Names(), never):
        found = await probe(place, HOST, lambda found, on: None, resolve)
        assert found.outcome is Outcome.NAME_UNKNOWN


@asynccontextmanager
async def behind_tls(port: int, tls: ssl.SSLContext):
    """The recorder behind something that speaks https for it."""

    async def carry(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def serve(reader, writer):
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_https_needs_certificate_and_proof(site, tmp_path, monkeypatch):
    pem = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    host = Host(RECORDER, site.jwk)
    async with behind_tls(site.web_port, context) as port:
        untrusted = await ask(port, host, is_https=True, name="127.0.0.1")
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))  # from here on somebody trusts it
        trusted = await ask(port, host, is_https=True, name="127.0.0.1")
        other_name = await ask(port, host, is_https=True)
    assert untrusted.outcome is Outcome.TLS_UNTRUSTED
    assert trusted.outcome is Outcome.OK
    assert other_name.outcome is Outcome.TLS_UNTRUSTED


async def test_a_site_without_ipv6_is_reached_by_ipv4(site):
    """The name leads to both; nobody listens at the IPv6 address."""
    found = await ask(site.web_port, Host(RECORDER, site.jwk), "100::1", "127.0.0.1")
    assert found.outcome is Outcome.OK


async def test_addresses_need_no_name_server():
    assert await resolved("192.0.2.1", 80) == [ip_address("192.0.2.1")]
    assert await resolved("no-such-name.invalid", 80) == []


# --- Words ----------------------------------------------------------------------------------------

PLACE = ManualNat("site.example.com", 8081, False)
OUTSIDE = Circumstances("198.51.100.9", "203.0.113.7", 8080, None)
THERE = [ip_address("203.0.113.7")]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_sentence(outcome):
    found = Found(outcome, THERE, "it is a private address")
    assert "site.example.com" in sentence(PLACE, found)
    assert "{" not in sentence(PLACE, found)


def test_a_refused_name_is_not_looked_up_for_others():
    """L10: where a name leads inside the portal's network is not told."""
    found = Found(Outcome.REFUSED_ADDRESS, [ip_address("10.7.7.7")], "it is a private address")
    assert "10.7.7.7" not in sentence(PLACE, found)
    assert hints(PLACE, found, OUTSIDE) == []


def test_who_is_in_the_recorders_network_hears_of_hairpins():
    inside = Circumstances("203.0.113.7", "203.0.113.7", 8080, None)
    assert "hairpin" in hints(PLACE, Found(Outcome.OK, THERE), inside)[0]
    assert hints(PLACE, Found(Outcome.OK, THERE), OUTSIDE) == []


def test_a_failure_comes_with_what_to_look_at():
    found = Found(Outcome.UNREACHABLE, [ip_address("198.51.100.1")])
    elsewhere, port = hints(PLACE, found, OUTSIDE)
    assert "comes to the portal from 203.0.113.7" in elsewhere
    assert "port 8080: forward port 8081" in port
    https = ManualNat("site.example.com", 443, True)
    assert "has not reported a https port" in hints(https, Found(Outcome.UNREACHABLE), OUTSIDE)[0]


# --- API and page ---------------------------------------------------------------------------------


def run(person, recorder, **body):
    url = f"/api/v1/recorders/{recorder.pk}/network/test/"
    return client_of(person).post(url, body, content_type="application/json")


TRICKS = [
    "127.0.0.1",
    "localhost",
    "http://x@y",
    "http://x@93.184.216.34",
    "169.254.169.254",
    "metadata.google.internal",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "0.0.0.0",
    "0",
    "2130706433",
    "0x7f000001",
    "127.1",
    "10.0.0.1",
    "http://93.184.216.34/path",
    "",
]


@pytest.mark.django_db
@pytest.mark.parametrize("address", TRICKS)
def test_tricks_are_refused_before_anything_is_sent(owner, recorder, address, monkeypatch):
    """L10"""
    monkeypatch.setattr(probing, "_ask", None)  # calling it would be an error
    answer = run(owner, recorder, address=address, port=80)
    assert answer.json()["code"] == "refused_address"


@pytest.mark.django_db
def test_the_portal_itself_is_refused(owner, recorder, settings, monkeypatch):
    settings.CONTERA_BASE_URL = f"http://{PUBLIC}:8000"
    monkeypatch.setattr(probing, "_ask", None)
    answer = run(owner, recorder, address=PUBLIC, port=8000)
    assert answer.json()["code"] == "refused_address"
    assert "portal itself" in answer.json()["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("setting", ["CONTERA_HTTP_URL", "CONTERA_RELAY_HTTP_KEYS"])
def test_its_plain_addresses_are_refused_as_well(owner, recorder, settings, monkeypatch, setting):
    url = f"http://{PUBLIC}:8080"
    setattr(settings, setting, url if setting == "CONTERA_HTTP_URL" else {url: None})
    monkeypatch.setattr(probing, "_ask", None)
    answer = run(owner, recorder, address=PUBLIC, port=8080)
    assert "portal itself" in answer.json()["detail"]


@pytest.mark.django_db
def test_a_person_tests_five_times_a_minute(owner, viewer, recorder):
    for _ in range(service.MAX_TESTS):
        assert run(owner, recorder, address="127.0.0.1").status_code == 200
    answer = run(owner, recorder, address="127.0.0.1")
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_tests")
    cache.clear()
    assert run(owner, recorder, address="127.0.0.1").status_code == 200


@pytest.mark.django_db
def test_only_who_configures_the_recorder_may_test(viewer, stranger, recorder):
    assert run(viewer, recorder).status_code == 403
    assert run(stranger, recorder).status_code == 404
    assert run(None, recorder).status_code == 401


@pytest.fixture
def found_there(monkeypatch):
    """The name leads to the site on loopback, which the policy would never allow."""

    async def resolve(host, port):
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(service, "resolved", resolve)
    monkeypatch.setattr(service.policy, "refusal", lambda *facts: None)


@pytest.mark.django_db
@pytest.mark.usefixtures("found_there")
def test_the_saved_address_is_tested_and_the_trail_says_so(owner, recorder):
    with running_site(str(recorder.pk)) as site:
        recorder.public_key = site.jwk
        recorder.save(update_fields=["public_key"])
        recorder.network.manual_nat_address = "site.example.com"
        recorder.network.manual_nat_port = site.web_port
        recorder.network.save()
        answer = run(owner, recorder)
    assert answer.json()["code"] == "ok"
    entry = AuditEntry.objects.get(action="network.tested")
    assert entry.detail["outcome"] == "ok"
    assert entry.detail["address"] == f"http://site.example.com:{site.web_port}"


@pytest.mark.django_db
@pytest.mark.usefixtures("found_there")
def test_the_button_shows_what_was_found(owner, recorder):
    url = f"/recorders/{recorder.pk}/network/test/"
    answer = client_of(owner).post(
        url, {"manual_nat_address": "site.example.com", "manual_nat_port": "9"}
    )
    page = answer.content.decode()
    assert "No recorder answers at site.example.com port 9" in page
    assert 'class="message is-warning"' in page
    refused = client_of(owner).post(url, {"manual_nat_address": "<b>", "manual_nat_port": "x"})
    assert "<b>" not in refused.content.decode()


@pytest.mark.django_db
def test_a_portal_has_only_so_many_tests_at_once(owner, recorder, monkeypatch):
    monkeypatch.setattr(service, "_places", service.BoundedSemaphore(1))
    service._places.acquire()
    answer = run(owner, recorder, address=PUBLIC)
    assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
