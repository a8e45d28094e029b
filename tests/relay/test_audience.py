"""Who is told of a change of rights, and what is left of those who went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from protocol.tokens import ACCESS_CHANGE, AccessToken
from streaming.relay.audience import Audience

MANY = 200


@dataclass(eq=False)
class Viewer:
    told: list[float] = field(default_factory=list)

    def access_changed(self, at: float) -> None:
        self.told.append(at)


def token(user: str, recorder: str = "gate", session: str = "session") -> AccessToken:
    return AccessToken(session, user, f"customer of {recorder}", recorder, 0, issued_at=5.5)


def test_nobody_is_disturbed_by_a_change_that_is_not_theirs() -> None:
    """R14: a change reaches the person's own viewers at that recorder, whoever else is here."""
    audience = Audience(Counter())
    people = [("anna", "gate"), ("anna", "quay"), ("bert", "gate")] * MANY
    viewers = [Viewer() for _ in people]
    for viewer, person in zip(viewers, people, strict=True):
        audience.admit(viewer, token(*person))
    audience.tell(token("anna", "gate", ACCESS_CHANGE))
    told = [person for viewer, person in zip(viewers, people, strict=True) if viewer.told]
    assert told == [("anna", "gate")] * MANY
    assert viewers[0].told == [5.5]


def test_who_left_is_not_told_and_leaves_nothing_behind() -> None:
    audience, viewers = Audience(Counter()), [Viewer(), Viewer()]
    for viewer in viewers:
        audience.admit(viewer, token("anna"))
    audience.see_off(viewers[0])
    audience.see_off(viewers[0])
    audience.tell(token("anna"))
    assert [viewer.told for viewer in viewers] == [[], [5.5]]
    audience.see_off(viewers[1])
    assert not any(vars(audience)[name] for name in ("_admitted", "_customers", "_people"))
