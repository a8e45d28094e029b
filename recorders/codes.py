"""One-time registration codes: sixteen letters and digits that can be read out over the telephone.

Pure: the random bytes are an argument.
"""

from __future__ import annotations

import hashlib

# Crockford's base32: no I, L, O (they are read as 1, 1, 0) and no U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_BYTES = 10  # 80 bits: beyond guessing in an hour, or from a stolen digest
GROUP_LENGTH = 4
_LENGTH = RANDOM_BYTES * 8 // 5
_LOOK_ALIKES = str.maketrans("OIL", "011")


def make_code(random_bytes: bytes) -> str:
    """`7K3M-9QXA-0BCD-EFGH` from RANDOM_BYTES random bytes."""
    if len(random_bytes) != RANDOM_BYTES:
        raise ValueError(f"a code takes {RANDOM_BYTES} random bytes, not {len(random_bytes)}")
    bits = int.from_bytes(random_bytes)
    letters = "".join(ALPHABET[bits >> 5 * i & 31] for i in reversed(range(_LENGTH)))
    return "-".join(letters[i : i + GROUP_LENGTH] for i in range(0, _LENGTH, GROUP_LENGTH))


def digest_of(typed: str) -> str | None:
    """The digest a code is kept as, however it was typed; None when it cannot be a code."""
    letters = typed.replace("-", "").replace(" ", "").upper().translate(_LOOK_ALIKES)
    if len(letters) != _LENGTH or not set(letters) <= set(ALPHABET):
        return None
    return hashlib.sha256(letters.encode()).hexdigest()
