// Taking a coupon off line: checked by the kit, counted against its quota, chained to the entry before it, written down.

import { Refused, decode, discountMinor, hex, judge } from "./till_code.js";
import * as store from "./till_store.js";

// A clock that goes back by more than this was set by somebody: nothing is taken until the server has told the time.
const BACK_MS = 60_000;

/** The server's times, from this machine's clock and what the kit measured. */
export function now(kit) {
  const sinceMs = Date.now() - kit.clockMs;
  return { machineMs: kit.machineMs + sinceMs, businessMs: kit.businessMs + sinceMs * kit.businessSpeed };
}

/** What keeps a kit from being used; "" when nothing does. */
export function obstacle(kit) {
  if (!kit) return "no-kit";
  if (Date.now() < kit.lastMs - BACK_MS) return "clock-back";
  if (now(kit).machineMs >= kit.validUntilMs) return "list-old";
  if (kit.uses < 1) return "no-quota";
  if (kit.usesLeft < 1) return "quota";
  return "";
}

/** A kit as it is kept, from the server's answer; `askedMs` and `gotMs`: this machine's clock around the request. */
export function kitFrom(answer, place, account, askedMs, gotMs) {
  const raw = Uint8Array.from(atob(answer.gone), (letter) => letter.charCodeAt(0));
  const gone = new Set();
  for (let at = 0; at + 8 <= raw.length; at += 8) gone.add(hex(raw.subarray(at, at + 8)));
  return {
    place,
    account,
    journal: answer.journal,
    key: Uint8Array.from(atob(answer.journal_key), (letter) => letter.charCodeAt(0)),
    lastSeq: answer.last_seq,
    lastMark: answer.last_mark ?? answer.journal,
    districtId: answer.district_id,
    storeTag: answer.store_tag,
    keys: answer.keys.map((one) => ({
      id: one.id,
      public: Uint8Array.from(atob(one.public), (letter) => letter.charCodeAt(0)),
      retiresMs: one.retires_at === null ? null : Date.parse(one.retires_at),
    })),
    gone,
    uses: answer.quota.uses,
    usesLeft: answer.quota.uses,
    minorLeft: answer.quota.minor_units,
    currency: answer.currency,
    clockMs: (askedMs + gotMs) / 2,
    lastMs: gotMs,
    machineMs: Date.parse(answer.server_time),
    businessMs: Date.parse(answer.business_time),
    businessSpeed: answer.business_speed,
    validUntilMs: Date.parse(answer.valid_until),
  };
}

async function markOf(kit, entry) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", kit.key, algorithm, false, ["sign"]);
  const parts = [kit.lastMark, entry.seq, entry.code, entry.billMinor ?? "", entry.atMs, entry.tried ?? ""];
  return hex(new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(parts.join("|")))));
}

/** Take a coupon; one at a time, whatever tabs are open. Throws Refused. */
export function take(place, { code, billMinor, tried }) {
  return navigator.locks.request(`till-${place}`, async () => {
    const kit = await store.kitOf(place);
    const stopped = obstacle(kit);
    if (stopped) throw new Refused(stopped);
    const read = await decode(code, kit);
    judge(read, kit, now(kit));
    const known = await store.entries();
    if (known.some((one) => one.offerTag === read.offerTag && one.state !== "refused")) throw new Refused("used");
    const discount = discountMinor(read.value, billMinor);
    if ((discount ?? 0) > kit.minorLeft) throw new Refused("quota");
    const entry = {
      place,
      journal: kit.journal,
      seq: kit.lastSeq + 1,
      code: code.trim(),
      billMinor: billMinor ?? null,
      tried: tried ?? null,
      atMs: Date.now(),
      offerTag: read.offerTag,
      value: read.value,
      currency: kit.currency,
      discountMinor: discount,
      state: "waiting",
    };
    entry.mark = await markOf(kit, entry);
    await store.add(entry, {
      ...kit,
      lastSeq: entry.seq,
      lastMark: entry.mark,
      usesLeft: kit.usesLeft - 1,
      minorLeft: kit.minorLeft - (discount ?? 0),
      lastMs: Math.max(kit.lastMs, entry.atMs),
    });
    return entry;
  });
}
