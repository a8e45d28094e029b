"""No request makes the portal keep more bytes than it allows, whoever sends it."""

import pytest

from contera.body_limit import limited

LIMIT = 10


class Caller:
    """A client that sends these chunks, and the answer it got."""

    def __init__(self, *chunks, announced=None):
        length = [] if announced is None else [(b"content-length", b"%d" % announced)]
        self.scope = {"type": "http", "headers": length}
        self.sent = []
        self._chunks = list(chunks)

    async def receive(self):
        body = self._chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._chunks)}

    async def send(self, message):
        self.sent.append(message)


async def keep_everything(scope, receive, send):
    """As Django does: the whole body first."""
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        (Caller(b"a" * LIMIT), 200),
        (Caller(b"a" * LIMIT, announced=LIMIT), 200),
        (Caller(announced=LIMIT + 1), 413),
        (Caller(b"a" * LIMIT, b"a", b"never read"), 413),
    ],
    ids=["fits", "fits as announced", "announced", "chunked"],
)
async def test_a_body_past_the_limit_is_not_kept(caller, status):
    await limited(keep_everything, LIMIT)(caller.scope, caller.receive, caller.send)
    assert caller.sent[0]["status"] == status
    assert ((b"connection", b"close") in caller.sent[0]["headers"]) == (status == 413)
