// Shows what shops tell a member through the browser's push service, and leads to it. One worker a district.
//
// Nothing is told of a notification that is swept away: who looks away is not watched.

const SCOPE = new URL(self.registration.scope);
const SLUG = SCOPE.pathname.split("/")[2];
const ICON = "/static/app/mark-192.png";
const WORDS = {
  zh: { title: "您有一条新消息", stop: "不再接收" },
  en: { title: "You have a new message", stop: "Stop these" },
};

function read(data) {
  try {
    const message = data.json();
    return message && typeof message === "object" ? message : {};
  } catch {
    return {};
  }
}

/** An address that may be opened: ours, or the installation's own by its public name. */
function leadsTo(link) {
  try {
    const url = new URL(link || "inbox", SCOPE);
    return ["https:", "http:"].includes(url.protocol) ? url.href : new URL("inbox", SCOPE).href;
  } catch {
    return new URL("inbox", SCOPE).href;
  }
}

/** What became of a message, with the proof that it was read here. A line that is down is no reason to show less. */
async function tell(message, kind) {
  if (!message.tell) return;
  const url = new URL(message.tell, SCOPE);
  if (url.origin !== SCOPE.origin) return;
  await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: message.id, kind, proof: message.proof }),
    credentials: "omit",
    keepalive: true,
  }).catch(() => undefined);
}

async function show(message) {
  const words = WORDS[message.lang] ?? WORDS.en;
  await self.registration.showNotification(message.title || words.title, {
    body: message.body || "",
    lang: message.lang || "en",
    tag: message.id || "message",
    icon: ICON,
    badge: ICON,
    data: message,
    actions: message.stop ? [{ action: "stop", title: words.stop }] : [],
  });
  await tell(message, "shown");
}

async function open(href) {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const own = windows.find((one) => new URL(one.url).pathname.startsWith(SCOPE.pathname));
  if (own && new URL(href).origin === SCOPE.origin) {
    try {
      await own.focus();
      if (await own.navigate(href)) return;
    } catch {
      // A page that this worker does not control cannot be led: a new one opens.
    }
  }
  await self.clients.openWindow(href);
}

async function click(notification, action) {
  const message = notification.data ?? {};
  notification.close();
  const isStop = action === "stop" && message.stop;
  await Promise.all([open(leadsTo(isStop ? message.stop : message.link)), isStop ? undefined : tell(message, "clicked")]);
}

function bytesOf(key) {
  const raw = atob(key.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

/** The browser has given up its subscription: a new one, told to the member's district. */
async function renew(fresh) {
  const answer = await fetch(`/v1/districts/${SLUG}/push-key`);
  if (!answer.ok) return;
  const { public_key: key } = await answer.json();
  if (!key) return;
  const subscription =
    fresh ??
    (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(key) }));
  await fetch("/v1/me/push-subscriptions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(subscription),
  });
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(show(event.data ? read(event.data) : {})));
self.addEventListener("notificationclick", (event) => event.waitUntil(click(event.notification, event.action)));
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event.newSubscription)));
