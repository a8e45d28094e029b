"""One request for a page, with who asks; and the answers that pages give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from cmr.api.message import ApiError
from cmr.doors.body import read_body
from cmr.local.who import Who

MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 40


def page_policy(ports: Sequence[int] = ()) -> str:
    """Nothing from elsewhere, no inline script or style, never in a frame (B1). Scripts may ask
    whether something answers at `ports`."""
    asked = "".join(f" http://*:{port} https://*:{port}" for port in ports)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        f"media-src blob:; connect-src 'self'{asked}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": page_policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not "no-referrer": with it browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Server": "ConteraCMR",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Visit:
    """`person` is None on pages for everybody when nobody is signed in."""

    request: web.BaseRequest
    person: Who | None = None

    @property
    def who(self) -> Who:
        if self.person is None:
            raise LookupError("this page is for everybody")
        return self.person

    @property
    def address(self) -> str:
        """Where the request came from: the connection's other end, nothing that headers say."""
        return self.request.remote or ""

    @property
    def path(self) -> str:
        return self.request.raw_path.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address; of one given twice the last."""
        return _fields(self.request.raw_path.partition("?")[2])

    @property
    def is_secure(self) -> bool:
        transport = self.request.transport
        return transport is not None and transport.get_extra_info("sslcontext") is not None

    @property
    def port(self) -> int:
        """The port this came in by."""
        transport = self.request.transport
        name = None if transport is None else transport.get_extra_info("sockname")
        return 0 if name is None else int(name[1])

    async def body(self) -> bytes:
        """Raises ApiError."""
        return await read_body(self.request, MAX_FORM_BYTES)

    async def form(self) -> dict[str, str]:
        """The fields of a form; raises ApiError."""
        if self.request.content_type != "application/x-www-form-urlencoded":
            raise ApiError(415, "bad_form", "this address takes forms alone")
        try:
            return _fields((await self.body()).decode("ascii"))
        except UnicodeDecodeError:
            raise ApiError(400, "bad_form", "the form is not readable") from None

    def check_own(self) -> None:
        """Raises ApiError 403 unless one of our own pages asks (cross-site request forgery).

        Cookies do not tell: to browsers all ports of a machine are one site.
        """
        headers = self.request.headers
        origin, host = headers.get("Origin"), headers.get("Host", "")
        if origin is None:
            is_own = headers.get("Sec-Fetch-Site") == "same-origin"
        else:
            is_own = is_same_origin(origin, host, is_secure=self.is_secure)
        if not is_own:
            raise ApiError(403, "foreign_page", "only this recorder's own pages may ask for that")


def is_same_origin(origin: str, host: str, *, is_secure: bool) -> bool:
    """Whether an Origin is the host that was asked. Only a page that came by https may ask by
    https: whoever stands between can write any other."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    is_trusted = parts.scheme == "https" or not is_secure
    return is_trusted and parts.netloc.lower() == host.lower() != ""


def html_answer(text: str, status: int = 200, **headers: str) -> web.Response:
    all_headers = PAGE_HEADERS | {name.replace("_", "-"): v for name, v in headers.items()}
    return web.Response(text=text, content_type="text/html", status=status, headers=all_headers)


def redirect(target: str) -> web.Response:
    """303: see the other page; `target` is an address of ours."""
    return web.Response(status=303, headers={**PAGE_HEADERS, "Location": target})


def _fields(text: str) -> dict[str, str]:
    """Raises ApiError 400."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ApiError(400, "bad_form", "the parameters are not readable") from None
    return dict(pairs)
