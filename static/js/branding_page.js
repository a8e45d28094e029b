// The branding page shows name, logo and colours as they are chosen. The server makes the same
// style sheet for two colours that it makes later, so what is shown is what will be.

const COLOUR = /^#[0-9a-f]{6}$/;

const form = document.querySelector("[data-branding]");
const fields = Object.fromEntries(
  ["portal_name", "logo", "accent", "accent_dark"].map((name) => [name, form.elements[name]]),
);
const usual = { accent: "#0b6a86", accent_dark: "#58c1de" };
const sheet = document.createElement("link");
sheet.rel = "stylesheet";
document.head.append(sheet);

function colour(name) {
  const value = fields[name].value.trim().toLowerCase();
  const written = value && !value.startsWith("#") ? `#${value}` : value;
  return COLOUR.test(written) ? written : "";
}

function showColours() {
  const light = colour("accent") || colour("accent_dark") || usual.accent;
  const dark = colour("accent_dark") || colour("accent") || usual.accent_dark;
  sheet.href = `/branding/${light.slice(1)}-${dark.slice(1)}.css`;
}

function addPicker(name) {
  const picker = document.createElement("input");
  picker.type = "color";
  picker.className = "colour-picker";
  picker.value = colour(name) || usual[name];
  picker.setAttribute("aria-label", `${fields[name].labels[0].firstChild.textContent.trim()}, chosen by eye`);
  picker.addEventListener("input", () => {
    fields[name].value = picker.value;
    showColours();
  });
  fields[name].addEventListener("input", () => {
    picker.value = colour(name) || usual[name];
    showColours();
  });
  fields[name].after(picker);
}

function showName() {
  document.querySelector(".brand > span").textContent = fields.portal_name.value.trim() || "Contera";
}

function showLogo() {
  const [file] = fields.logo.files;
  const image = document.querySelector(".brand > img");
  if (!file) return;
  image.classList.add("brand-logo");
  image.src = URL.createObjectURL(file);
}

addPicker("accent");
addPicker("accent_dark");
form.querySelector(".brand-preview").hidden = false;
fields.portal_name.addEventListener("input", showName);
fields.logo.addEventListener("change", showLogo);
