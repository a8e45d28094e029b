// Choosing cameras: a filter by words, a count, "all of this recorder". Without it the form works too.
// A list of several pages is searched by the portal (data-paged), one that is whole is filtered here.

const form = document.querySelector("[data-picker]");
const filter = form.querySelector("[data-filter]");
const count = form.querySelector("[data-count]");
const submit = form.querySelector("[data-submit]");
const none = form.querySelector("[data-none]");
const limit = Number(form.dataset.limit);
const isPaged = "paged" in form.dataset;

function apply() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of form.querySelectorAll("[data-words]")) {
    row.hidden = !words.every((word) => row.dataset.words.toLowerCase().includes(word));
  }
  for (const group of form.querySelectorAll("[data-group]")) {
    group.hidden = !group.querySelector("[data-words]:not([hidden])");
  }
  none.hidden = Boolean(form.querySelector("[data-group]:not([hidden])"));
}

function chosen() {
  return form.querySelectorAll('input[name="cameras"]:checked').length;
}

function showCount() {
  const number = chosen();
  submit.disabled = number === 0 || number > limit;
  count.textContent = countInWords(number);
}

function countInWords(number) {
  if (number > limit) return `${number} chosen, ${limit} at most`;
  return ["No camera chosen", "1 camera"][number] ?? `${number} cameras`;
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choose-all]");
  if (!button) return;
  const boxes = [...button.closest("[data-group]").querySelectorAll('[data-words]:not([hidden]) input[name="cameras"]')];
  const isAll = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !isAll;
  showCount();
});
form.addEventListener("change", showCount);
form.addEventListener("submit", (event) => {
  // One list instead of a name per camera: an address that can be read and shared.
  event.preventDefault();
  const url = new URL(form.action);
  const isPicking = event.submitter?.name === "pick";
  for (const [name, value] of new FormData(form, event.submitter)) {
    if (name !== "cameras" && (isPicking || name !== "q")) url.searchParams.set(name, value);
  }
  const ids = [...form.querySelectorAll('input[name="cameras"]:checked')].map((box) => box.value);
  url.searchParams.set("cameras", ids.join(","));
  location.assign(url.href.replaceAll("%2C", ","));
});
if (!isPaged) {
  form.querySelector("[data-search]").hidden = true;
  filter.addEventListener("input", apply);
  apply();
}
filter.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  if (isPaged) form.requestSubmit(form.querySelector("[data-search]"));
});
showCount();
