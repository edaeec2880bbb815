// Be a shopper: the visitor's own pin. Where it is put is posted like a telephone's position, and again while it rests
// there, as access points keep hearing a telephone; what arrives is shown at once.

import { openMap, dragPin } from "/static/app/map.js";
import { openStream } from "/static/app/live.js";

const EVERY_MS = 15_000;
const script = document.getElementById("pin-script");
const note = document.getElementById("pin-note");
const token = document.querySelector("#tap-form input[name=form_token]").value;
let at = { lon: Number(script.dataset.lon), lat: Number(script.dataset.lat) };
let timer = 0;

async function tell() {
  clearTimeout(timer);
  timer = setTimeout(tell, EVERY_MS);
  let isSent = false;
  try {
    const answer = await fetch("/demo/pin", {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ form_token: token, lon: at.lon, lat: at.lat }),
    });
    isSent = answer.ok && (await answer.json()).accepted > 0;
  } catch {
    isSent = false; // off line: the next try is due soon
  }
  note.textContent = isSent ? note.dataset.sent : note.dataset.failed;
}

async function showArrivals() {
  const answer = await fetch("/demo/arrivals");
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const box = document.getElementById("arrivals");
  box.replaceChildren(...fresh.body.childNodes);
  box.firstElementChild?.classList.add("fresh");
}

document.getElementById("pin-frame").hidden = false;
document.getElementById("tap-form").hidden = true;
const shown = openMap(document.getElementById("pin-map"));
dragPin(shown, { ...at, label: script.dataset.label, onMove: (moved) => { at = moved; tell(); } });
// From what the page shows on: an offer may come before the stream is open.
openStream(`/v1/me/inbox/stream?after=${script.dataset.after}`, { events: ["item"], onMessage: showArrivals });
tell();
