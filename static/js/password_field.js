// A button in each password field that shows what was typed.

for (const input of document.querySelectorAll("input[type=password]")) {
  const frame = document.createElement("span");
  frame.className = "password-field";
  input.replaceWith(frame);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "show-password";
  button.setAttribute("aria-controls", input.id);
  frame.append(input, button);
  const tell = () => {
    const isShown = input.type === "text";
    button.textContent = isShown ? "Hide" : "Show";
    button.setAttribute("aria-label", isShown ? "Hide the password" : "Show the password");
    button.setAttribute("aria-pressed", String(isShown));
  };
  button.addEventListener("click", () => {
    input.type = input.type === "password" ? "text" : "password";
    tell();
    input.focus();
  });
  // Shown text would be offered again by the browser as plain form text.
  input.form?.addEventListener("submit", () => { input.type = "password"; });
  tell();
}
document.querySelector("input[autofocus]")?.focus();
