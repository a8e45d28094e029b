// Passkeys (WebAuthn level 3): a form with data-passkey="create" or "get" asks the browser for one
// and sends what it answers in its field `credential`. The options come from a json_script that
// data-options names, or from the address in data-options-from.

const CANCELLED = new Set(["NotAllowedError", "AbortError"]);

async function optionsOf(form) {
  const { options, optionsFrom } = form.dataset;
  if (options) return JSON.parse(document.getElementById(options).textContent).publicKey;
  const answer = await fetch(optionsFrom, { headers: { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(answer.status === 429 ? "Too many attempts. Wait a minute." : "The portal did not answer. Try again.");
  return (await answer.json()).request_options.publicKey;
}

async function credentialFor(form) {
  const options = await optionsOf(form);
  if (form.dataset.passkey === "create") {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

/** Why the browser gave none, in words. */
function reason(error) {
  if (CANCELLED.has(error.name)) return "No passkey was used. Try again when you are ready.";
  if (error.name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (error.name === "SecurityError") return "Passkeys do not work at this address of the portal.";
  return error.message;
}

function say(form, words) {
  const place = form.querySelector("[data-passkey-words]");
  place.textContent = words;
  place.hidden = !words;
}

function whyNot() {
  if (!window.isSecureContext) return "Passkeys need https.";
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return "This browser is too old for passkeys.";
  return "";
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button[type=submit]");
  const missing = whyNot();
  if (missing) {
    button.disabled = true;
    say(form, missing);
    continue;
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(form, "");
    try {
      const credential = await credentialFor(form);
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch (error) {
      say(form, reason(error));
      button.disabled = false;
    }
  });
}
