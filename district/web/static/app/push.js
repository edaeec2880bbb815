// Notifications of this browser: turned on and off on their page, and told to the server anew on each page that loads this.
//
// <section data-push="the district's slug">, within it one <div data-push-state="…"> for each state, of which one is shown:
// off, on, denied, unsupported, home, insecure, failed. Elsewhere an element with data-push-hint="slug" shows where to turn them on.

const PATIENCE_MS = 10_000;
const TRIES = 3;

const card = document.querySelector("[data-push]");
const hint = document.querySelector("[data-push-hint]");
const slug = card?.dataset.push ?? hint?.dataset.pushHint;
const kept = `push:${slug}`;

function bytesOf(key) {
  const raw = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

function sameKey(subscription, key) {
  const held = subscription.options?.applicationServerKey;
  if (!held) return true;
  const [one, other] = [new Uint8Array(held), bytesOf(key)];
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function remember(id) {
  try {
    if (id) localStorage.setItem(kept, id);
    else localStorage.removeItem(kept);
  } catch {
    // A browser that keeps nothing asks again.
  }
}

function remembered() {
  try {
    return localStorage.getItem(kept);
  } catch {
    return null;
  }
}

function support() {
  if (!window.isSecureContext) return "insecure";
  if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window) return "";
  const isApple = /iPhone|iPad/.test(navigator.userAgent) && !navigator.standalone;
  return isApple && "serviceWorker" in navigator ? "home" : "unsupported";
}

async function publicKey() {
  const answer = await fetch(`/v1/districts/${slug}/push-key`, { headers: { Accept: "application/json" } });
  return answer.ok ? (await answer.json()).public_key : null;
}

async function registration() {
  await navigator.serviceWorker.register(`/d/${slug}/push_worker.js`, { scope: `/d/${slug}/` });
  const found = await navigator.serviceWorker.getRegistration(`/d/${slug}/`);
  if (found.active) return found;
  const worker = found.installing ?? found.waiting;
  await new Promise((resolve) => {
    worker.addEventListener("statechange", () => worker.state === "activated" && resolve());
    if (worker.state === "activated") resolve();
  });
  return found;
}

/** Browsers that have just started may never answer the first time. */
async function subscribed(worker, key) {
  for (let left = TRIES; ; left -= 1) {
    const asked = worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) });
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE_MS));
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      if (left <= 1 || error.message !== "late") throw error;
    }
  }
}

async function told(subscription) {
  const answer = await fetch("/v1/me/push-subscriptions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(subscription),
  });
  if (answer.status === 409) return { state: "gone" };
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

/** A subscription with today's key that the server knows. */
async function settle(worker, key) {
  let subscription = await worker.pushManager.getSubscription();
  if (subscription && !sameKey(subscription, key)) {
    await subscription.unsubscribe();
    subscription = null;
  }
  subscription ??= await subscribed(worker, key);
  let answer = await told(subscription);
  if (answer.state === "gone") {
    await subscription.unsubscribe();
    answer = await told(await subscribed(worker, key));
  }
  remember(answer.id);
}

/** A page is opened: what was turned on stays on, and what the browser has taken back is taken back here. */
async function resync(key) {
  const id = remembered();
  if (!id) return false;
  if (Notification.permission !== "granted") {
    await fetch(`/v1/me/push-subscriptions/${id}`, { method: "DELETE" });
    remember(null);
    return false;
  }
  await settle(await registration(), key);
  return true;
}

async function turnOn(key) {
  if ((await Notification.requestPermission()) !== "granted") return Notification.permission === "denied" ? "denied" : "off";
  const agreed = await fetch(`/d/${slug}/notifications/agree${location.search}`, {
    method: "POST",
    headers: { "X-Form-Token": card.dataset.formToken },
  });
  if (!agreed.ok) throw new Error(`status ${agreed.status}`);
  await settle(await registration(), key);
  return "on";
}

async function turnOff() {
  const worker = await navigator.serviceWorker.getRegistration(`/d/${slug}/`);
  const subscription = await worker?.pushManager.getSubscription();
  const id = remembered();
  if (id) await fetch(`/v1/me/push-subscriptions/${id}`, { method: "DELETE" });
  await subscription?.unsubscribe();
  remember(null);
  return "off";
}

function show(state) {
  if (!card) return;
  for (const part of card.querySelectorAll("[data-push-state]")) part.hidden = part.dataset.pushState !== state;
  card.dataset.state = state;
  card.removeAttribute("aria-busy");
}

async function attempt(step) {
  card.setAttribute("aria-busy", "true");
  for (const button of card.querySelectorAll("button[data-push-act]")) button.disabled = true;
  try {
    show(await step());
  } catch {
    show("failed");
  }
  for (const button of card.querySelectorAll("button[data-push-act]")) button.disabled = false;
}

async function start() {
  const lacking = support();
  if (lacking) return show(lacking);
  const key = await publicKey();
  if (!key) return undefined;
  card?.addEventListener("click", ({ target }) => {
    const act = target.closest("[data-push-act]")?.dataset.pushAct;
    if (act) attempt(act === "on" ? () => turnOn(key) : turnOff);
  });
  if (Notification.permission === "denied") show("denied");
  const isOn = await resync(key);
  if (Notification.permission !== "denied") show(isOn ? "on" : "off");
  if (hint) hint.hidden = isOn || Notification.permission === "denied";
  return undefined;
}

if (slug) start().catch(() => show("failed"));
