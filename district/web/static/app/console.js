// What every console page has: dark or light, keyboard, the live stream where the page names one.

import { startLivePage } from "./live.js";

const root = document.documentElement;

function setTheme(theme) {
  root.dataset.bsTheme = theme;
  document.cookie = `theme=${theme};path=/;max-age=31536000;samesite=lax`;
  document.dispatchEvent(new CustomEvent("district:theme", { detail: { theme } }));
}

function toggleTheme() {
  setTheme(root.dataset.bsTheme === "dark" ? "light" : "dark");
}

const isTyping = (target) => target.closest("input, textarea, select, [contenteditable], .maplibregl-map") !== null;

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/") {
    const search = document.querySelector("[data-search], input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  } else if (event.key === "?") {
    document.querySelector('[data-bs-target="#keyboard"]')?.click();
  } else if (event.key === "d") {
    toggleTheme();
  } else {
    document.querySelector(`a[data-shortcut="${CSS.escape(event.key)}"]`)?.click();
  }
}

document.addEventListener("keydown", onKey);
document.querySelectorAll("[data-theme-toggle]").forEach((button) => button.addEventListener("click", toggleTheme));
// Who logs out leaves nothing that was typed and not saved.
document.querySelector('form[action="/logout"]')?.addEventListener("submit", () => {
  try {
    Object.keys(localStorage).filter((key) => key.startsWith("district-typed:")).forEach((key) => localStorage.removeItem(key));
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
});
// Who logs out leaves a till that takes nothing more without a line; what it took stays until it is brought in.
document.querySelector('form[action="/logout"]')?.addEventListener("submit", async (event) => {
  if (!("indexedDB" in window) || !("caches" in window)) return;
  event.preventDefault();
  const { leave } = await import("./till_store.js");
  await leave().catch(() => {});
  event.target.submit();
});
// A press whose answer does not come, or is a fault, says so; what the page asks for by itself is asked for again.
const isPressed = ({ detail: { elt } }) => elt?.matches?.("form, button, input") ?? false;
const untold = () => document.getElementById("unanswered")?.remove();

function tellUnanswered(event) {
  if (!isPressed(event)) return;
  untold();
  const told = document.createElement("div");
  Object.assign(told, { id: "unanswered", className: "alert alert-danger", role: "alert", textContent: document.body.dataset.unanswered });
  document.querySelector("#content > .container-xl").prepend(told);
  told.scrollIntoView({ block: "nearest" });
}

for (const failure of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) document.addEventListener(failure, tellUnanswered);
document.addEventListener("htmx:beforeSend", (event) => { if (isPressed(event)) untold(); });
startLivePage();
