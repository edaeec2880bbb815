// One server-sent stream for a page: reconnects, says how old the shown state is, fills [data-live] elements.
//
// <body> or any element with data-live-stream="/address" starts it. Each message is JSON:
//   {"as_of": "2026-01-02T12:00:00Z", "values": {"members": "1,284", …}, …anything else for the page}
// values[name] (already formatted by the server) replaces the text of every element with data-live="name".
// Pages listen for more: document.addEventListener("district:live", (event) => event.detail.message).

const STALE_AFTER_MS = 25_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export function openStream(address, { onMessage, onState = () => {}, events = ["message"] }) {
  let source = null;
  let retryMs = FIRST_RETRY_MS;
  let retryTimer = 0;
  let staleTimer = 0;
  let isClosed = false;

  const isAlive = () => {
    clearTimeout(staleTimer);
    staleTimer = setTimeout(() => onState("stale"), STALE_AFTER_MS);
  };
  const receive = (event) => {
    isAlive();
    retryMs = FIRST_RETRY_MS;
    onState("live");
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return; // a heartbeat without content
    }
    onMessage(message, event);
  };
  const connect = () => {
    source = new EventSource(address);
    source.addEventListener("open", isAlive);
    for (const name of [...events, "heartbeat"]) source.addEventListener(name, receive);
    source.addEventListener("error", () => {
      onState("stale");
      if (source.readyState !== EventSource.CLOSED || isClosed) return; // the browser itself retries
      retryTimer = setTimeout(connect, retryMs * (0.5 + Math.random()));
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    });
  };
  const close = () => {
    isClosed = true;
    clearTimeout(retryTimer);
    clearTimeout(staleTimer);
    source?.close();
  };
  connect();
  addEventListener("pagehide", close, { once: true });
  return { close };
}

function fill(values) {
  for (const [name, text] of Object.entries(values)) {
    for (const element of document.querySelectorAll(`[data-live="${CSS.escape(name)}"]`)) {
      if (element.textContent === String(text)) continue;
      element.textContent = text;
      element.classList.remove("fresh");
      void element.offsetWidth; // restarts the animation
      element.classList.add("fresh");
    }
  }
}

export function showAsOf(asOf) {
  const shown = new Intl.DateTimeFormat(document.documentElement.lang, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    timeZone: document.querySelector("[data-zone]")?.dataset.zone || undefined,
  }).format(new Date(asOf));
  for (const element of document.querySelectorAll("[data-as-of], [data-stale-since]")) element.textContent = shown;
}

export function startLivePage() {
  const holder = document.querySelector("[data-live-stream]");
  if (!holder) return null;
  const banner = document.querySelector("[data-stale]");
  return openStream(holder.dataset.liveStream, {
    onMessage(message) {
      if (message.values) fill(message.values);
      if (message.as_of) showAsOf(message.as_of);
      document.dispatchEvent(new CustomEvent("district:live", { detail: { message } }));
    },
    onState(state) {
      if (banner) banner.hidden = state === "live";
    },
  });
}
