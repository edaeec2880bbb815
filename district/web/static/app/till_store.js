// What a till keeps in its browser: kits, and what was taken off line. Nothing here is forgotten before the server has answered it.

const NAME = "district-till";
const VERSION = 1;
const KEPT_MS = 24 * 3600 * 1000;

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("kits", { keyPath: "place" });
      request.result.createObjectStore("entries", { keyPath: ["journal", "seq"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function transact(stores, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    // "strict": it is on the disk before the cashier is told that the coupon is taken.
    const transaction = database.transaction(stores, mode, { durability: "strict" });
    const result = work(transaction);
    transaction.oncomplete = () => resolve(result?.result ?? result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const kitOf = (place) => transact(["kits"], "readonly", (t) => t.objectStore("kits").get(place)).then(asRow);

// An IDBRequest's result of nothing is undefined; the request itself must never leave.
const asRow = (found) => (found instanceof IDBRequest ? null : found);

export const keepKit = (kit) => transact(["kits"], "readwrite", (t) => void t.objectStore("kits").put(kit));

/** Write an entry and its kit's new counts in one go. */
export const add = (entry, kit) =>
  transact(["kits", "entries"], "readwrite", (t) => {
    t.objectStore("entries").add(entry);
    t.objectStore("kits").put(kit);
  });

export const change = (entries) =>
  transact(["entries"], "readwrite", (t) => entries.forEach((one) => t.objectStore("entries").put(one)));

export const drop = (entry) =>
  transact(["entries"], "readwrite", (t) => void t.objectStore("entries").delete([entry.journal, entry.seq]));

/** All entries of all tills of this browser, in their order. */
export const entries = () =>
  transact(["entries"], "readonly", (t) => t.objectStore("entries").getAll()).then((found) =>
    found.sort((one, other) => one.atMs - other.atMs || one.seq - other.seq),
  );

/** Forget what was answered a day ago; conflicts stay until somebody has seen them. */
export async function tidy(nowMs) {
  const old = (await entries()).filter(
    (one) => one.atMs < nowMs - KEPT_MS && (one.state === "redeemed" || (one.state !== "waiting" && one.isSeen)),
  );
  for (const one of old) await drop(one);
}

/** Log-out: without a kit nothing more is taken. What waits stays, and is brought in by who logs in here again. */
export async function forget() {
  await transact(["kits"], "readwrite", (t) => void t.objectStore("kits").clear());
  await Promise.all((await caches.keys()).filter((name) => name.startsWith("till-")).map((name) => caches.delete(name)));
}

/** Log-out by the button: other devices of the till may have what this one holds of its quota, if there is a line. */
export async function leave() {
  const kits = await transact(["kits"], "readonly", (t) => t.objectStore("kits").getAll());
  await forget();
  const token = document.querySelector('form[action="/logout"] [name=form_token]')?.value ?? "";
  await Promise.allSettled(
    kits.map(({ place, journal }) =>
      fetch(`/merchant/redeem/offline-kit/back?${new URLSearchParams({ till: place, journal })}`, {
        method: "POST",
        headers: { "X-Form-Token": token },
        redirect: "manual",
        signal: AbortSignal.timeout(2_000),
      }),
    ),
  );
}
