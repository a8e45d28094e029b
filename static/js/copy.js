// Buttons with data-copy="<id>" copy the text of that element and say so.

const SAID_MS = 2000; // long enough to be read

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  say(button, (await copied(source)) ? "Copied" : "Selected");
});

/** Without https the clipboard is closed to pages: then the text is selected instead. */
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return false;
  }
}

function say(button, words) {
  const label = button.querySelector("span");
  const before = button.dataset.words ?? label.textContent;
  button.dataset.words = before;
  label.textContent = words;
  setTimeout(() => { label.textContent = before; }, SAID_MS);
}
