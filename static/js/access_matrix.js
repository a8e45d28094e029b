// The matrix of grants: shows at once what a tick covers, and folds the cameras of a recorder away.
// Without this script the page works the same after each save.

const form = document.querySelector("[data-access-matrix]");
let isChanged = false;

/** A covered box is ticked and locked; its own tick comes back when it is no longer covered. */
function cover(box, isCovered) {
  if (isCovered && !box.disabled) box.toggleAttribute("data-own", box.checked);
  if (isCovered !== box.disabled) box.checked = isCovered || box.hasAttribute("data-own");
  box.disabled = isCovered;
}

/** Rows stand below what covers them, so that one pass is enough. */
function showWhatFollows() {
  const isOn = new Map();
  for (const row of form.querySelectorAll("tr[data-key]")) {
    for (const box of row.querySelectorAll("input[data-right]")) {
      cover(box, isOn.get(`${box.dataset.right} ${row.dataset.parent}`) ?? false);
      isOn.set(`${box.dataset.right} ${row.dataset.key}`, box.checked);
    }
  }
}

function camerasOf(recorder) {
  return form.querySelectorAll(`tr[data-parent="${recorder.dataset.key}"]`);
}

form.addEventListener("change", () => {
  isChanged = true;
  showWhatFollows();
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fold]");
  if (!button) return;
  const isOpen = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(isOpen));
  for (const row of camerasOf(button.closest("tr"))) row.hidden = !isOpen;
});
// Cameras that were fetched: the portal knows what is saved, this page what is ticked since.
form.addEventListener("htmx:afterSettle", showWhatFollows);
form.addEventListener("submit", () => { isChanged = false; });
addEventListener("beforeunload", (event) => {
  if (isChanged) event.preventDefault();
});
