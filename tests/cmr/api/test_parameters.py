"""Parameters: every refusal names the parameter."""

from __future__ import annotations

import pytest

from cmr.api.message import exact_time
from cmr.api.routes import Api
from protocol.times import parse_time, to_90k
from tests.cmr.api.asking import END, START, ask, body
from tests.cmr.conftest import Token

WRONG = [
    ("recordings", "", "bad_parameter", "start"),
    ("recordings", f"start={START}", "bad_parameter", "end"),
    ("recordings", f"start=yesterday&end={END}", "bad_time", "start"),
    ("recordings", f"start={START}&end=2027-01-15T08:00:03", "bad_time", "end"),
    ("recordings", f"start={END}&end={START}", "bad_parameter", "end"),
    ("recordings", f"start={START}&end={START}", "bad_parameter", "end"),
    ("recordings", f"start={START}&end=2027-02-16T08:00:00Z", "bad_parameter", "end"),
    ("recordings", f"start={START}&start={START}&end={END}", "bad_parameter", "start"),
    ("recordings", f"start={START}&end={END}&x=1", "bad_parameter", "x"),
    ("video", f"start={START}", "bad_parameter", "duration"),
    ("video", f"start={START}&duration=0", "bad_parameter", "duration"),
    ("video", f"start={START}&duration=61", "bad_parameter", "duration"),
    ("video", f"start={START}&duration=nan", "bad_parameter", "duration"),
    ("video", f"start={START}&duration=1e1", "bad_parameter", "duration"),
    ("video", f"start={START}&duration=2&profile=4k", "bad_parameter", "profile"),
    ("clip.mp4", f"start={START}&end=2027-01-16T08:00:01Z", "bad_parameter", "end"),
    ("snapshot.jpg", "width=63", "bad_parameter", "width"),
    ("snapshot.jpg", "width=1921", "bad_parameter", "width"),
    ("snapshot.jpg", "width=100.5", "bad_parameter", "width"),
    ("snapshot.jpg", "time=", "bad_time", "time"),
    ("live", "profile=HD", "bad_parameter", "profile"),
]


@pytest.mark.parametrize(("target", "query", "code", "name"), WRONG)
async def test_a_wrong_parameter_is_named(
    api: Api, token: Token, target: str, query: str, code: str, name: str
) -> None:
    response = await ask(api, f"/v1/cameras/1/{target}?{query}", token())
    refused = body(response)
    assert (response.status, refused["code"], refused["parameter"]) == (400, code, name)


@pytest.mark.parametrize(
    "start", [START, "2027-01-15T10:00:00+02:00", "2027-01-15T10%3A00%3A00%2B02%3A00"]
)
async def test_times_may_have_any_offset(api: Api, token: Token, start: str) -> None:
    response = await ask(api, f"/v1/cameras/1/recordings?start={start}&end={END}", token())
    assert body(response)["runs"][0]["start"].startswith("2027-01-15T08:00:00")


@pytest.mark.parametrize("ticks", [0, 1, 7, 89_999, 162_000_000_000_001, 162_000_000_012_345])
def test_exact_times_come_back_as_they_were(ticks: int) -> None:
    """L4: asking on from Contera-End neither repeats nor skips a frame."""
    assert to_90k(parse_time(exact_time(ticks))) == ticks
