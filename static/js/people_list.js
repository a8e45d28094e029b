// Choosing people of the list: all of the page at once, and what to do once somebody is chosen.

const form = document.querySelector("[data-people]");
const all = form.querySelector("[data-all]");
const bar = form.querySelector("[data-many]");
const boxes = [...form.querySelectorAll('input[name="user"]')];

function show() {
  const count = boxes.filter((box) => box.checked).length;
  bar.querySelector("[data-count]").textContent = `${count} chosen`;
  bar.hidden = count === 0;
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

all.hidden = false;
all.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  show();
});
form.addEventListener("change", show);
show();
