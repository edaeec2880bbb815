// The till page without a line: its shell, modules and styles from the cache; answers never. VERSION, SHELL and ASSETS stand above.

const CACHE = `till-${VERSION}`;
const PATIENCE_MS = 6_000;
const BROKEN_LINE = new Set([502, 503, 504]);

/** The shell is somebody's page: it is kept only while he is logged in. */
async function keepShell() {
  const cache = await caches.open(CACHE);
  const answer = await fetch(SHELL, { redirect: "manual", cache: "no-store", credentials: "same-origin" });
  if (answer.ok) await cache.put(SHELL, answer);
  else if (answer.type === "opaqueredirect") await cache.delete(SHELL);
}

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(ASSETS);
  await keepShell();
  await self.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith("till-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

function inTime(request) {
  return Promise.race([
    fetch(request),
    new Promise((_resolve, reject) => setTimeout(() => reject(new Error("no answer in time")), PATIENCE_MS)),
  ]);
}

async function page(request) {
  try {
    const answer = await inTime(request);
    if (!BROKEN_LINE.has(answer.status)) return answer;
  } catch {
    // The line is away: the shell says so.
  }
  return (await caches.match(SHELL)) ?? Response.error();
}

async function asset(request) {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept && new URL(request.url).pathname.startsWith("/static/vendor/")) return kept;
  try {
    const answer = await inTime(request);
    if (answer.ok || !kept) return answer;
  } catch (error) {
    if (!kept) throw error;
  }
  return kept;
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => {
  if (event.data === "keep-shell") event.waitUntil(keepShell().catch(() => {}));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.mode === "navigate" && address.pathname === "/merchant/redeem") event.respondWith(page(request));
  else if (address.pathname.startsWith("/static/")) event.respondWith(asset(request));
});
