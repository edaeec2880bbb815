// A member's inbox while it is open: a message that arrives brings the list anew, as the server words it.
//
// <section data-inbox="/address of the stream" data-list="/address of the list as HTML">…</section>

import { openStream } from "./live.js";

const RETRY_MS = 3_000;
const inbox = document.querySelector("[data-inbox]");

async function refresh() {
  const answer = await fetch(inbox.dataset.list, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`list ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  inbox.replaceChildren(...fresh.body.childNodes);
  inbox.querySelector("li")?.classList.add("fresh");
}

let again = 0;

// A list that does not come, on a line that broke or from a server that is busy, is asked for again.
function refreshSoon() {
  clearTimeout(again);
  refresh().catch(() => { again = setTimeout(refreshSoon, RETRY_MS); });
}

if (inbox) openStream(inbox.dataset.inbox, { events: ["item"], onMessage: refreshSoon });
