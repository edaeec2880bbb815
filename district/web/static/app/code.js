// A coupon's code is new every half minute: fetched when its time is over, with a bar for the time that is left.
//
// <div data-code="/address of the code as HTML" data-step="30" data-old="… {} seconds …">
//   <div data-shown>the code: [data-left] is how many milliseconds it is the one</div><progress></progress><p hidden></p>
// </div>
// Without a line the code grows old: it is greyed, and the page says how old it is and goes on asking.

const RETRY_MS = 3000;
const OLD_AFTER_MS = 5000;
const place = document.querySelector("[data-code]");

function start() {
  const shown = place.querySelector("[data-shown]");
  const bar = place.querySelector("progress");
  const told = place.querySelector("[role=status]");
  const stepMs = place.dataset.step * 1000;
  let ends = 0, asked = 0, isAsking = false;

  const read = () => { ends = performance.now() + Number(shown.querySelector("[data-left]").dataset.left); };

  async function ask() {
    isAsking = true;
    asked = performance.now();
    try {
      const answer = await fetch(place.dataset.code, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(RETRY_MS * 2) });
      if (answer.status === 200) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        shown.replaceChildren(...fresh.body.childNodes);
        read();
      } else if (answer.status < 500) location.replace(location.pathname); // used, over or logged out: the page says which
    } catch { /* no line: show() says so, and asks again */ }
    isAsking = false;
  }

  function show() {
    const leftMs = ends - performance.now();
    bar.value = Math.max(0, leftMs);
    const isOld = leftMs < -OLD_AFTER_MS;
    place.classList.toggle("is-old", isOld);
    told.hidden = !isOld;
    if (isOld) told.textContent = place.dataset.old.replace("{}", Math.round((stepMs - leftMs) / 1000));
    if (leftMs <= 0 && !isAsking && performance.now() - asked > (asked && leftMs < -RETRY_MS ? RETRY_MS : 500)) ask();
  }

  read();
  show();
  setInterval(show, 250);
  // A telephone that was in a pocket shows a code of long ago: the next one at once.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) show(); });
}

if (place) start();
