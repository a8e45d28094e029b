"""Where a request came in, as far as the answer depends on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """One way into this recorder.

    `paths` are the ways of carrying video that lead here; a token must name one that is switched
    on, or it gets no video (403 `path_off`). Empty: whoever passed the request on has checked that.
    `is_plain`: each answer stands alone, so the API itself ends those of a person whose rights
    changed. The other doors know whose answers they carry and end them themselves.
    `peer`: the address of who is at the other end, where the door sees it.
    `takes_local`: tokens of this recorder's own accounts are good here; never where somebody else
    passes requests on.
    """

    name: str
    paths: frozenset[str] = frozenset()
    is_plain: bool = False
    takes_local: bool = False
    peer: str = ""


RELAY = Door("relay")
WEB = Door("web", frozenset({"lan", "manual_nat"}), is_plain=True, takes_local=True)
SESSION = Door("session", frozenset({"lan", "manual_nat"}), takes_local=True)
