"""Asks recorders through the relay's plain HTTP door; blocking, every wait has an end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from accounts.outgoing.patience import Patience
from incidents.jobs.outcomes import Failure, RecorderFailure, Silent, Waiting
from protocol.errors import ProtocolError
from protocol.times import format_time, parse_time
from recorders.models import Camera
from streaming.relayed import ANSWER_S, opened

MAX_PROBLEM_BYTES = 64 * 1024
MAX_LIST_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 64 * 1024  # must arrive in ANSWER_S each: 57 kbps is slower than any line
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class ClipChanged(Exception):
    """The recorder has other bytes now than those fetched before: start over."""


class NoRecording(Exception):
    """The recorder has nothing in the range."""


@dataclass(frozen=True)
class Range:
    """Bytes first to last, both included, of the clip that had this ETag ("" when unknown)."""

    first: int
    last: int
    etag: str = ""


@dataclass(frozen=True)
class ClipPiece:
    """The head of an answer with bytes `first` to `last` of a clip of `total` bytes."""

    first: int
    last: int
    total: int
    etag: str
    video_start: datetime | None
    video_end: datetime | None
    gap_count: int


class RelayClient:
    """One per run of an export; `urls` are tried in turn, the one that worked first."""

    def __init__(self, urls: list[str]) -> None:
        self._urls = list(urls)

    @contextmanager
    def clip(
        self, camera: Camera, token: str, start: datetime, end: datetime, wanted: Range
    ) -> Iterator[tuple[ClipPiece, Iterator[bytes]]]:
        """A piece of the clip and its bytes. Raises ClipChanged, NoRecording, Waiting, Failure;
        so does the reading of the bytes."""
        headers = {"Range": f"bytes={wanted.first}-{wanted.last}"}
        if wanted.etag:
            headers["If-Range"] = wanted.etag
        query = {"start": format_time(start), "end": format_time(end), "profile": "hd"}
        with (
            Patience(ANSWER_S) as patience,
            self._get(patience, camera, "clip.mp4", query, token, headers) as answer,
        ):
            piece = _piece(answer.status, answer.headers, wanted, camera)
            yield piece, _body(patience, answer, piece.last - piece.first + 1, camera)

    def gaps(
        self, camera: Camera, token: str, start: datetime, end: datetime
    ) -> list[dict[str, str]] | None:
        """Start, end and reason of each gap; None when the person may not see recordings."""
        query = {"start": format_time(start), "end": format_time(end)}
        try:
            with (
                Patience(ANSWER_S) as patience,
                self._get(patience, camera, "recordings", query, token, {}) as answer,
            ):
                found = json.loads(answer.read(MAX_LIST_BYTES))["gaps"]
                return [{k: str(gap[k])[:200] for k in ("start", "end", "reason")} for gap in found]
        except (Failure, NoRecording, HTTPError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def _get(
        self,
        patience: Patience,
        camera: Camera,
        name: str,
        query: Mapping[str, str],
        token: str,
        headers: Mapping[str, str],
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer of the first relay node that has one."""
        target = f"/v1/cameras/{camera.number}/{quote(name)}?{urlencode(query)}"
        trouble: Waiting | Failure = Failure("No relay is configured.")
        for url in list(self._urls):
            with ExitStack() as stack:
                try:
                    answer = stack.enter_context(
                        opened(
                            patience, url, str(camera.recorder_id), token, "GET", target, headers
                        )
                    )
                except HTTPError:
                    trouble = _no_answer(patience, camera)
                    continue
                if answer.status < 400:
                    self._urls.sort(key=lambda other: other != url)
                    yield answer
                    return
                trouble = _refusal(answer, camera)
                if not isinstance(trouble, Waiting):
                    break
        raise trouble


def _no_answer(patience: Patience, camera: Camera) -> Waiting:
    if patience.is_over:
        return Silent(f"Recorder “{camera.recorder}” does not answer.")
    return Waiting("The relay cannot be reached.")


def _body(
    patience: Patience, answer: urllib3.BaseHTTPResponse, length: int, camera: Camera
) -> Iterator[bytes]:
    got, enough = 0, CHUNK_BYTES
    try:
        for chunk in answer.stream(CHUNK_BYTES):
            got += len(chunk)
            if got >= enough:
                enough = got + CHUNK_BYTES
                patience.renew()
            if got > length:
                raise RecorderFailure(f"Recorder “{camera.recorder}” sent more than it announced.")
            yield chunk
    except HTTPError:
        if patience.is_over:
            raise Silent(f"Recorder “{camera.recorder}” sends too slowly.") from None
        raise Waiting(f"The connection to recorder “{camera.recorder}” broke.") from None


def _piece(status: int, headers: Mapping[str, str], wanted: Range, camera: Camera) -> ClipPiece:
    if status == 200 and wanted.etag:
        raise ClipChanged
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    etag = headers.get("ETag", "")
    if status != 206 or match is None or not etag.startswith('"') or len(etag) > 100:
        why = "no part of a file" if status != 206 or match is None else "no version of the file"
        raise RecorderFailure(
            f"The answer of recorder “{camera.recorder}” cannot be used ({why}, status {status})."
        )
    first, last, total = (int(number) for number in match.groups())
    if wanted.etag and etag != wanted.etag:
        raise ClipChanged
    if first != wanted.first or not first <= last <= min(wanted.last, total - 1):
        raise RecorderFailure(
            f"Recorder “{camera.recorder}” sent another range than was asked for."
        )
    return ClipPiece(
        first,
        last,
        total,
        etag,
        _time(headers.get("Contera-Start")),
        _time(headers.get("Contera-End")),
        _count(headers.get("Contera-Gaps")),
    )


def _refusal(answer: urllib3.BaseHTTPResponse, camera: Camera) -> Waiting | Failure:
    """What an error answer means; raises ClipChanged or NoRecording."""
    code = _problem(answer).get("code", "")
    answer.close()
    recorder = camera.recorder
    if answer.status == 416:
        raise ClipChanged
    if code == "no_recording":
        raise NoRecording
    if code == "recorder_offline":
        return Waiting(f"Recorder “{recorder}” is offline.")
    if code == "recorder_silent":
        return Silent(f"Recorder “{recorder}” does not answer.")
    if answer.status in (502, 503, 504) and code != "bad_answer":
        return Waiting(f"Recorder “{recorder}” does not answer.")
    if code == "camera_not_found":
        return RecorderFailure(f"Recorder “{recorder}” does not know camera {camera.number}.")
    return RecorderFailure(f"Recorder “{recorder}” refused: {code or 'error'} ({answer.status}).")


def _problem(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """The problem document (Any: another program's JSON), empty when it is none."""
    try:
        found = json.loads(answer.read(MAX_PROBLEM_BYTES))
    except (HTTPError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _time(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ProtocolError:
        return None


def _count(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 0
