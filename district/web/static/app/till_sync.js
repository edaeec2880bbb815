// The line: bringing in what was taken, and a fresh kit afterwards. Failures wait longer and longer, with a little chance in it.

import { kitFrom } from "./till_journal.js";
import * as store from "./till_store.js";

const AT_ONCE = 100;
const DEADLINE_MS = 15_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
const KIT_AGE_MS = 5 * 60_000;
const BROKEN = new Set(["gap", "chain-broken", "number-reused"]);

/** The session is over, or somebody else's. */
export class LoggedOut extends Error {}

async function ask(address, options = {}) {
  const answer = await fetch(address, {
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(DEADLINE_MS),
    ...options,
  });
  if (answer.type === "opaqueredirect" || answer.status === 401) throw new LoggedOut();
  return answer;
}

function bodyOf(entries) {
  return JSON.stringify({
    journal: entries[0].journal,
    sent_at: new Date().toISOString(),
    entries: entries.map((one) => ({
      seq: one.seq,
      code: one.code,
      bill_minor: one.billMinor,
      at: new Date(one.atMs).toISOString(),
      tried: one.tried,
      mark: one.mark,
    })),
  });
}

/** The entry with what the server said of it. */
function answered(entry, row) {
  const outcome = row.outcome === "replayed" ? row.was : row.outcome;
  return {
    ...entry,
    state: outcome,
    reason: row.reason,
    discountMinor: row.discount_minor ?? entry.discountMinor,
    firstAt: row.first_at,
    firstTill: row.first_till,
    chargedTo: row.charged_to,
  };
}

async function bringIn(config, entries) {
  const answer = await ask(`${config.upload}?till=${encodeURIComponent(entries[0].place)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Form-Token": config.token },
    body: bodyOf(entries),
  });
  // Another shop's: they wait until somebody of that shop is logged in here.
  if (answer.status === 403 || answer.status === 404) return store.change(entries.map((one) => ({ ...one, isForeign: true })));
  if (!answer.ok) throw new Error(`upload ${answer.status}`);
  const { rows } = await answer.json();
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  await store.change(entries.map((one) => answered(one, bySeq.get(one.seq))));
}

async function bringAllIn(config) {
  const waiting = (await store.entries()).filter((one) => one.state === "waiting");
  for (const journal of new Set(waiting.map((one) => one.journal))) {
    const entries = waiting.filter((one) => one.journal === journal).sort((one, other) => one.seq - other.seq);
    for (let at = 0; at < entries.length; at += AT_ONCE) await bringIn(config, entries.slice(at, at + AT_ONCE));
  }
}

async function renewKit(config) {
  const kept = await store.kitOf(config.place);
  const isOwn = kept && kept.account === config.account;
  const own = (await store.entries()).filter((one) => one.journal === kept?.journal);
  const waits = own.some((one) => one.state === "waiting");
  // The server does not know the entries that would follow: a new journal begins.
  const isBroken = own.some((one) => BROKEN.has(one.reason));
  const isFresh = isOwn && Date.now() - kept.clockMs < KIT_AGE_MS && Date.now() >= kept.clockMs && kept.uses === kept.usesLeft;
  if (waits || isFresh) return;
  const askedMs = Date.now();
  const query = new URLSearchParams({ till: config.place, at: new Date(askedMs).toISOString() });
  if (isOwn && !isBroken) query.set("journal", kept.journal);
  const answer = await ask(`${config.kit}?${query}`);
  if (answer.status === 404 && isOwn) return store.keepKit({ ...kept, account: "" });
  if (!answer.ok) throw new Error(`kit ${answer.status}`);
  await store.keepKit(kitFrom(await answer.json(), config.place, config.account, askedMs, Date.now()));
}

/** Bring in and renew, once; no two tabs at a time. Throws LoggedOut, or what kept it from the line. */
export function sync(config) {
  return navigator.locks.request("till-sync", async () => {
    await bringAllIn(config);
    // The lock under which coupons are taken: a kit must not be replaced while one is written against it.
    await navigator.locks.request(`till-${config.place}`, () => renewKit(config));
    await store.tidy(Date.now());
  });
}

/** Do `work` again and again; it answers how long to wait. Whoever wants it soon is never forgotten, also while it runs. */
export function repeated(work) {
  let timer = null;
  let isAtWork = false;
  let isWanted = false;
  const next = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(turn, ms);
  };
  async function turn() {
    [isAtWork, isWanted] = [true, false];
    let waitsMs = LONGEST_WAIT_MS;
    try {
      waitsMs = await work();
    } finally {
      isAtWork = false;
      next(isWanted ? 0 : waitsMs);
    }
  }
  return function soon() {
    isWanted = true;
    if (!isAtWork) next(0);
  };
}

/** How long to wait after so many failures in a row. */
export function waitMs(failures) {
  const most = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1));
  return most / 2 + Math.random() * (most / 2);
}
