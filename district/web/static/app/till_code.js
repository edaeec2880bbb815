// Reading and checking the signed code of a member's page without asking anybody; the layout is push/signed_code.py's.

const PREFIX = "SQ1";
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CONTEXT = new TextEncoder().encode("shangquan coupon 1\0");
const SIGNATURE_BYTES = 64;
const FIXED_BYTES = 62;
const MOST_SYMBOLS = 524;
const OFFLINE_FLAG = 1;
const STEP_MS = 30_000;
const GRACE_MS = 5_000;
// What two clocks that were set to each other hours ago may differ by.
const DRIFT_MS = 30_000;
const KINDS = ["none", "amount", "percent", "gift", "in_store_price"];
const FIGURES = ["minor_units", "percent", "min_spend_minor", "max_discount_minor", "price_minor", "regular_minor"];

/** Why a code is not taken; `reason` is the key of its words. */
export class Refused extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** The symbols of a scanned or typed text, as the server cleans them. */
export function cleaned(text) {
  return text
    .slice(0, MOST_SYMBOLS)
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[\p{Zs}\p{Pd}\p{Cc}\p{Cf}\u2212]/gu, "")
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1");
}

export const isSigned = (text) => cleaned(text).startsWith(PREFIX);

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const unbase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function unpack(symbols) {
  const bytes = new Uint8Array(Math.floor((symbols.length * 5) / 8));
  let held = 0;
  let bits = 0;
  let place = 0;
  for (const symbol of symbols) {
    const value = ALPHABET.indexOf(symbol);
    if (value < 0) throw new Refused("unknown");
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[place++] = (held >> bits) & 255;
      held &= (1 << bits) - 1;
    }
  }
  if (bits >= 5 || held !== 0) throw new Refused("unknown");
  return bytes;
}

function readValue(raw) {
  const kind = KINDS[raw[0]];
  if (kind === undefined || raw.length < 2) throw new Refused("unknown");
  const value = { type: kind };
  let at = 2;
  FIGURES.forEach((name, place) => {
    if (!((raw[1] >> place) & 1)) return;
    let figure = 0;
    let scale = 1;
    for (;;) {
      const byte = raw[at++];
      if (byte === undefined || scale > 2 ** 28) throw new Refused("unknown");
      figure += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) break;
    }
    value[name] = figure;
  });
  if (at !== raw.length) throw new Refused("unknown");
  return value;
}

function read(payload) {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    keyId: payload[0],
    districtTag: hex(payload.subarray(1, 9)),
    offerTag: hex(payload.subarray(17, 25)),
    storeTag: hex(payload.subarray(41, 49)),
    shownMs: view.getUint32(49) * STEP_MS,
    validUntilMs: view.getUint32(53) * 1000,
    isOfflineOk: (payload[57] & OFFLINE_FLAG) === OFFLINE_FLAG,
    value: readValue(payload.subarray(FIXED_BYTES)),
  };
}

async function isSignedBy(publicKey, signature, message) {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch (error) {
    // Browsers before 2025 do not know Ed25519.
    if (error.name !== "NotSupportedError") return false;
    const { verifyAsync } = await import("noble-ed25519");
    return verifyAsync(signature, message, publicKey).catch(() => false);
  }
}

/** What a code says, once one of the kit's keys has signed it for this district. Throws Refused. */
export async function decode(text, kit) {
  const symbols = cleaned(text);
  if (!symbols.startsWith(PREFIX)) throw new Refused("unsigned");
  const whole = unpack(symbols.slice(PREFIX.length));
  const payload = whole.subarray(0, -SIGNATURE_BYTES);
  if (whole.length <= FIXED_BYTES + SIGNATURE_BYTES) throw new Refused("unknown");
  const district = Uint8Array.from(kit.districtId.replace(/-/g, "").match(/../g), (pair) => parseInt(pair, 16));
  const key = kit.keys.find((one) => one.id === payload[0]);
  if (!key || hex(payload.subarray(1, 9)) !== hex(district.subarray(8))) throw new Refused("forged");
  const message = new Uint8Array([...CONTEXT, ...district, ...payload]);
  if (!(await isSignedBy(key.public, whole.subarray(-SIGNATURE_BYTES), message))) throw new Refused("forged");
  const code = read(payload);
  if (key.retiresMs !== null && code.shownMs >= key.retiresMs) throw new Refused("forged");
  return code;
}

/** Whether it may be taken now at this till. Throws Refused. `now`: { machineMs, businessMs } as the server would tell them. */
export function judge(code, kit, now) {
  if (!code.isOfflineOk) throw new Refused("online-only");
  if (code.storeTag !== kit.storeTag) throw new Refused("other");
  const begins = code.shownMs - GRACE_MS - DRIFT_MS;
  if (now.machineMs < begins || now.machineMs >= code.shownMs + STEP_MS + GRACE_MS + DRIFT_MS) throw new Refused("stale");
  if (now.businessMs >= code.validUntilMs) throw new Refused("expired");
  if (kit.gone.has(code.offerTag)) throw new Refused("used");
}

/** What it takes off, as the server reckons it; null for a percentage of a bill that nobody typed. Throws Refused. */
export function discountMinor(value, billMinor) {
  const bill = billMinor ?? null;
  if (bill !== null && bill < (value.min_spend_minor ?? 0)) throw new Refused("bill-small");
  const within = (off) => Math.min(off, bill ?? off, value.max_discount_minor ?? off);
  switch (value.type) {
    case "amount":
      return within(value.minor_units);
    case "percent":
      return bill === null ? null : within(Math.floor((bill * value.percent + 50) / 100));
    case "in_store_price":
      return bill === null || bill >= value.regular_minor ? within(value.regular_minor - value.price_minor) : 0;
    default:
      return 0;
  }
}
