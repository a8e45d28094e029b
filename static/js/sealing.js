// The client's half of a sealed channel: the mirror of protocol/sealing.py, which documents it. WebCrypto
// does not exist on http pages, so the arithmetic is that of the noble packages, everywhere the same.

import { chacha20poly1305 } from "../vendor/noble/ciphers/chacha.js";
import { ed25519, x25519 } from "../vendor/noble/curves/ed25519.js";
import { hkdf } from "../vendor/noble/hashes/hkdf.js";
import { sha256 } from "../vendor/noble/hashes/sha2.js";
import { joined } from "./fragments.js";
import { ProtocolError } from "./protocol.js";

const ascii = (text) => new TextEncoder().encode(text);
const MAGIC = ascii("CTS1");
const CONTEXT = ascii("contera sealed channel 1\0");
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const HOST_HELLO_BYTES = MAGIC.length + KEY_BYTES + SIGNATURE_BYTES;
export const OVERHEAD_BYTES = 16; // the tag of a record

/** One end of an agreed channel. Records must be opened in the order they were sealed in. */
export class SealedChannel {
  #sent = 0;
  #received = 0;

  constructor(sending, receiving) {
    Object.assign(this, { sending, receiving });
  }

  /** The next record; OVERHEAD_BYTES longer than its content. */
  seal(content) {
    return chacha20poly1305(this.sending, nonce(this.#sent++)).encrypt(content);
  }

  /** The content of the next record; throws ProtocolError `bad_seal`. */
  open(record) {
    try {
      return chacha20poly1305(this.receiving, nonce(this.#received++)).decrypt(record);
    } catch {
      throw new ProtocolError("bad_seal", "a record was changed, lost or repeated");
    }
  }
}

export class ClientHandshake {
  #secret = x25519.utils.randomSecretKey();

  /** Send `hello`, then `finish` with what the host answers. */
  constructor(kind, hostId) {
    Object.assign(this, { kind, hostId });
    this.hello = joined(MAGIC, x25519.getPublicKey(this.#secret));
  }

  /** The channel; throws ProtocolError `bad_hello`, or `not_this_host` when `hostKey` (a JWK) did not sign it. */
  finish(hostHello, hostKey) {
    if (hostHello.length !== HOST_HELLO_BYTES || !MAGIC.every((byte, i) => hostHello[i] === byte)) {
      throw new ProtocolError("bad_hello", "the host does not speak the sealed channel");
    }
    const unsigned = hostHello.subarray(0, -SIGNATURE_BYTES);
    const hostPublic = unsigned.subarray(MAGIC.length);
    const proof = joined(CONTEXT, ascii(`${this.kind}\0${this.hostId}\0`), this.hello, hostPublic);
    if (!isSigned(hostKey, hostHello.subarray(-SIGNATURE_BYTES), proof)) {
      throw new ProtocolError("not_this_host", "another host answered");
    }
    const salt = sha256(joined(this.hello, unsigned));
    const shared = agreed(this.#secret, hostPublic);
    const [toHost, toClient] = ["contera to host", "contera to client"].map((info) => hkdf(sha256, shared, salt, ascii(info), KEY_BYTES));
    return new SealedChannel(toHost, toClient);
  }
}

function isSigned(jwk, signature, proof) {
  try {
    // RFC 8032 as OpenSSL checks it at the other end (ZIP 215 would also take odd encodings).
    return jwk.kty === "OKP" && jwk.crv === "Ed25519" && ed25519.verify(signature, proof, fromBase64Url(jwk.x), { zip215: false });
  } catch {
    return false;
  }
}

function agreed(secret, hostPublic) {
  try {
    return x25519.getSharedSecret(secret, hostPublic);
  } catch { // a point of small order
    throw new ProtocolError("bad_hello", "the key in the hello is not usable");
  }
}

function fromBase64Url(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

/** 96 bits: four zero bytes and the count, big endian (RFC 8439 §2.3). */
function nonce(count) {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setBigUint64(4, BigInt(count));
  return bytes;
}
