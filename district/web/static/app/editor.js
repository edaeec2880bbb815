// The campaign editor: only the fields that a choice needs, words put in by buttons, the ground on the map, a warning
// before typed things are left. Rows are added and taken out by the server (hx-post), so all of it works without script.

import { liveLayer } from "./map.js";
import { keepTyped } from "./editor_kept.js";
import { paintFence } from "./editor_map.js";

const form = document.querySelector("form[data-editor]");

// "ground=street|zone trigger-0-on=schedule": each field has one of these values. "visited!=" : it has any value.
function holds(condition, values) {
  const [name, wanted] = condition.split("=");
  if (name.endsWith("!")) return Boolean(values.get(name.slice(0, -1)));
  return wanted.split("|").includes(values.get(name) ?? "");
}

function showNeeded() {
  const values = new FormData(form);
  for (const part of form.querySelectorAll("[data-shown-for]")) {
    part.hidden = !part.dataset.shownFor.split(" ").every((condition) => holds(condition, values));
  }
}

// What is of use only with script is hidden until then.
function revealTools() {
  form.querySelectorAll("[data-insert], [data-insert-label], [data-draw-cut]").forEach((tool) => { tool.hidden = false; });
}

function insertWords() {
  let last = form.querySelector("#common-words [data-insertable]");
  form.addEventListener("focusin", ({ target }) => { if (target.matches("[data-insertable]")) last = target; });
  form.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-insert]");
    if (!button || !last?.isConnected) return;
    last.setRangeText(button.dataset.insert, last.selectionStart, last.selectionEnd, "end");
    last.focus();
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

function warnBeforeLeaving() {
  let isChanged = form.dataset.typed !== undefined;
  let isSent = false;
  const change = () => { isChanged = true; };
  form.addEventListener("change", change);
  form.addEventListener("input", change);
  form.addEventListener("submit", () => { isSent = true; });
  window.addEventListener("pageshow", () => { isSent = false; });
  window.addEventListener("beforeunload", (event) => { if (isChanged && !isSent) event.preventDefault(); });
}

// A link to a field that stands in a closed part opens that part first.
function leadToFields() {
  document.addEventListener("click", (event) => {
    const field = event.target.closest('#problems a[href^="#"]') && document.getElementById(event.target.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    field.scrollIntoView({ block: "center" });
    field.focus();
  });
  document.querySelector("[data-focus]")?.focus();
}

// In the search for shops Enter searches, instead of saving the form; a choice searches at once.
function findAtOnce() {
  const search = () => document.getElementById("find-stores")?.click();
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.id !== "find_text") return;
    event.preventDefault();
    search();
  });
  form.addEventListener("change", ({ target }) => {
    if (target.matches("#find-shops select")) search();
  });
}

// The week's grid starts from the days and hours that are ticked, while it is empty.
function fillGrid({ target }) {
  const cells = [...form.querySelectorAll('input[name^="grid-"]')];
  if (target.name !== "hours" || target.value !== "grid" || cells.some((cell) => cell.value)) return;
  const values = new FormData(form);
  for (const day of values.getAll("days")) {
    for (const [end, name] of [["from", "opens"], ["until", "closes"]]) {
      form.querySelector(`input[name="grid-${day.toLowerCase()}0-${end}"]`).value = values.get(name);
    }
  }
}

// Until its answer is there a part takes nothing: what is typed or pressed in it meanwhile would be lost to the answer.
function holdParts() {
  let focused = "";
  const isPart = (target) => target?.id?.startsWith("part-");
  document.addEventListener("htmx:beforeSend", ({ detail: { target } }) => {
    if (!isPart(target)) return;
    focused = target.contains(document.activeElement) ? document.activeElement.id : "";
    target.inert = true;
  });
  document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
    if (isPart(target) && focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  });
  document.addEventListener("htmx:afterRequest", ({ detail: { target } }) => { if (isPart(target)) target.inert = false; });
}

if (form) {
  showNeeded();
  holdParts();
  revealTools();
  insertWords();
  warnBeforeLeaving();
  keepTyped(form);
  leadToFields();
  findAtOnce();
  form.addEventListener("change", showNeeded);
  form.addEventListener("change", fillGrid);
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (!form.contains(detail.target) && !detail.target.id?.startsWith("part-")) return;
    showNeeded();
    revealTools();
    if (detail.target.id?.startsWith("part-")) form.dispatchEvent(new Event("arranged"));
  });
  paintFence(form, liveLayer, showNeeded);
}
