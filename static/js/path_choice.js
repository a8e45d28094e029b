// The choice of a path at the top of the video pages: the page is loaded anew with `?path=`, so the address
// says what is shown.

for (const choice of document.querySelectorAll("[data-choose-path]")) {
  choice.addEventListener("change", () => {
    const url = new URL(location.href);
    url.searchParams.set("path", choice.value);
    location.assign(url.href.replaceAll("%2C", ",").replaceAll("%3A", ":"));
  });
}
