// Approvals: every waiting fence on one map; the card that is pointed at, or asked for, comes to the middle.

import { liveLayer, openMap, popupOn } from "./map.js";

const fences = JSON.parse(document.getElementById("fences").textContent);
const frame = document.getElementById("fences-map");
const shown = openMap(frame);
const layer = liveLayer(shown, "waiting", { kind: "areas", colour: "#7048e8" });
popupOn(shown, "waiting", ({ properties }) => [properties.name]);

function paint(chosen) {
  for (const { properties } of fences.features) {
    const colour = properties.id === chosen ? "#e8590c" : "#7048e8";
    properties.colour = properties.isBefore ? "#868e96" : colour;
    properties.opacity = properties.id === chosen ? 0.35 : 0.18;
  }
  layer.set(fences);
}

function boundsOf(features) {
  const points = features.flatMap(({ geometry }) => geometry.coordinates.flat(Infinity));
  const lon = points.filter((_, place) => place % 2 === 0);
  const lat = points.filter((_, place) => place % 2 === 1);
  return [[Math.min(...lon), Math.min(...lat)], [Math.max(...lon), Math.max(...lat)]];
}

function look(chosen) {
  paint(chosen);
  const hasGround = ({ geometry }) => geometry.coordinates.length > 0;
  const features = fences.features.filter((one) => hasGround(one) && (!chosen || one.properties.id === chosen));
  if (features.length) shown.map.fitBounds(boundsOf(features), { padding: 60, maxZoom: 17, duration: 0 });
}

shown.ready.then(() => look(fences.features.length === 1 ? fences.features[0].properties.id : ""));
document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-show]");
  if (!button) return;
  look(button.dataset.show);
  frame.scrollIntoView({ block: "nearest" });
});
// A card that was decided takes its fence away; one that came back brings it again.
document.addEventListener("htmx:afterSwap", () => {
  const waiting = new Set([...document.querySelectorAll("[data-show]")].map(({ dataset }) => dataset.show));
  layer.set({ ...fences, features: fences.features.filter(({ properties }) => waiting.has(properties.id)) });
});
