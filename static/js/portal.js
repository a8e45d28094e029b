// The portal's session API: an access token and the ways to a recorder. Errors say what a person can do.
// Pages that are not the portal's name what answers like it: `<meta name="contera-sessions" content="/local">`.

const TIMEOUT_MS = 10_000; // the portal answers in milliseconds, or it is not there

/** Why the portal gave no session. `kind`: `denied` (until somebody signs in or gives the right) or `unavailable`. */
export class PortalError extends Error {
  constructor(kind, message) {
    super(message);
    this.name = "PortalError";
    this.kind = kind;
  }
}

const DENIED = {
  401: "You are signed out. Sign in again to go on watching.",
  403: "You are signed out, or you may not watch here. Reload the page.",
  404: "You may not see this recorder any more. An administrator can give your group the right.",
};

function csrfToken() {
  return /(?:^|; )(?:__Secure-|__Host-)?csrftoken=([^;]*)/.exec(document.cookie)?.[1] ?? "";
}

const base = globalThis.document?.querySelector("meta[name=contera-sessions]")?.content;
/** Who answers, for sentences. */
export const ASKED = base ? "recorder" : "portal";

function addressOf(recorderId, what) {
  return base ? `${base}/${what}` : `/api/v1/recorders/${recorderId}/${what}/`;
}

async function post(url, body) {
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new PortalError("unavailable", `The ${ASKED} does not answer.`);
  }
  if (response.status in DENIED) throw new PortalError("denied", DENIED[response.status]);
  if (!response.ok) throw new PortalError("unavailable", `The ${ASKED} answers with an error (${response.status}).`);
  return response.json();
}

/** `{session_id, token, renew_after_s, offers, control, not_offered, cameras}`. */
export function openSession(recorderId, path) {
  return post(addressOf(recorderId, "session"), { path });
}

/** `{token, expires_at, renew_after_s}` for a running session, with the rights of this moment. */
export function renewToken(recorderId, sessionId) {
  return post(addressOf(recorderId, "token"), { session_id: sessionId });
}

/** The paths that may carry video with a token, by its claim; none where it says nothing. */
export function pathsOf(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).paths ?? [];
  } catch {
    return [];
  }
}
