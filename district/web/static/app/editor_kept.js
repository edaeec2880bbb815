// What is typed in the campaign editor stays in this browser until the server has it: a closed tab or a lost line loses
// nothing. It is offered when the form is opened again, and sent back to the server's own form, which shows it.

const PREFIX = "district-typed:";
const KEPT_MS = 30 * 24 * 3600 * 1000;
const MOST = 20;
const PAUSE_MS = 400;
const NOT_KEPT = new Set(["form_token", "then", "do", "over"]);

function read(key) {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + key));
    return Array.isArray(found?.entries) && Date.now() - found.atMs < KEPT_MS ? found : null;
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function forget(key) {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}

// The newest forms, none for ever.
function tidy() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
    const age = (key) => -(read(key)?.atMs ?? 0);
    keys.sort((one, other) => age(one) - age(other)).forEach((key, place) => {
      if (place >= MOST || read(key) === null) forget(key);
    });
  } catch {
    // As above.
  }
}

const entriesOf = (form) => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !NOT_KEPT.has(name));

// The version is not typed: the same text of another version is the same text.
const textOf = (entries) => JSON.stringify(entries.filter(([name]) => name !== "version"));

function clock(atMs) {
  const at = new Date(atMs);
  const zone = { timeZone: document.body.dataset.zone };
  const day = (one) => one.toLocaleDateString("en", zone);
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...zone };
  const isToday = day(at) === day(new Date());
  return at.toLocaleString(document.documentElement.lang, isToday ? time : { month: "short", day: "numeric", ...time });
}

// By the server's form, which knows how rows are written.
function restore(form, kept) {
  const sender = document.createElement("form");
  sender.method = "post";
  sender.action = form.dataset.arrange;
  sender.hidden = true;
  for (const [name, value] of [["form_token", form.elements.form_token.value], ...kept.entries]) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    sender.append(field);
  }
  document.body.append(sender);
  sender.submit();
}

function offer(form, kept, discard) {
  const banner = document.querySelector("#kept");
  const isStale = kept.version !== form.elements.version.value;
  const words = kept.isSent ? "sent" : isStale ? "stale" : "typed";
  banner.querySelector("[data-kept-words]").textContent = banner.dataset[words].replace("{time}", clock(kept.atMs));
  banner.querySelector("[data-kept-restore]").addEventListener("click", () => restore(form, kept));
  banner.querySelector("[data-kept-discard]").addEventListener("click", () => {
    banner.hidden = true;
    discard();
  });
  banner.hidden = false;
}

export function keepTyped(form) {
  const key = form.dataset.keep;
  const told = document.querySelector("[data-kept-told]");
  const isTyped = form.dataset.typed !== undefined;
  const shown = textOf(entriesOf(form));
  let waiting = 0;
  // What was kept before stays until somebody types or says that it is not wanted.
  let isOwn = isTyped;
  let isOver = false;

  function save(more = {}) {
    waiting = clearTimeout(waiting) ?? 0;
    if (isOver) return;
    const entries = entriesOf(form);
    if (!isTyped && textOf(entries) === shown) {
      if (isOwn) forget(key);
      told.textContent = "";
      return;
    }
    isOwn = true;
    const atMs = Date.now();
    const isKept = write(key, { atMs, version: form.elements.version.value, entries, ...more });
    told.textContent = isKept ? told.dataset.kept.replace("{time}", clock(atMs)) : told.dataset.lost;
  }

  function later() {
    clearTimeout(waiting);
    waiting = setTimeout(save, PAUSE_MS);
  }

  const now = () => { if (waiting) save(); };

  tidy();
  const kept = read(key);
  if (isTyped) save();
  else if (kept && textOf(kept.entries) === shown) forget(key);
  else if (kept) offer(form, kept, () => forget(key));
  for (const event of ["input", "change", "arranged", "fence"]) form.addEventListener(event, later);
  form.addEventListener("submit", () => save({ isSent: true }));
  // Who logs out takes back all that was kept (console.js): nothing is kept after that.
  document.querySelector('form[action="/logout"]')?.addEventListener("submit", () => { isOver = true; });
  window.addEventListener("pagehide", now);
  document.addEventListener("visibilitychange", () => { if (document.hidden) now(); });
}

/** The server has it: of a new campaign, what was sent. */
export function forgetSaved(keeper, campaign) {
  forget(`${keeper}:${campaign}`);
  if (read(`${keeper}:new`)?.isSent) forget(`${keeper}:new`);
}

const saved = document.querySelector("[data-kept-saved]");
if (saved) forgetSaved(saved.dataset.keptSaved, saved.dataset.campaign);
