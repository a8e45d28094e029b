// Messages on a data channel (protocol/parts.py): `last:u8` and at most 16,383 bytes; parts are joined until
// `last` is 1. Larger messages of SCTP are not carried by every browser.

import { joined } from "./fragments.js";
import { ProtocolError } from "./protocol.js";

export const MAX_PART_BYTES = 16_383;
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024; // a whole key frame of a large camera; hosts send nothing larger

/** The parts of one message, in order. */
export function* split(message) {
  let at = 0;
  do {
    const piece = message.subarray(at, at + MAX_PART_BYTES);
    at += piece.length;
    const part = new Uint8Array(piece.length + 1);
    part[0] = at >= message.length ? 1 : 0;
    part.set(piece, 1);
    yield part;
  } while (at < message.length);
}

export class Joiner {
  #parts = [];
  #bytes = 0;

  /** The whole message when `part` was its last one, otherwise null; throws ProtocolError. */
  feed(part) {
    if (!part.length || part[0] > 1) throw new ProtocolError("bad_frame", "a part of a message does not say whether it is the last");
    this.#bytes += part.length - 1;
    if (this.#bytes > MAX_MESSAGE_BYTES) throw new ProtocolError("frame_too_large", `a message has more than ${MAX_MESSAGE_BYTES} bytes`);
    this.#parts.push(part.subarray(1));
    if (!part[0]) return null;
    const message = joined(...this.#parts); // a copy of its own, aligned to a buffer
    this.#parts = [];
    this.#bytes = 0;
    return message;
  }
}
