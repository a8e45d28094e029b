"""Basic and Digest towards proxies (L12), against the examples of the specifications."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmr.proxy_auth import (
    Challenge,
    UnusableChallenge,
    basic_answer,
    choose_digest,
    offered_words,
    parse_challenges,
)

# RFC 7616 §3.9.1
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def challenge(algorithm: str, more: str = "") -> str:
    return (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"{more}'
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_it_answers_as_the_specification_says(algorithm: str, response: str) -> None:
    nonce = choose_digest(parse_challenges([challenge(algorithm)]))
    answer = nonce.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", CNONCE)
    assert f'response="{response}"' in answer
    assert f'opaque="{OPAQUE}"' in answer
    assert f"algorithm={algorithm}" in answer
    assert "nc=00000001" in answer
    assert "Circle" not in answer


def test_the_old_form_without_qop_is_answered() -> None:
    """RFC 2069: what some appliances still speak."""
    nonce = choose_digest([Challenge("digest", {"realm": "r", "nonce": "n"})])
    answer = nonce.answer("u", "p", "CONNECT", "h:443", CNONCE)
    assert "qop" not in answer
    assert "cnonce" not in answer
    assert "algorithm" not in answer


def test_each_answer_counts() -> None:
    nonce = choose_digest(parse_challenges([challenge("MD5")]))
    first, second = (nonce.answer("u", "p", "GET", "/", CNONCE) for _ in range(2))
    assert "nc=00000001" in first
    assert "nc=00000002" in second


def test_the_stronger_algorithm_is_taken() -> None:
    offered = parse_challenges([challenge("MD5"), challenge("SHA-256")])
    assert choose_digest(offered).algorithm == "SHA-256"


def test_several_challenges_in_one_header_are_told_apart() -> None:
    header = f'Negotiate, Basic realm="a, b=\\"c\\"", {challenge("MD5", ", stale=TRUE")}, NTLM'
    found = parse_challenges([header])
    assert [one.scheme for one in found] == ["negotiate", "basic", "digest", "ntlm"]
    assert found[1].parameters["realm"] == 'a, b="c"'
    assert choose_digest(found).is_stale


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('Basic realm="x"', "it offers Basic"),
        ("", "it offers no way to sign in"),
        ('Digest realm="x", nonce="n", algorithm=SHA-512-256', "Digest with SHA-512-256"),
        ('Digest realm="x", nonce="n", qop="auth-int"', "it offers Digest"),
        ('Digest realm="x"', "it offers Digest"),
        ("Negotiate, NTLM", "it offers Negotiate and Ntlm"),
    ],
)
def test_nothing_weaker_is_ever_taken(header: str, words: str) -> None:
    """L12: Basic alone is no reason to send the password."""
    with pytest.raises(UnusableChallenge, match=words):
        choose_digest(parse_challenges([header]))


def test_quotes_in_a_name_stay_inside_it() -> None:
    nonce = choose_digest([Challenge("digest", {"realm": 'a"b', "nonce": "n"})])
    answer = nonce.answer('x", uri="/evil', "p", "GET", "/", CNONCE)
    assert 'username="x\\", uri=\\"/evil"' in answer
    assert 'realm="a\\"b"' in answer


def test_basic_is_utf_8() -> None:
    assert basic_answer("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert basic_answer("test", "123£") == "Basic dGVzdDoxMjPCow=="  # RFC 7617 §2.1


@given(st.text(max_size=300))
def test_any_header_is_read_without_an_error(header: str) -> None:
    offered_words(parse_challenges([header]))
