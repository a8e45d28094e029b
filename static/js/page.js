// What every page has: theme choice, menus that close, messages that close, times in the reader's zone.

const THEMES = new Set(["light", "dark"]);

function currentTheme() {
  return document.documentElement.dataset.theme ?? "system";
}

function chooseTheme(theme) {
  if (THEMES.has(theme)) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage is forbidden: the choice lasts as long as the page.
  }
  showTheme();
}

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === currentTheme()));
  }
}

function closeMenus(except = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.open = false;
  }
}

const DATE = { year: "numeric", month: "2-digit", day: "2-digit" };
const MINUTE = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
// A row of times, as in a table, names its zone once: `data-local-zone` in its head.
const FORMATS = {
  datetime: { ...DATE, ...MINUTE, timeZoneName: "short" },
  exact: { ...DATE, ...MINUTE, second: "2-digit", timeZoneName: "short" },
  row: { ...DATE, ...MINUTE, second: "2-digit" },
  date: DATE,
  time: { ...MINUTE, second: "2-digit" },
};
const AGO = [[86_400, "day"], [3_600, "hour"], [60, "minute"]];

function ago(moment, now) {
  const seconds = Math.round((moment - now) / 1000);
  const [size, unit] = AGO.find(([size]) => Math.abs(seconds) >= size) ?? [1, "second"];
  if (unit === "second") return seconds > -60 && seconds <= 0 ? "just now" : "in a moment";
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

/** `2026-01-31 14:05:09 GMT+1`, the same in every language, as far as the format asks for it. */
function inWords(moment, format) {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", format).formatToParts(moment).map(({ type, value }) => [type, value]),
  );
  const date = [parts.year, parts.month, parts.day].filter(Boolean).join("-");
  const time = [parts.hour, parts.minute, parts.second].filter(Boolean).join(":");
  return [date, time, parts.timeZoneName].filter(Boolean).join(" ");
}

/** `<time datetime data-local="datetime|exact|row|date|time|ago">` in the reader's own zone; the title says UTC. */
export function localiseTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const format = FORMATS[element.dataset.local];
    element.textContent = format ? inWords(moment, format) : ago(moment, Date.now());
    element.title = `${inWords(moment, FORMATS.exact)} (${moment.toISOString()})`;
  }
  for (const element of root.querySelectorAll("[data-local-zone]")) {
    element.textContent = inWords(new Date(), { timeZoneName: "short", hour: "2-digit" }).split(" ").at(-1);
  }
  for (const field of root.querySelectorAll("[data-zone-of-reader]")) {
    field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
  }
}

document.addEventListener("click", (event) => {
  const target = event.target;
  closeMenus(target.closest("details.menu"));
  target.closest("[data-close-message]")?.closest(".message").remove();
  const choice = target.closest("[data-theme-choice]");
  if (choice) chooseTheme(choice.dataset.themeChoice);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  closeMenus();
  menu?.querySelector("summary").focus();
});
document.addEventListener("htmx:load", (event) => localiseTimes(event.target.parentElement ?? document));

showTheme();
localiseTimes();
setInterval(localiseTimes, 30_000);

// A form that came back: what has to be mended may lie far below.
document.querySelector("[aria-invalid=true]")?.focus();
