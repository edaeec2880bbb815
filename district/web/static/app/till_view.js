// What the till page shows of its line, its quota and what it took; all words come from the page.

const TONES = { up: "green", down: "orange", stop: "red" };

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_whole, name) => values[name] ?? "");

const clock = (ms) =>
  new Date(ms).toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    timeZone: document.body.dataset.zone,
  });

function money(minor, currency) {
  const format = new Intl.NumberFormat(document.documentElement.lang, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

function worth(entry, words) {
  if (entry.discountMinor) return fill(words.off, { amount: money(entry.discountMinor, entry.currency) });
  if (entry.value.type === "percent") return fill(words.off, { amount: `${entry.value.percent}%` });
  return entry.value.type === "gift" ? words.gift : "";
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/** The bar: whether there is a line, what waits, what is left, and what stops the till. */
export function drawState(bar, state, words) {
  const stop = state.obstacle && state.obstacle !== "insecure" && (!state.isUp || state.obstacle === "logged-out");
  const tone = stop ? TONES.stop : state.isUp ? TONES.up : TONES.down;
  const parts = [state.isUp ? words.up : fill(words.down, { time: clock(state.sinceMs) })];
  if (state.obstacle && (stop || state.obstacle === "insecure")) parts.push(words.stops[state.obstacle]);
  const told = [fill(words.waiting, { count: state.waiting })];
  if (state.kit) {
    const { uses, usesLeft } = state.kit;
    told.push(uses ? fill(words.quota, { left: usesLeft, all: uses }) : words.stops["no-quota"]);
    if (state.nowMs < state.kit.validUntilMs) {
      const untilMs = Date.now() + state.kit.validUntilMs - state.nowMs;
      told.push(fill(words.list, { time: clock(untilMs) }));
    }
  } else if (state.obstacle === "insecure") {
    told.length = 0;
  }
  const text = JSON.stringify([tone, parts, told]);
  if (bar.dataset.drawn === text) return;
  bar.dataset.drawn = text;
  bar.dataset.line = state.isUp ? "up" : "down";
  bar.dataset.obstacle = stop ? state.obstacle : "";
  bar.replaceChildren(element("span", `status-dot ${state.isUp ? "" : "status-dot-animated "}bg-${tone}`));
  const said = element("div", "flex-fill");
  said.append(element("b", "", parts.join(" · ")));
  if (told.length) said.append(element("div", "text-secondary small", told.join(" · ")));
  bar.append(said);
}

/** A large answer, as the server's own looks. outcome: { kind, entry } */
export function drawOutcome(place, outcome, words) {
  const isGood = outcome.kind === "taken";
  const [title, text] = words.outcomes[outcome.kind] ?? words.outcomes.unknown;
  const box = element("div", `outcome ${isGood ? "held" : "bad"}`);
  box.setAttribute("role", isGood ? "status" : "alert");
  box.dataset.outcome = isGood ? "taken" : outcome.kind;
  box.append(element("h2", "", title));
  if (isGood && worth(outcome.entry, words)) {
    const line = element("p", "");
    line.append(element("b", "", worth(outcome.entry, words)));
    box.append(line);
  }
  box.append(element("p", "", text));
  place.replaceChildren(box);
}

function badge(entry, words) {
  const tones = { waiting: "orange", redeemed: "green", conflict: "red", refused: "red" };
  return element("span", `badge bg-${tones[entry.state]}-lt`, words.states[entry.state]);
}

function reasonOf(entry, words) {
  if (entry.isForeign && entry.state === "waiting") return words.foreign;
  if (entry.state === "conflict" && entry.firstAt) {
    const borne = words.borne[entry.chargedTo] ?? "";
    return `${fill(words.first, { time: clock(Date.parse(entry.firstAt)) })} ${borne}`.trim();
  }
  return entry.state === "conflict" || entry.state === "refused" ? (words.reasons[entry.reason] ?? words.reasons.other) : "";
}

/** What was taken off line: what waits, what became of it, and conflicts until somebody has seen them. */
export function drawEntries(card, entries, words, onSeen) {
  const shown = entries.filter((one) => !one.isSeen).reverse().slice(0, 50);
  const text = JSON.stringify(shown.map((one) => [one.journal, one.seq, one.state, one.reason, one.isForeign]));
  if (card.dataset.drawn === text) return;
  card.dataset.drawn = text;
  card.hidden = shown.length === 0;
  const body = card.querySelector("tbody");
  body.replaceChildren();
  for (const entry of shown) {
    const row = body.insertRow();
    row.dataset.state = entry.state;
    row.append(element("td", "text-nowrap", clock(entry.atMs)));
    const said = element("td", "", worth(entry, words));
    said.append(element("div", "text-secondary small", reasonOf(entry, words)));
    const state = element("td", "text-end");
    state.append(badge(entry, words));
    row.append(said, state);
    const done = row.insertCell();
    done.className = "text-end";
    if (entry.state === "waiting") continue;
    const button = element("button", "btn btn-sm", words.seen);
    button.type = "button";
    button.addEventListener("click", () => onSeen(entry));
    done.append(button);
  }
}
