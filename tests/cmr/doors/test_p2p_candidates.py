"""Which of a viewer's candidates the recorder tries (L11), and which offers it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.doors.p2p_candidates import parse_candidate
from cmr.doors.p2p_sdp import MAX_SDP_BYTES, format_answer, parse_offer
from protocol.errors import ProtocolError

MDNS = "f8b3ef2c-a4ba-4c4c-9d50-1b2e1b0d6b6f.local"
TAIL = "generation 0 ufrag Ab12 network-cost 999"


def line(host: str, port: int = 50_000, type_: str = "host", transport: str = "udp") -> str:
    return f"candidate:842163049 1 {transport} 1677729535 {host} {port} typ {type_} {TAIL}"


TRIED = {  # line: (tried for p2p, tried for lan)
    line("192.168.1.20"): (True, True),
    line("10.0.0.7", 1024): (True, True),
    line("172.31.0.1", 65_535): (True, True),
    line("fd12::7"): (True, True),
    line(MDNS): (True, True),
    line("8.8.8.8", type_="srflx"): (True, False),
    line("8.8.8.8", type_="relay"): (True, False),
    line("8.8.8.8"): (True, False),
    line("2606:4700::1"): (True, False),
    line("192.168.1.20", type_="srflx"): (True, False),
    line("192.168.1.20", 1023): (False, False),
    line("192.168.1.20", 0): (False, False),
    line("192.168.1.20", 65_536): (False, False),
    line("192.168.1.20", transport="tcp"): (False, False),
    line("192.168.1.20", type_="prflx"): (False, False),
    line("127.0.0.1"): (False, False),
    line("127.8.8.8"): (False, False),
    line("0.0.0.0"): (False, False),
    line("0.1.2.3"): (False, False),
    line("224.0.0.251"): (False, False),
    line("255.255.255.255"): (False, False),
    line("169.254.169.254"): (False, False),
    line("::1"): (False, False),
    line("::"): (False, False),
    line("::ffff:127.0.0.1"): (False, False),
    line("::ffff:a9fe:a9fe"): (False, False),
    line("64:ff9b::a9fe:a9fe"): (False, False),
    line("2002:7f00:1::1"): (False, False),
    line("fe80::1"): (False, False),
    line("ff02::fb"): (False, False),
    line("fd00:ec2::254"): (False, False),
    line("127.1"): (False, False),
    line("2130706433"): (False, False),
    line("0x7f000001"): (False, False),
    line("localhost"): (False, False),
    line("router.local"): (False, False),
    line("portal.example.com"): (False, False),
    line(f"x.{MDNS}"): (False, False),
    line("192.168.1.20") + "\r\na=candidate:x": (False, False),
    line("192.168.1.20").replace(" 1 udp", " 2 udp"): (False, False),
    line("192.168.1.20").replace("1677729535", "99999999999"): (False, False),
    line("192.168.1.20") + "x" * 300: (False, False),
    "candidate:1 1 udp 1": (False, False),
    "": (False, False),
}


@pytest.mark.parametrize(("text", "tried"), TRIED.items())
def test_what_cannot_be_a_viewer_is_not_tried(text: str, tried: tuple[bool, bool]) -> None:
    """L11: nobody scans a site's network with it."""
    found = (parse_candidate(text, "p2p") is not None, parse_candidate(text, "lan") is not None)
    assert found == tried


@given(st.text(max_size=400))
def test_any_text_is_a_candidate_or_none(text: str) -> None:
    parse_candidate(text, "p2p")
    parse_candidate(line("10.0.0.1").replace("10.0.0.1", text), "lan")


FINGERPRINT = ":".join(["AB"] * 32)
OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a={line(MDNS)}",
        "a=ice-ufrag:Ab12",
        "a=ice-pwd:0123456789abcdefABCDEF+/",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=setup:actpass",
        "a=mid:0",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    ]
)


def test_a_browsers_offer_is_taken() -> None:
    offer = parse_offer(OFFER)
    assert (offer.mid, offer.ufrag, offer.sctp_port) == ("0", "Ab12", 5000)
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert offer.candidates == (line(MDNS),)
    assert not offer.is_dtls_client
    answer = format_answer(offer, 1, "u" * 4, "p" * 22, offer.fingerprints, [line("10.0.0.1")])
    assert parse_offer(answer.replace("a=setup:active", "a=setup:actpass")).candidates == (
        line("10.0.0.1"),
    )


AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111"
BAD = {
    "nothing": "",
    "no data channel": OFFER.replace("m=application", "m=video"),
    "audio beside it": OFFER + AUDIO + "\r\n",
    "two data channels": OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    "no user name": OFFER.replace("a=ice-ufrag:Ab12\r\n", ""),
    "two user names": OFFER + "a=ice-ufrag:Cd34\r\n",
    "a short password": OFFER.replace("a=ice-pwd:0123456789abcdefABCDEF+/", "a=ice-pwd:0123"),
    "no fingerprint": OFFER.replace("a=fingerprint:sha-256", "a=fingerprint:md5"),
    "half a fingerprint": OFFER.replace(FINGERPRINT, FINGERPRINT[:-3]),
    "a port too high": OFFER.replace("sctp-port:5000", "sctp-port:70000"),
    "tiny messages": OFFER.replace("max-message-size:262144", "max-message-size:1000"),
    "a role nobody has": OFFER.replace("actpass", "holdconn"),
    "64 KiB (L11)": OFFER + "a=x:" + "y" * 64 * 1024,
    "many lines": OFFER + "a=x\r\n" * 500,
}


@pytest.mark.parametrize("sdp", BAD.values(), ids=BAD)
def test_other_offers_are_refused(sdp: str) -> None:
    with pytest.raises(ProtocolError) as error:
        parse_offer(sdp)
    assert error.value.code == "bad_sdp"
    assert len(str(error.value)) < 200


@given(st.integers(0, len(OFFER)), st.text(max_size=60))
def test_any_text_is_an_offer_or_a_named_mistake(at: int, text: str) -> None:
    for sdp in (text, OFFER[:at] + text + OFFER[at + len(text) :]):
        try:
            offer = parse_offer(sdp)
        except ProtocolError:
            continue
        assert len(offer.candidates) * 10 < MAX_SDP_BYTES
