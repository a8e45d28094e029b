"""The preflight over the API: started by who may configure, read while it runs and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmr.api.message import ApiError, Response, json_response

if TYPE_CHECKING:
    from cmr.api.routes import Api, Call
    from cmr.preflight.preflight import Preflight


async def start_test(api: Api, call: Call) -> Response:
    """202; 409 `already_running` when one is under way."""
    preflight = _preflight(api, call)
    if not preflight.start():
        raise ApiError(409, "already_running", "a preflight is under way")
    return json_response(preflight.as_json(), status=202)


async def read_test(api: Api, call: Call) -> Response:
    """`{state: never|running|done, started_at, rows}`."""
    return json_response(_preflight(api, call).as_json())


def _preflight(api: Api, call: Call) -> Preflight:
    if "configure" not in call.token.recorder_rights:
        raise ApiError(403, "not_granted", "this token does not allow to configure the recorder")
    if api.preflight is None:
        raise ApiError(404, "not_found", "this recorder has no preflight")
    return api.preflight
