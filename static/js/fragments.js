// Fragmented MP4 as it travels: the mirror of protocol/fragments.py for a player. One segment is an
// initialisation segment (`ftyp moov`) or one video frame (`[prft] moof mdat`).

export const TICKS_PER_S = 90_000;

function kindAt(bytes, at) {
  return String.fromCharCode(bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]);
}

function find(bytes, kind, from = 0) {
  const [a, b, c, d] = [...kind].map((letter) => letter.charCodeAt(0));
  for (let at = bytes.indexOf(a, from); at >= 0; at = bytes.indexOf(a, at + 1)) {
    if (bytes[at + 1] === b && bytes[at + 2] === c && bytes[at + 3] === d) return at;
  }
  return -1;
}

function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * What a whole segment is: `{isInit, isKey, ticks, decodeTime}`; `ticks` of 90 kHz and `decodeTime` in
 * seconds since the Unix epoch (0 for an initialisation segment). Null when it is not a segment.
 */
export function describe(bytes) {
  if (bytes.length < 16) return null;
  const kind = kindAt(bytes, 0);
  if (kind === "ftyp") return { isInit: true, isKey: false, ticks: 0, decodeTime: 0 };
  if (kind !== "moof" && kind !== "prft") return null;
  const tfdt = find(bytes, "tfdt");
  if (tfdt < 0 || tfdt + 16 > bytes.length || bytes[tfdt + 4] !== 1) return null;
  const ticks = Number(view(bytes).getBigUint64(tfdt + 8)); // exact: far below 2 ** 53
  return { isInit: false, isKey: kind === "prft", ticks, decodeTime: ticks / TICKS_PER_S };
}

/** The RFC 6381 codec string of an initialisation segment (its `avcC`), or null. */
export function codecOf(init) {
  const at = find(init, "avcC");
  if (at < 0 || at + 8 > init.length) return null;
  const hex = [...init.subarray(at + 5, at + 8)].map((byte) => byte.toString(16).padStart(2, "0"));
  return `avc1.${hex.join("")}`;
}

/** Cuts a byte stream into whole segments; `feed` returns those that `chunk` completed. */
export class SegmentReader {
  #buffer = new Uint8Array();

  feed(chunk) {
    this.#buffer = this.#buffer.length ? joined(this.#buffer, chunk) : chunk;
    const segments = [];
    for (let end = this.#segmentEnd(); end > 0; end = this.#segmentEnd()) {
      segments.push(this.#buffer.subarray(0, end));
      this.#buffer = this.#buffer.subarray(end);
    }
    return segments;
  }

  #segmentEnd() {
    let at = 0;
    while (at + 8 <= this.#buffer.length) {
      const size = view(this.#buffer).getUint32(at);
      if (size < 8) throw new RangeError(`box announces ${size} bytes`);
      const kind = kindAt(this.#buffer, at);
      at += size;
      if (at <= this.#buffer.length && (kind === "moov" || kind === "mdat")) return at;
    }
    return 0;
  }
}

export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
