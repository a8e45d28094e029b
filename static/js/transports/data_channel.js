// A WebRTC data channel to the recorder (connection.md §3): agreed upon over the control session, then
// straight between the two. For `p2p` with STUN; for `lan` with addresses of the local network alone.

import { natOf, parseCandidate } from "../nat.js";
import { Joiner, split } from "../parts.js";
import { ProtocolError, SUBPROTOCOL } from "../protocol.js";

const TRICKLE_MS = 50; // candidates come in bursts: one request for a burst
const MAX_CANDIDATES = 24;
const BAD_MESSAGE = 4400;

export class DataChannelTransport {
  #peer = null;
  #channel = null;
  #id = null; // what the recorder calls this connection
  #found = []; // lines of all candidates of ours
  #unsent = [];
  #isGathered = false;
  #wasOpen = false;
  #trickle = null;
  #joiner = new Joiner();
  #fail = () => {}; // ends `open`
  onmessage = () => {};
  onclose = () => {};
  recorderNat = null; // as the recorder's answer tells

  /** `request(method, target, body)` asks over the control session and resolves with an Answer. */
  constructor(mode, iceServers, request) {
    Object.assign(this, { mode, iceServers, request });
  }

  /** What was learnt of the viewer's NAT; null when nothing was: not asked, not answered yet, or in vain though UDP works. */
  get viewerNat() {
    const isSeen = this.#found.some((line) => parseCandidate(line)?.type === "srflx");
    const isInVain = this.iceServers.length > 0 && this.#isGathered && !this.#wasOpen;
    return isSeen || isInVain ? natOf(this.#found) : null;
  }

  async open(deadlineMs) {
    const peer = new RTCPeerConnection({ iceServers: this.iceServers });
    this.#peer = peer;
    const channel = peer.createDataChannel(SUBPROTOCOL);
    channel.binaryType = "arraybuffer";
    this.#channel = channel;
    const opened = this.#opened(deadlineMs);
    try {
      await Promise.race([opened, this.#agree()]);
      await opened;
      this.#wasOpen = true;
    } catch (error) {
      this.#giveUp();
      throw error;
    }
    channel.onclose = () => this.#closed({ code: 1006, detail: "closed" });
  }

  send(bytes) {
    if (this.#channel?.readyState !== "open") return;
    for (const part of split(bytes)) this.#channel.send(part);
  }

  close() {
    clearTimeout(this.#trickle);
    this.onclose = () => {};
    this.onmessage = () => {};
    this.#fail(new ProtocolError("closed", "It was given up."));
    this.#peer?.close();
  }

  #opened(deadlineMs) {
    const { promise, resolve, reject } = withResolvers();
    const timer = setTimeout(() => reject(this.#noWay()), deadlineMs);
    this.#fail = reject;
    promise.catch(() => {}).finally(() => clearTimeout(timer));
    this.#channel.onopen = resolve;
    this.#channel.onmessage = (event) => this.#received(event.data);
    this.#peer.onconnectionstatechange = () => {
      if (this.#peer.connectionState !== "failed") return;
      reject(this.#noWay());
      this.#closed({ code: 1006, detail: "failed" });
    };
    return promise;
  }

  async #agree() {
    const peer = this.#peer;
    peer.onicecandidate = ({ candidate }) => this.#gathered(candidate?.candidate ?? "");
    await peer.setLocalDescription(await peer.createOffer());
    const answer = await this.request("POST", "/v1/p2p", JSON.stringify({ mode: this.mode, sdp: peer.localDescription.sdp }));
    const body = await answer.json();
    if (!answer.isOk) throw new ProtocolError(body?.code ?? "refused", body?.detail ?? `The recorder refused it (${answer.status}).`);
    this.#id = body.id;
    this.recorderNat = body.nat ?? null;
    await peer.setRemoteDescription({ type: "answer", sdp: body.sdp });
    this.#sendSoon();
  }

  /** `line` is empty at the end. */
  #gathered(line) {
    if (!line) this.#endOfCandidates();
    else if (parseCandidate(line)?.protocol === "udp" && this.#found.length < MAX_CANDIDATES) {
      this.#found.push(line);
      this.#unsent.push(line);
    }
    this.#sendSoon();
  }

  /** Without a single address of ours there is nothing to wait for. */
  #endOfCandidates() {
    this.#isGathered = true;
    if (!this.#found.length) this.#fail(this.#noWay());
  }

  #sendSoon() {
    if (!this.#id) return;
    clearTimeout(this.#trickle);
    this.#trickle = setTimeout(() => this.#sendCandidates(), TRICKLE_MS);
  }

  async #sendCandidates() {
    const body = JSON.stringify({ candidates: this.#unsent.splice(0), end: this.#isGathered });
    await this.#tell("candidates", body);
  }

  /** Without them it may still connect, and it ends by itself: a lost message is no error. */
  async #tell(what, body = "") {
    try {
      (await this.request("POST", `/v1/p2p/${this.#id}/${what}`, body)).cancel();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #noWay() {
    if (!this.#found.length && this.#isGathered) return new ProtocolError("udp_blocked", "The browser offers no UDP address at all.");
    if (this.viewerNat?.mapping === "blocked") return new ProtocolError("udp_blocked", this.viewerNat.detail);
    return new ProtocolError("no_pair", "No two addresses of the two sides reach each other.");
  }

  #giveUp() {
    if (this.#id) this.#tell("close");
    this.close();
  }

  #received(data) {
    try {
      const message = this.#joiner.feed(new Uint8Array(data));
      if (message) this.onmessage(message.buffer);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#closed({ code: BAD_MESSAGE, detail: error.message });
    }
  }

  #closed(reason) {
    const report = this.onclose;
    this.close();
    report(reason);
  }
}

/** As Promise.withResolvers of ES2024, which older browsers lack. */
function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}
