// The open and tried ways to one recorder, while a session lives: dials what `Paths` says is due, keeps what
// was proved, tells when the best one changes. The relay is dialled first and stays as control session.

import { dial } from "./dialling.js";
import { localAccess, localPlan } from "./local_access.js";
import { Paths } from "./paths.js";
import { ProtocolError } from "./protocol.js";
import { CODES, PATH_NAMES } from "./report.js";

const LEAD_MS = 100; // the relay's picture is asked for before anything else takes the line
const PROMPT_LEAD_MS = 1_000;
const SPARE_MS = 3_000; // players have moved by then
const CONTROL_MS = 10_000;
const PROBE_MS = { relay: 2_500, direct: 1_000 };
const now = () => performance.now();
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Ways {
  static wasAsked = false; // the browser's question about the local network, on this page
  #paths = new Paths();
  #channels = new Map();
  #abort = new AbortController();
  #timer = null;
  #spareTimer = null;
  #awaitingControl = new Set();
  #permission = null;

  /** `session`: {recorderId, report, token(), onchange({words, code, path}), onhint(words), onnotice, onretry()}. */
  constructor(session) {
    this.session = session;
    this.dialling = {
      recorderId: session.recorderId,
      report: session.report,
      token: session.token,
      signal: this.#abort.signal,
      onnotice: session.onnotice,
      control: (method, target, body) => this.#control(method, target, body),
      onlost: (path, channel, reason) => this.#lost(path, channel, reason),
    };
  }

  /** The path that carries the video, and its channel; null when none does. */
  get path() {
    return this.#paths.best;
  }

  get best() {
    return this.#channels.get(this.path) ?? null;
  }

  get isTrying() {
    return this.#paths.isTrying;
  }

  /** Whether the recorder can still be asked for other ways. */
  get isReachable() {
    return this.#channels.has("relay");
  }

  offer(offers, control) {
    this.#paths.offer(offers, control, now());
    this.#dialDue();
  }

  renew() {
    for (const channel of this.#channels.values()) channel.renew(this.session.token());
  }

  /** Lines that died silently are noticed now; what failed is tried again. */
  probe() {
    for (const [path, channel] of this.#channels) channel.probe(PROBE_MS[path] ?? PROBE_MS.direct);
    this.#paths.probe(now());
    this.#dialDue();
  }

  close() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#spareTimer);
    this.#permission?.removeEventListener("change", this.#permissionChanged);
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#tellControl();
  }

  #dialDue() {
    for (const path of this.#paths.due(now())) {
      this.#paths.trying(path);
      this.#try(path);
    }
    this.#schedule();
  }

  #schedule() {
    clearTimeout(this.#timer);
    const due = this.#paths.nextDue();
    if (due === null || this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.session.onretry();
      this.#dialDue();
    }, Math.max(0, due - now()));
  }

  async #try(path) {
    const offer = this.#paths.offerOf(path);
    const plan = await this.#prepared(path, offer);
    if (this.#abort.signal.aborted || !plan) return;
    try {
      const channel = await dial(offer, this.dialling, plan);
      if (this.#abort.signal.aborted) channel.close();
      else this.#proved(path, channel);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#failed(path, error);
    } finally {
      if (path === "lan") this.session.onhint("");
    }
  }

  /** What must be there before a try: a moment for the relay, the control session, leave of the browser. */
  async #prepared(path, offer) {
    const deadlineMs = offer.deadline_s * 1000;
    if (path === "relay") return { deadlineMs };
    await pause(LEAD_MS);
    if (offer.via === "data_channel" && !(await this.#hasControl())) return this.#refused(path, "no_control");
    if (path !== "lan") return { deadlineMs };
    const plan = localPlan({ state: await this.#permissionState(), hostname: location.hostname, deadlineMs, wasAsked: Ways.wasAsked });
    if (!plan.isTried) return this.#refused(path, plan.code, plan.reason);
    if (plan.words) await this.#announce(plan.words);
    return plan;
  }

  /** Words are read before the browser asks. */
  async #announce(words) {
    Ways.wasAsked = true;
    this.session.onhint(words);
    await pause(PROMPT_LEAD_MS);
  }

  async #permissionState() {
    const { state, status } = await localAccess();
    if (status && !this.#permission) {
      this.#permission = status;
      status.addEventListener("change", this.#permissionChanged);
    }
    return state;
  }

  #permissionChanged = () => this.probe();

  #refused(path, code, words = CODES[code]) {
    this.session.report.attempt(path, "")("failed", code, words);
    this.#failed(path, new ProtocolError(code, words));
    return null;
  }

  #failed(path, error) {
    if (this.#abort.signal.aborted) return;
    this.#paths.failed(path, now(), { code: error.code });
    this.#changed(path, error.code, `${PATH_NAMES[path]}: ${error.message}`);
  }

  #proved(path, channel) {
    this.#channels.set(path, channel);
    this.#paths.proved(path);
    if (path === "relay") this.#tellControl();
    this.#changed(path, "proved", this.path === path ? `${PATH_NAMES[path]} works` : "");
  }

  #lost(path, channel, { target, code, detail }) {
    if (this.#channels.get(path) !== channel) return; // while it was being proved: the try says why
    this.#channels.delete(path);
    this.#paths.lost(path, now());
    const reason = detail === "silent" ? "silent" : "closed";
    this.session.report.lost(path, target, reason, detail === "silent" ? "" : `It was closed (${code} ${detail}).`);
    this.#changed(path, code, `${PATH_NAMES[path]}: ${CODES[reason]}`);
  }

  #changed(path, code, words) {
    this.session.onchange({ path, code, words });
    if (this.#abort.signal.aborted) return;
    this.#dialDue();
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => this.#closeSpare(), SPARE_MS);
  }

  #closeSpare() {
    for (const path of this.#paths.superfluous) {
      this.#channels.get(path)?.close();
      if (this.#channels.delete(path)) this.#paths.released(path);
    }
  }

  // The control session

  async #control(method, target, body) {
    const channel = this.#channels.get("relay");
    if (!channel) throw new ProtocolError("no_control", CODES.no_control);
    return channel.request(method, target, { body, headers: body ? [["Content-Type", "application/json"]] : [] });
  }

  #hasControl() {
    if (this.#channels.has("relay")) return Promise.resolve(true);
    return new Promise((resolve) => {
      const tell = () => {
        clearTimeout(timer);
        resolve(this.#channels.has("relay"));
      };
      const timer = setTimeout(tell, CONTROL_MS);
      this.#awaitingControl.add(tell);
    });
  }

  #tellControl() {
    for (const tell of this.#awaitingControl) tell();
    this.#awaitingControl.clear();
  }
}
