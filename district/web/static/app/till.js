// The till page: with a line the server's answer is shown in place; without one coupons are checked here and brought in later.

import { Refused } from "./till_code.js";
import { now, obstacle, take } from "./till_journal.js";
import { drawEntries, drawOutcome, drawState } from "./till_view.js";
import * as store from "./till_store.js";
import { LoggedOut, repeated, sync, waitMs } from "./till_sync.js";

const PATIENCE_MS = 8_000;
const EVERY_MS = 30_000;
const TICK_MS = 5_000;
const BROKEN_LINE = new Set([502, 503, 504]);
const MARK_BYTES = 6;

const holder = document.getElementById("till-page");
const form = document.getElementById("till-form");
const words = JSON.parse(document.getElementById("till-words").textContent);
const line = { isUp: navigator.onLine && !("shell" in holder.dataset), sinceMs: Date.now(), failures: 0, isLoggedOut: false };
let numberTimer = null;

const placeOf = () => form.elements.till.value;
const config = () => ({
  place: placeOf(),
  account: holder.dataset.account,
  kit: holder.dataset.kit,
  upload: holder.dataset.upload,
  token: form.elements.form_token.value,
});

function setLine(isUp) {
  if (line.isUp === isUp) return;
  Object.assign(line, { isUp, sinceMs: Date.now() });
  // A typed code is made and used with a line only.
  if (isUp) showNumber();
  else document.getElementById("till-number").hidden = true;
}

const hasBasket = () => document.querySelector('#till-sum [name="codes"], #till-sum [name="pass_code"]') !== null;

/** The button says what it does: a bill is reckoned first. */
function nameButton() {
  const { alone, sum } = form.dataset;
  document.getElementById("till-go").textContent = hasBasket() || form.elements.bill.value.trim() ? sum : alone;
}

/** Back to where the next code goes. */
function focusCode() {
  form.elements.code.focus();
  form.elements.code.select();
}

async function redraw() {
  document.getElementById("till-alone").hidden = line.isUp;
  const [kit, entries] = await Promise.all([store.kitOf(placeOf()), store.entries()]);
  const own = kit && kit.account === holder.dataset.account ? kit : null;
  const state = {
    ...line,
    obstacle: line.isLoggedOut ? "logged-out" : obstacle(own),
    kit: own,
    nowMs: own ? now(own).machineMs : Date.now(),
    waiting: entries.filter((one) => one.state === "waiting").length,
  };
  drawState(document.getElementById("till-state"), state, words);
  drawEntries(document.getElementById("till-entries"), entries, words, async (entry) => {
    await store.change([{ ...entry, isSeen: true }]);
    await redraw();
  });
}

/** One try of the line; how long until the next. */
async function step() {
  try {
    await sync(config());
    setLine(true);
    Object.assign(line, { failures: 0, isLoggedOut: false });
  } catch (error) {
    if (error instanceof LoggedOut) {
      await store.forget();
      setLine(true);
      line.isLoggedOut = true;
    } else {
      setLine(false);
    }
    line.failures += 1;
  }
  const waits = line.failures > 0 ? waitMs(line.failures) : EVERY_MS;
  await redraw();
  return waits;
}

const stepSoon = repeated(step);

function syncSoon() {
  line.failures = 0;
  stepSoon();
}

/** The bill in minor units; null when nothing is typed. */
function billMinor() {
  const typed = form.elements.bill?.value.trim().replace(",", ".");
  if (!typed) return null;
  const amount = Number(typed);
  return Number.isFinite(amount) && amount >= 0 ? Math.round(amount * 10 ** Number(holder.dataset.digits)) : null;
}

/** The request number that the server gives this use, should its answer have been lost on the way. */
async function triedNumber(code) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code.trim() || "-")));
  const mark = Array.from(digest.subarray(0, MARK_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `web-${form.elements.request_no.value}-${mark}`;
}

function showOutcome(outcome) {
  drawOutcome(document.getElementById("till-outcome"), outcome, words);
  focusCode();
}

/** What becomes of a code without a line: one coupon alone is taken; a sum stays as it is until it can be settled. */
async function outcomeHere(isTried, isSettling) {
  if (hasBasket()) return { kind: isTried && isSettling ? "settle-lost" : "one-only" };
  const code = form.elements.code.value;
  let outcome;
  try {
    const tried = isTried ? await triedNumber(code) : null;
    const entry = await take(placeOf(), { code, billMinor: billMinor(), tried });
    form.elements.code.value = "";
    if (form.elements.bill) form.elements.bill.value = "";
    outcome = { kind: "taken", entry };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    outcome = { kind: line.isLoggedOut ? "logged-out" : error.reason };
  }
  // A number is one attempt's: the next coupon is another use.
  form.elements.request_no.value = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
  return outcome;
}

/** The outcome comes last: who sees it may scan the next code, which nothing holds up then. */
async function takeHere(isTried, isSettling) {
  const outcome = await outcomeHere(isTried, isSettling);
  await redraw();
  showOutcome(outcome);
}

/** Put the parts of the server's page in the place of ours. */
function takeOver(html) {
  // Its styles stand here already, and carry the nonce of another page, which this one's policy reports.
  const fresh = new DOMParser().parseFromString(html.replace(/<style[^>]*>[^<]*<\/style>/g, ""), "text/html");
  for (const id of ["till-outcome", "till-sum", "till-uses"]) {
    const part = fresh.getElementById(id);
    if (part) document.getElementById(id).replaceWith(document.adoptNode(part));
  }
  const sent = fresh.getElementById("till-form");
  if (!sent) return false;
  form.elements.request_no.value = sent.elements.request_no.value;
  for (const name of ["code", "bill"]) form.elements[name].value = sent.elements[name].value;
  form.elements.code.required = sent.elements.code.required;
  document.getElementById("till-go").className = fresh.getElementById("till-go").className;
  nameButton();
  focusCode();
  return true;
}

async function ask(button) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form, button)),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (BROKEN_LINE.has(answer.status)) throw new TypeError("no line");
  return answer;
}

async function redeem(event) {
  event.preventDefault();
  const button = event.submitter;
  const isSettling = button?.id === "till-settle";
  if (!(button?.formNoValidate || form.reportValidity()) || holder.getAttribute("aria-busy") === "true") return;
  holder.setAttribute("aria-busy", "true");
  try {
    if (!line.isUp || !navigator.onLine) return await takeHere(false, isSettling);
    let answer;
    try {
      answer = await ask(button);
    } catch {
      setLine(false);
      line.failures = 1;
      return await takeHere(true, isSettling);
    }
    if (answer.redirected || !takeOver(await answer.text())) location.assign(location.pathname);
  } finally {
    holder.removeAttribute("aria-busy");
    if (!line.isUp) syncSoon();
  }
}

/** Enter moves on: from the bill to the code, from an empty code field to the button that settles. */
function moveOn(event) {
  if (event.key !== "Enter" || event.isComposing) return;
  const { bill, code } = form.elements;
  const settle = document.getElementById("till-settle");
  const next = event.target === bill && !code.value && !hasBasket() ? code : event.target === code && !code.value ? settle : null;
  if (!next) return;
  event.preventDefault();
  next.focus();
}

/** The number that a guest types who cannot show a code; it changes, so that it is asked for again in time. */
async function showNumber() {
  const box = document.getElementById("till-number");
  let againMs = EVERY_MS;
  try {
    const query = new URLSearchParams({ till: placeOf() });
    const answer = await fetch(`${holder.dataset.number}?${query}`, { redirect: "manual", cache: "no-store" });
    if (!answer.ok) throw new Error(`number ${answer.status}`);
    const { number, shown_until: until } = await answer.json();
    box.querySelector("[data-number]").textContent = number;
    box.hidden = false;
    againMs = Math.min(Math.max(Date.parse(until) - Date.now(), TICK_MS), 4 * EVERY_MS);
  } catch {
    box.hidden = true;
  }
  clearTimeout(numberTimer);
  numberTimer = setTimeout(showNumber, againMs);
}

async function start() {
  await navigator.serviceWorker.register("/merchant/redeem/worker.js", { scope: "/merchant/redeem" });
  const registration = await navigator.serviceWorker.ready;
  if (line.isUp) registration.active.postMessage("keep-shell");
  // Asked once: without it a browser that is short of room may drop what waits.
  await navigator.storage?.persist?.().catch(() => false);
}

if (form) {
  showNumber();
  form.addEventListener("keydown", moveOn);
  form.elements.bill.addEventListener("input", nameButton);
  if (window.isSecureContext && "serviceWorker" in navigator && "locks" in navigator) {
    form.addEventListener("submit", redeem);
    form.elements.till.addEventListener("change", () => {
      syncSoon();
      showNumber();
    });
    addEventListener("online", syncSoon);
    addEventListener("offline", () => {
      setLine(false);
      redraw();
    });
    setInterval(redraw, TICK_MS);
    start().catch(() => {});
    syncSoon();
  } else {
    drawState(document.getElementById("till-state"), { isUp: true, obstacle: "insecure", waiting: 0, kit: null }, words);
  }
}
