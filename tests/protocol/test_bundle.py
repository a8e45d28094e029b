"""The on-site list: believed only when the portal signed it for this recorder, and never more
generous than what was put in."""

from __future__ import annotations

import base64
import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import bundle
from protocol.bundle import Bundle, OnsiteGrant, OnsitePerson, sign_bundle, verify_bundle
from protocol.tokens import KeyRing, Signer, TokenError

NOW = 1_800_000_000
HOUR = 3600
SALT = base64.b64encode(b"s" * 16).decode()
PORTAL = Signer(Ed25519PrivateKey.generate(), "portal")
KEYS = KeyRing({"keys": [PORTAL.jwk]})
ANNA = OnsitePerson("u1", "anna@harbour.test", "Anna", "password", SALT, "", (0, 1))
GRANTS = (
    OnsiteGrant(frozenset({"live"}), frozenset({1, 2})),
    OnsiteGrant(
        frozenset({"live", "playback"}),
        frozenset({2, 3}),
        frozenset({"configure"}),
        holds=((NOW, NOW + HOUR),),
        clients=frozenset({"browser"}),
        addresses=("192.168.0.0/16",),
        footage=((NOW - HOUR, None),),
    ),
)
LIST = Bundle("v1", NOW, NOW + 24 * HOUR, "Harbour", GRANTS, (ANNA,), 3)


def test_it_comes_back_as_it_was_signed() -> None:
    assert verify_bundle(KEYS, sign_bundle(PORTAL, "gate", LIST), "gate", NOW) == LIST


@pytest.mark.parametrize(
    ("recorder", "now", "code"),
    [
        ("another", NOW, "token_not_for_this"),
        ("gate", NOW + 24 * HOUR + 5, "token_expired"),
        ("gate", NOW - 60, "token_invalid"),
    ],
)
def test_it_is_for_one_recorder_and_a_time(recorder: str, now: int, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        verify_bundle(KEYS, sign_bundle(PORTAL, "gate", LIST), recorder, now)
    assert caught.value.code == code


def test_a_list_of_another_key_or_another_kind_is_refused() -> None:
    impostor = Signer(Ed25519PrivateKey.generate(), "portal")
    other = PORTAL.sign("access+jwt", "recorder:gate", {"people": []}, NOW, HOUR)
    for text in (sign_bundle(impostor, "gate", LIST), other, "", "x.y.z"):
        with pytest.raises(TokenError):
            verify_bundle(KEYS, text, "gate", NOW)


@pytest.mark.parametrize(
    ("at", "client", "address", "cameras", "has_configure"),
    [
        (NOW, "browser", "192.168.1.5", {1, 2, 3}, True),
        (NOW, "browser", "::ffff:192.168.1.5", {1, 2, 3}, True),
        (NOW + HOUR, "browser", "192.168.1.5", {1, 2}, False),
        (NOW, "vms", "192.168.1.5", {1, 2}, False),
        (NOW, "browser", "10.0.0.1", {1, 2}, False),
        (NOW, "browser", "not an address", {1, 2}, False),
    ],
)
def test_every_limit_of_a_grant_must_hold(
    at: int, client: str, address: str, cameras: set[int], has_configure: bool
) -> None:
    rights = LIST.rights_of(ANNA, at, client, address)
    assert rights.cameras.keys() == cameras
    assert ("configure" in rights.recorder) == has_configure


def test_footage_is_the_sum_of_the_grants_that_hold() -> None:
    rights = LIST.rights_of(ANNA, NOW, "browser", "192.168.1.5")
    assert rights.footage == {("playback", number): ((NOW - HOUR, None),) for number in (2, 3)}
    wide = OnsiteGrant(frozenset({"playback"}), frozenset({2}))
    more = Bundle("v", NOW, NOW + 1, "", (*GRANTS, wide), ())
    person = OnsitePerson("u", "l", "n", "password", SALT, "", (0, 1, 2))
    assert ("playback", 2) not in more.rights_of(person, NOW, "browser", "192.168.1.5").footage


def test_a_hidden_camera_is_in_no_grant() -> None:
    person = OnsitePerson("u", "l", "n", "password", SALT, "", (0, 1), frozenset({2}))
    rights = LIST.rights_of(person, NOW, "browser", "192.168.1.5")
    assert rights.cameras.keys() == {1, 3}
    assert not {number for _, number in rights.footage} & {2}


def test_a_secret_is_right_at_its_own_recorder_alone() -> None:
    root = bundle.onsite_root("correct horse", b"s" * 16)
    person = OnsitePerson("u", "l", "n", "password", SALT, bundle.verifier_of(root, "gate"), ())
    assert person.has_secret("correct horse", "gate")
    assert not person.has_secret("correct horse", "yard")
    assert not person.has_secret("Correct horse", "gate")
    assert not person.has_secret("x" * 201, "gate")


def test_a_code_may_be_typed_with_or_without_its_dashes() -> None:
    root = bundle.onsite_root(bundle.plain_code("ABCD-efgh"), b"s" * 16)
    person = OnsitePerson("u", "l", "n", "code", SALT, bundle.verifier_of(root, "gate"), ())
    assert person.has_secret("abcd efgh", "gate")
    assert person.has_secret("ABCD-EFGH", "gate")


words = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("version", "organisation", "left_out", "grants", "people"), json_values
        ),
    )
)
def test_a_list_that_is_not_readable_is_refused_with_words(claims: dict[str, object]) -> None:
    text = PORTAL.sign(bundle.KIND, "recorder:gate", claims, NOW, HOUR)
    with contextlib.suppress(TokenError):
        verify_bundle(KEYS, text, "gate", NOW)
