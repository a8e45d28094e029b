"""RTSP 1.0 messages (RFC 2326), their authentication (RFC 2617), and the SDP of a camera.

Values in, values out; the connections are in `demo.cameras`.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from demo.rtp import CLOCK_RATE, PAYLOAD_TYPE

REALM = "Contera sample camera"
MAX_HEAD_BYTES = 8192
MAX_BODY_BYTES = 65_536
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
}
DIGEST_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
INTERLEAVED = re.compile(r"interleaved=(\d{1,3})-(\d{1,3})")


class BadRequest(Exception):
    """What came is not an RTSP request."""


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path of the address, without a track and without a slash at its end."""
        path = re.sub(r"^rtsps?://[^/]*", "", self.url).partition("?")[0]
        return re.sub(r"/(trackID=\d+)?$", "", path)

    @property
    def body_length(self) -> int:
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            raise BadRequest(f"Content-Length {length!r}")
        return int(length)


@dataclass
class Answer:
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    def encode(self, sequence: str) -> bytes:
        lines = [f"RTSP/1.0 {self.status} {REASONS[self.status]}", f"CSeq: {sequence}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body.encode())}")
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()


def parse_request(head: bytes) -> Request:
    """Parse a request's head, which ends with an empty line. Raises BadRequest."""
    try:
        first, *lines = head.decode("ascii").strip().split("\r\n")
        method, url, version = first.split(" ")
        pairs = [line.split(":", 1) for line in lines]
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
    except ValueError as error:
        raise BadRequest(str(error)) from error
    if version != "RTSP/1.0":
        raise BadRequest(f"version {version!r}")
    return Request(method, url, headers)


def channels(transport: str) -> tuple[int, int] | None:
    """RTP and RTCP channel of the first interleaved transport offered; None when none is."""
    for offer in transport.split(","):
        if offer.strip().upper().startswith("RTP/AVP/TCP"):
            match = INTERLEAVED.search(offer)
            pair = (int(match[1]), int(match[2])) if match else (0, 1)
            return pair if max(pair) < 256 else None
    return None


def challenges(nonce: str) -> list[tuple[str, str]]:
    """What to answer an unknown person: Digest first, Basic for those who know no better."""
    return [
        ("WWW-Authenticate", f'Digest realm="{REALM}", nonce="{nonce}"'),
        ("WWW-Authenticate", f'Basic realm="{REALM}"'),
    ]


def is_authorized(request: Request, *, user: str, password: str, nonce: str) -> bool:
    scheme, _, details = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        expected = base64.b64encode(f"{user}:{password}".encode()).decode()
        return hmac.compare_digest(details.strip(), expected)
    if scheme.lower() != "digest":
        return False
    given = {name: quoted or plain for name, quoted, plain in DIGEST_FIELD.findall(details)}
    if given.get("username") != user or given.get("nonce") != nonce:
        return False
    secret = _md5(f"{user}:{REALM}:{password}")
    target = _md5(f"{request.method}:{given.get('uri', '')}")
    return hmac.compare_digest(given.get("response", ""), _md5(f"{secret}:{nonce}:{target}"))


def _md5(text: str) -> str:
    # The algorithm that RFC 2617 knows and that every camera client speaks.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def description(name: str, parameter_sets: tuple[bytes, bytes], kbps: int, fps: int) -> str:
    """The SDP of a camera with one H.264 track (RFC 4566, RFC 6184 section 8.2)."""
    sps, pps = parameter_sets
    sprop = ",".join(base64.b64encode(unit).decode() for unit in (sps, pps))
    level = sps[1:4].hex().upper()
    format_ = f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={sprop}"
    return "\r\n".join(
        (
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            f"s={name}",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
            f"b=AS:{kbps}",
            f"a=rtpmap:{PAYLOAD_TYPE} H264/{CLOCK_RATE}",
            f"a=fmtp:{PAYLOAD_TYPE} {format_}",
            f"a=framerate:{fps}",
            "a=control:trackID=0",
            "",
        )
    )
