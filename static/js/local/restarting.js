// The page of a recorder that starts again: it goes on when the recorder answers there, however long that
// takes. What answers at first may still be the recorder that is about to end.

const EVERY_MS = 500;
const SURELY_ENDED_MS = 5_000;
const BLIND_MS = 15_000; // by then it runs; whether it answers with a new certificate cannot be asked

const target = new URL(document.querySelector("[data-target]").href);
const began = performance.now();
let hasEnded = target.origin !== location.origin;

async function answers() {
  try {
    await fetch(new URL("/static/img/mark.svg", target), { mode: "no-cors", cache: "no-store", signal: AbortSignal.timeout(2_000) });
    return true;
  } catch {
    return false;
  }
}

async function look() {
  const waitedMs = performance.now() - began;
  const isUp = await answers();
  hasEnded ||= !isUp || waitedMs > SURELY_ENDED_MS;
  const isBlind = target.protocol !== location.protocol && waitedMs > BLIND_MS;
  if ((isUp && hasEnded) || isBlind) return location.replace(target);
  setTimeout(look, EVERY_MS);
}

look();
