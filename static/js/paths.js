// Which ways to a recorder are tried when, and which of those that work carries the video. Pure: the time
// (milliseconds of any monotonic clock) comes with each call, sockets are somebody else's.

/** By preference: whatever comes first and works is used. `direct` is the recorder's own page. */
export const ORDER = Object.freeze(["direct", "manual_nat", "lan", "p2p", "relay"]);

const RETRY_MS = [30_000, 60_000, 300_000]; // after a failure: checks stop soon, then one try per 5 min (L2)
// A recorder that refuses a way which the portal offers has not heard of new settings yet.
const OFF_RETRY_MS = [2_000, 3_000, 5_000, 10_000, ...RETRY_MS];
// The relay is signalling and the way back: it is fetched back like the session itself.
const RELAY_RETRY_MS = [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 15_000];
const DAMPED_MS = 300_000;
const FLAPPING_MS = 120_000; // two deaths within this time are no accident

const rank = (path) => ORDER.indexOf(path);

function stepsOf(path, code) {
  if (path === "relay") return RELAY_RETRY_MS;
  return code === "path_off" ? OFF_RETRY_MS : RETRY_MS;
}

export class Paths {
  #ways = new Map(); // path → {offer, isMedia, state, failures, dueAt, deaths}

  /** The portal's offers: `control` may be the relay without the right to carry video. */
  offer(offers, control, now) {
    const all = new Map(offers.filter(({ path }) => ORDER.includes(path)).map((offer) => [offer.path, { offer, isMedia: true }]));
    if (control && !all.has("relay")) all.set("relay", { offer: control, isMedia: false });
    for (const [path, way] of this.#ways) if (!all.has(path) && way.state === "idle") this.#ways.delete(path);
    for (const [path, facts] of all) {
      const known = this.#ways.get(path) ?? { state: "idle", failures: 0, dueAt: now, deaths: [] };
      this.#ways.set(path, Object.assign(known, facts));
    }
  }

  /** The path that carries the video now, or null. */
  get best() {
    return ORDER.find((path) => this.#ways.get(path)?.state === "open" && this.#ways.get(path).isMedia) ?? null;
  }

  get isTrying() {
    return [...this.#ways.values()].some(({ state }) => state === "trying");
  }

  offerOf(path) {
    return this.#ways.get(path)?.offer ?? null;
  }

  isOpen(path) {
    return this.#ways.get(path)?.state === "open";
  }

  /** Paths to try now: the relay, and what is better than what carries the video. */
  due(now) {
    return [...this.#ways].filter(([path, way]) => this.#isWanted(path, way) && way.dueAt <= now).map(([path]) => path);
  }

  /** When something is due next, or null. */
  nextDue() {
    const times = [...this.#ways].filter(([path, way]) => this.#isWanted(path, way)).map(([, { dueAt }]) => dueAt);
    return times.length ? Math.min(...times) : null;
  }

  #isWanted(path, { state }) {
    const { best } = this;
    return state === "idle" && (path === "relay" || best === null || rank(path) < rank(best));
  }

  trying(path) {
    this.#ways.get(path).state = "trying";
  }

  proved(path) {
    Object.assign(this.#ways.get(path), { state: "open", failures: 0 });
  }

  /** `code` of the refusal, as the host said it. */
  failed(path, now, { code = "", random = Math.random } = {}) {
    const way = this.#ways.get(path);
    if (!way) return;
    const steps = stepsOf(path, code);
    const wait = steps[Math.min(way.failures, steps.length - 1)];
    const jitter = path === "relay" ? 0.2 + 0.8 * random() : 1;
    Object.assign(way, { state: "idle", failures: way.failures + 1, dueAt: Math.max(way.dueAt, now + wait * jitter) });
  }

  /** An open path died: it is tried again like one that failed, later when it does so often. */
  lost(path, now, { random = Math.random } = {}) {
    const way = this.#ways.get(path);
    way.deaths = [...way.deaths.filter((at) => now - at < FLAPPING_MS), now];
    this.failed(path, now, { random });
    if (path !== "relay" && way.deaths.length > 1) way.dueAt = now + DAMPED_MS;
  }

  /** Not needed any more, because a better one works; it is due at once when that one dies. */
  released(path) {
    Object.assign(this.#ways.get(path) ?? {}, { state: "idle" });
  }

  /** Open or tried paths that carry nothing while the best one lives; the relay stays as the way back. */
  get superfluous() {
    const { best } = this;
    if (best === null) return [];
    return [...this.#ways].filter(([path, { state }]) => path !== "relay" && state !== "idle" && rank(path) > rank(best)).map(([path]) => path);
  }

  /** The network changed: what failed is tried at once, what keeps dying is not. */
  probe(now) {
    for (const way of this.#ways.values()) {
      const isFlapping = way.deaths.filter((at) => now - at < DAMPED_MS).length > 1;
      if (way.state === "idle" && !isFlapping) Object.assign(way, { dueAt: now, failures: 0 });
    }
  }
}
