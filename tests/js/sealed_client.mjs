// The browser's half of a sealed channel, for tests/js/test_sealing.py: lines of hex in, lines of hex out.

import { createInterface } from "node:readline";

import { ClientHandshake } from "../../static/js/sealing.js";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const unhex = (text) => new Uint8Array(Buffer.from(text, "hex"));
const say = (text) => process.stdout.write(`${text}\n`);

const [kind, hostId, jwk] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const next = async () => unhex((await lines.next()).value);

const handshake = new ClientHandshake(kind, hostId);
say(hex(handshake.hello));
try {
  const channel = handshake.finish(await next(), JSON.parse(jwk));
  for (const content of ["first", "second", "x".repeat(70_000)]) say(hex(channel.seal(new TextEncoder().encode(content))));
  for (let i = 0; i < 3; i += 1) say(hex(channel.open(await next())));
} catch (error) {
  say(error.code ?? String(error));
}
