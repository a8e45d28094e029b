"""STUN messages (RFC 8489 §5, §14) as far as Binding and NAT discovery (RFC 5780) need them.

    type:u16  length:u16  cookie:u32  transaction:12 bytes
    then attributes, each  type:u16  length:u16  value

Values are padded to four bytes. Messages without the cookie (RFC 3489) are none of ours.
"""

from __future__ import annotations

import binascii
import ipaddress
import struct
from dataclasses import dataclass

from protocol.errors import ProtocolError

COOKIE = 0x2112A442
MAX_MESSAGE_BYTES = 548  # RFC 8489 §6.1: below the smallest MTU
TRANSACTION_BYTES = 12

BINDING_REQUEST = 0x0001
BINDING_RESPONSE = 0x0101
BINDING_ERROR = 0x0111

MAPPED_ADDRESS = 0x0001
CHANGE_REQUEST = 0x0003
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
XOR_MAPPED_ADDRESS = 0x0020
FINGERPRINT = 0x8028
RESPONSE_ORIGIN = 0x802B
OTHER_ADDRESS = 0x802C

CHANGE_IP = 0x04  # flags of CHANGE-REQUEST (RFC 5780 §7.2)
CHANGE_PORT = 0x02

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_FINGERPRINT_XOR = 0x5354554E
_FIRST_OPTIONAL = 0x8000  # RFC 8489 §14: below, who does not understand must refuse
_ADDRESS_BYTES = {1: 4, 2: 16}

Address = tuple[str, int]  # literal IP address, port


@dataclass(frozen=True)
class StunMessage:
    """One message. Attributes are in order, as they came; of one type the first counts."""

    type: int
    transaction: bytes
    attributes: tuple[tuple[int, bytes], ...] = ()

    def get(self, attribute: int) -> bytes | None:
        return next((value for type_, value in self.attributes if type_ == attribute), None)

    def address(self, attribute: int) -> Address | None:
        """An address attribute, None when it is not there; raises ProtocolError `bad_stun`."""
        value = self.get(attribute)
        if value is None:
            return None
        mask = self._mask() if attribute == XOR_MAPPED_ADDRESS else bytes(18)
        return _unpack_address(value, mask)

    def change_request(self) -> int | None:
        """The flags of CHANGE-REQUEST; raises ProtocolError `bad_stun`."""
        value = self.get(CHANGE_REQUEST)
        if value is None:
            return None
        if len(value) != 4:
            raise _bad("CHANGE-REQUEST is not four bytes")
        return int.from_bytes(value) & (CHANGE_IP | CHANGE_PORT)

    @property
    def required_attributes(self) -> list[int]:
        """Types that whoever does not understand them must refuse, each once."""
        return sorted({type_ for type_, _ in self.attributes if type_ < _FIRST_OPTIONAL})

    def encode(self, *, has_fingerprint: bool = False) -> bytes:
        body = b"".join(_pack_attribute(type_, value) for type_, value in self.attributes)
        extra = 8 if has_fingerprint else 0
        head = _HEADER.pack(self.type, len(body) + extra, COOKIE, self.transaction)
        if not has_fingerprint:
            return head + body
        return head + body + _pack_attribute(FINGERPRINT, _fingerprint(head + body))

    def with_address(self, attribute: int, address: Address) -> StunMessage:
        """The message and one more address attribute."""
        mask = self._mask() if attribute == XOR_MAPPED_ADDRESS else bytes(18)
        more = (attribute, _pack_address(address, mask))
        return StunMessage(self.type, self.transaction, (*self.attributes, more))

    def _mask(self) -> bytes:
        """What port and address are XORed with (RFC 8489 §14.2)."""
        cookie = COOKIE.to_bytes(4)
        return cookie[:2] + cookie + self.transaction


def parse_stun(data: bytes) -> StunMessage:
    """The message in a datagram; raises ProtocolError `bad_stun`."""
    if not _HEADER.size <= len(data) <= MAX_MESSAGE_BYTES:
        raise _bad(f"{len(data)} bytes")
    type_, length, cookie, transaction = _HEADER.unpack_from(data)
    if cookie != COOKIE or type_ & 0xC000 or length % 4 or length != len(data) - _HEADER.size:
        raise _bad("the header is not STUN")
    return StunMessage(type_, transaction, tuple(_attributes(data)))


def error_response(request: StunMessage, code: int, unknown: list[int]) -> StunMessage:
    """Refuses a request; `unknown` are the attributes that were the reason (420)."""
    attributes = [(ERROR_CODE, struct.pack("!HBB", 0, code // 100, code % 100))]
    if unknown:
        attributes.append((UNKNOWN_ATTRIBUTES, struct.pack(f"!{len(unknown)}H", *unknown)))
    return StunMessage(BINDING_ERROR, request.transaction, tuple(attributes))


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], _HEADER.size
    while at < len(data):
        type_, length = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + length]
        if len(value) < length:
            raise _bad("an attribute is longer than the message")
        if type_ == FINGERPRINT and value != _fingerprint(data[:at]):
            raise _bad("the fingerprint is wrong")
        found.append((type_, value))
        at += 4 + length + -length % 4
    return found


def _fingerprint(before: bytes) -> bytes:
    """Of everything before the attribute, whose length the header counts already (§14.7)."""
    sized = before[:2] + (len(before) - _HEADER.size + 8).to_bytes(2) + before[4:]
    return (binascii.crc32(sized) ^ _FINGERPRINT_XOR).to_bytes(4)


def _pack_attribute(type_: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(type_, len(value)) + value + bytes(-len(value) % 4)


def _pack_address(address: Address, mask: bytes) -> bytes:
    host, port = ipaddress.ip_address(address[0]), address[1]
    family = 1 if host.version == 4 else 2
    return bytes((0, family)) + _xor(port.to_bytes(2) + host.packed, mask)


def _unpack_address(value: bytes, mask: bytes) -> Address:
    family = value[1] if len(value) > 1 else 0
    if len(value) != 4 + _ADDRESS_BYTES.get(family, -5):
        raise _bad("an address has the wrong length")
    plain = _xor(value[2:], mask)
    return str(ipaddress.ip_address(plain[2:])), int.from_bytes(plain[:2])


def _xor(data: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, mask, strict=False))


def _bad(fact: str) -> ProtocolError:
    return ProtocolError("bad_stun", f"not a STUN message: {fact}")
