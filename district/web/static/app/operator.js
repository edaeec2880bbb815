// The operator's live page: paints zones and heat from the stream, runs the ticker, draws the hours.

import { drawChart } from "./chart.js";
import { liveLayer, openMap, popupOn } from "./map.js";

const LINES_MOST = 60;
const CHART_EVERY_MS = 60_000;
const read = (id) => JSON.parse(document.getElementById(id).textContent);

const words = read("words");
const areas = read("areas");
const shown = openMap(document.getElementById("live-map"));
const layers = { areas: liveLayer(shown, "areas", { kind: "areas" }), heat: liveLayer(shown, "heat", { kind: "heat" }) };
layers.areas.set(areas);
// The heat is given as points 25 m apart: wide enough to flow into one another.
shown.ready.then(() => {
  shown.map.setPaintProperty("heat", "heatmap-radius", ["interpolate", ["exponential", 2], ["zoom"], 13, 10, 18, 240]);
  shown.map.setPaintProperty("heat", "heatmap-intensity", 0.18);
  shown.map.setPaintProperty("areas-edge", "line-width", 1.4);
  shown.map.setPaintProperty("areas-edge", "line-opacity", 0.7);
});
popupOn(shown, "areas", ({ properties }) => [
  properties.name,
  `${words.members}: ${properties.members}`,
  `${words.others}: ${properties.others}`,
]);

for (const button of document.querySelectorAll("[data-layer]")) {
  button.addEventListener("click", () => {
    const isShown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isShown));
    layers[button.dataset.layer].show(isShown);
  });
}

const pause = document.querySelector("[data-pause]");
let isPaused = false;
let missed = null;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
  [pause.textContent, pause.dataset.resume] = [pause.dataset.resume, pause.textContent];
  if (!isPaused && missed) paint(missed);
});

function paint(message) {
  if (message.points) layers.heat.set(message.points);
  for (const feature of areas.features) Object.assign(feature.properties, message.zones?.[feature.properties.id]);
  layers.areas.set(areas);
}

const ticker = document.getElementById("ticker");
const blank = document.getElementById("tick").content.firstElementChild;

function tick(line) {
  const item = blank.cloneNode(true);
  item.dataset.kind = line.kind;
  for (const part of item.querySelectorAll("[data-part]")) part.textContent = line[part.dataset.part];
  item.classList.add("fresh");
  ticker.prepend(item);
}

let isFirst = true;
function run(lines) {
  if (!lines?.length) return;
  document.querySelector("[data-ticker-empty]").hidden = true;
  if (isFirst) ticker.replaceChildren(); // the stream starts with the lines that the page was made with
  isFirst = false;
  for (const line of lines) tick(line);
  while (ticker.children.length > LINES_MOST) ticker.lastElementChild.remove();
}

document.addEventListener("district:live", ({ detail: { message } }) => {
  document.querySelector("[data-unknown]").hidden = message.is_known;
  run(message.ticker);
  if (isPaused) missed = message;
  else paint(message);
});

// An hour that is suppressed is a gap, not a zero.
const hours = document.getElementById("hours");
const hourOf = (start) => new Intl.DateTimeFormat("en-GB", { hour: "2-digit", hourCycle: "h23", timeZone: document.body.dataset.zone }).format(new Date(start));
const series = async (address) => (await (await fetch(address, { headers: { accept: "application/json" } })).json()).rows ?? [];
let chart = null;

async function drawHours() {
  const [today, before] = await Promise.all([series(hours.dataset.today), series(hours.dataset.before)]);
  const option = {
    grid: { left: 8, right: 8, top: 34, bottom: 4, containLabel: true },
    legend: { top: 0, left: 0, itemWidth: 14 },
    tooltip: { trigger: "axis" },
    xAxis: { type: "category", data: today.map((row) => hourOf(row.start)), axisTick: { show: false } },
    yAxis: { type: "value", minInterval: 1, splitNumber: 4 },
    series: [
      { name: hours.dataset.labelToday, type: "bar", data: today.map((row) => row.value), itemStyle: { borderRadius: [3, 3, 0, 0] }, barMaxWidth: 18 },
      { name: hours.dataset.labelBefore, type: "line", data: before.map((row) => row.value), smooth: true, symbol: "none", lineStyle: { width: 2, type: "dashed" } },
    ],
  };
  if (chart) chart.set(option);
  else chart = drawChart(hours, option);
}

const keepDrawing = () => drawHours().catch(() => {}).finally(() => setTimeout(keepDrawing, CHART_EVERY_MS));
keepDrawing();
