from __future__ import annotations

import secrets

import pytest

from recorders.codes import ALPHABET, RANDOM_BYTES, digest_of, make_code


def test_a_code_is_four_groups_of_four() -> None:
    code = make_code(secrets.token_bytes(RANDOM_BYTES))
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    assert set(code) - {"-"} <= set(ALPHABET)


def test_every_bit_counts() -> None:
    low, high = bytes(RANDOM_BYTES), b"\xff" * RANDOM_BYTES
    assert make_code(low) == "0000-0000-0000-0000"
    assert make_code(high) == "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    assert len({make_code(bytes(9) + bytes([n])) for n in range(256)}) == 256


@pytest.mark.parametrize(
    "typed", ["10AB-CDEF-GHJK-MNPQ", "ioab cdef ghjk mnpq", "LOABCDEFGHJKMNPQ "]
)
def test_look_alikes_case_and_dashes_do_not_matter(typed: str) -> None:
    assert digest_of(typed) == digest_of("10AB-CDEF-GHJK-MNPQ")


@pytest.mark.parametrize(
    "typed", ["", "10AB", "10AB-CDEF-GHJK-MNP!", "10AB-CDEF-GHJK-MNPQ-7", "\0" * 16]
)
def test_what_cannot_be_a_code_has_no_digest(typed: str) -> None:
    assert digest_of(typed) is None


def test_the_wrong_number_of_random_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        make_code(b"short")
