// The form of a new incident: times in the reader's own zone, whose name is sent along.

const form = document.querySelector("[data-incident-form]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const times = form.querySelector("[data-start-utc]");

/** What `<input type="datetime-local">` takes, in the reader's zone. */
function localValue(moment) {
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

// After an error the times are as they were typed, in the zone they were sent with.
if (times.dataset.startUtc) {
  form.elements.start.value = localValue(new Date(times.dataset.startUtc));
  form.elements.end.value = localValue(new Date(times.dataset.endUtc));
  form.elements.zone.value = zone;
  form.querySelector("[data-zone-name]").textContent = zone;
}
