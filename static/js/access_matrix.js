// The matrix of grants: shows at once what a tick covers, and folds the cameras of a recorder away.
// Without this script the page works the same after each save.

const FOLD_FROM = 3; // with fewer recorders everything fits on the screen

const form = document.querySelector("[data-access-matrix]");
const recorders = [...form.querySelectorAll("[data-recorder]")];

/** A covered box is ticked and locked; its own tick comes back when it is no longer covered. */
function cover(box, isCovered) {
  if (isCovered && !box.disabled) box.toggleAttribute("data-own", box.checked);
  if (isCovered !== box.disabled) box.checked = isCovered || box.hasAttribute("data-own");
  box.disabled = isCovered;
}

function boxesOf(root, level, right) {
  return root.querySelectorAll(`input[data-level="${level}"][data-right="${right}"]`);
}

function showWhatFollows(right) {
  const [everything] = boxesOf(form, "everything", right);
  for (const recorder of recorders) {
    const [whole] = boxesOf(recorder, "recorder", right);
    cover(whole, everything.checked);
    for (const camera of boxesOf(recorder, "camera", right)) cover(camera, whole.checked);
  }
}

function fold(recorder, isOpen) {
  recorder.querySelector(".fold").setAttribute("aria-expanded", String(isOpen));
  for (const row of recorder.querySelectorAll(".is-camera")) row.hidden = !isOpen;
}

function makeFoldable(recorder) {
  const words = recorder.querySelector("[data-fold]");
  if (!recorder.querySelector(".is-camera")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "fold";
  button.innerHTML = '<svg class="icon" aria-hidden="true"><use/></svg>';
  // The name of the icon is written out so that `make static` finds it: #tabler-chevron-right
  button.querySelector("use").setAttribute("href", `${document.documentElement.dataset.icons}#tabler-chevron-right`);
  button.append(words.textContent);
  words.replaceWith(button);
  button.addEventListener("click", () => fold(recorder, button.getAttribute("aria-expanded") !== "true"));
  fold(recorder, recorder.hasAttribute("data-open") || recorders.length < FOLD_FROM);
}

form.addEventListener("change", (event) => showWhatFollows(event.target.dataset.right));
recorders.forEach(makeFoldable);
