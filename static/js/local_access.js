// Chromium asks people before a page of the Internet reaches an address of their own network. What that
// means for a try of the local network, said beforehand. https://wicg.github.io/local-network-access/

// Chromium 145 and later, and 142 to 144. Other browsers know none of them and do not ask.
const NAMES = ["local-network", "local-network-access"];
export const PROMPT_MS = 2_000; // a question that nobody answers keeps nobody waiting

const POLICY =
  "An administrator can allow it for everybody with the browser policy LocalNetworkAccessAllowedForUrls (Chrome, Edge), with the portal's address as its value.";
export const WORDS = Object.freeze({
  prompt: "Your browser may ask whether this page may use devices of your local network. If you allow it, the video comes straight from the recorder.",
  denied: `The browser does not let this page reach the local network. It can be allowed in the browser's settings for this site. ${POLICY}`,
  ignored: `Nothing was reached in time. The browser reaches the local network only with your leave, and may have asked for it. ${POLICY}`,
});

/** Whether the page itself comes from an address of the local network or this machine: then nobody asks. */
export function isLocalHost(hostname) {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || /\.(localhost|local|internal|home\.arpa)$/.test(host)) return true;
  if (/^(::1|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)$/.test(host)) return true;
  return /^(10|127)\.\d+\.\d+\.\d+$|^192\.168\.\d+\.\d+$|^169\.254\.\d+\.\d+$|^172\.(1[6-9]|2\d|3[01])\.\d+\.\d+$/.test(host);
}

/** `{state, status}`: "granted", "prompt" or "denied"; "unknown" where browsers do not ask. `status` tells of changes. */
export async function localAccess(permissions = navigator.permissions) {
  for (const name of NAMES) {
    try {
      const status = await permissions.query({ name });
      return { state: status.state, status };
    } catch {
      // This version does not know the name.
    }
  }
  return { state: "unknown", status: null };
}

/**
 * How to try the local network: `{isTried, deadlineMs, words, code, reason}`. `words` are for the person
 * beforehand; `code` and `reason` go into the report when it is not tried, or nothing answers. Who comes from
 * the local network is not asked, whatever the permission says; a question is asked once a page.
 */
export function localPlan({ state, hostname, deadlineMs, wasAsked = false }) {
  const plan = { isTried: true, deadlineMs, words: "", code: "", reason: "" };
  if (isLocalHost(hostname)) return plan;
  if (state === "denied") return { ...plan, isTried: false, code: "local_access_denied", reason: WORDS.denied };
  if (state !== "prompt") return plan;
  const asked = { ...plan, deadlineMs: Math.min(deadlineMs, PROMPT_MS), code: "local_access_ignored", reason: WORDS.ignored };
  return wasAsked ? { ...asked, isTried: false } : { ...asked, words: WORDS.prompt };
}
