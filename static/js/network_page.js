// Remote Network Settings: says so when a test of Manual NAT got no answer from the portal.

const test = document.querySelector("#nat-test");
const result = test.querySelector("#nat-test-result");
const words = test.querySelector("template");

function sayNothingCame() {
  result.replaceChildren(words.content.cloneNode(true));
}

for (const trouble of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  test.addEventListener(trouble, sayNothingCame);
}
