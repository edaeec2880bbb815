// The consoles' map: MapLibre over our own vector tiles, with live overlays.
//
// Tiles: /v1/tiles/{district}/{z}/{x}/{y}.mvt, z 12-17, extent 4096. Layers and the properties that the style reads:
//   landuse   polygons   kind
//   water     polygons   kind
//   plazas    polygons   name?, name_en?, name_zh?
//   streets   lines      highway (OSM value), name?, name_en?, name_zh?
//   rail      lines      kind (OSM railway value: rail, tram, subway …)
//   buildings polygons   id (string: what the `building` choice of a fence names), name?, name_en?, name_zh?
//   transit   points     kind, name?, name_en?, name_zh?
//   stores    points     id, name, name_en?, name_zh?, category, has_offer (boolean)
//   zones     polygons   id, name, name_en?, name_zh?, kind
//   fences    polygons   id, name, state (only with a log-in that may see them)
// A property that is unknown is left out, never null. Absent layers are fine.
//
// <div class="map" data-district="helsinki" data-center="24.94,60.17" data-zoom="15.3" aria-label="…"
//      data-hidden="fences stores" data-labels='{"ZoomIn": "…", "ZoomOut": "…", "Reset": "…"}'></div>

import * as maplibregl from "maplibre-gl";
import { baseStyle } from "./style.js";

const CREDIT = '© <a href="https://www.openstreetmap.org/copyright" rel="noopener noreferrer">OpenStreetMap</a> contributors';
const HEAT_COLOURS = ["interpolate", ["linear"], ["heatmap-density"], 0, "rgba(75,57,214,0)", 0.15, "rgba(92,124,250,.55)", 0.4, "#63e6be", 0.65, "#ffd43b", 1, "#f03e3e"];
const root = document.documentElement;
const isDark = () => root.dataset.bsTheme === "dark";

function styleOf(element) {
  return baseStyle({
    tiles: `${location.origin}/v1/tiles/${encodeURIComponent(element.dataset.district)}/{z}/{x}/{y}.mvt`,
    language: root.lang,
    isDark: isDark(),
    attribution: element.dataset.attribution ?? CREDIT,
    hidden: (element.dataset.hidden ?? "").split(" "),
  });
}

function labelsOf(element) {
  const labels = JSON.parse(element.dataset.labels ?? "{}");
  return {
    ...(labels.ZoomIn && { "NavigationControl.ZoomIn": labels.ZoomIn }),
    ...(labels.ZoomOut && { "NavigationControl.ZoomOut": labels.ZoomOut }),
    ...(labels.Reset && { "NavigationControl.ResetBearing": labels.Reset }),
    "Map.Title": element.getAttribute("aria-label") ?? "",
  };
}

// Recolours the base layers in place: overlays and drawings stay.
function repaint(map, element) {
  for (const { id, paint } of styleOf(element).layers) {
    for (const [name, value] of Object.entries(paint)) map.setPaintProperty(id, name, value);
  }
}

/** Opens the map in an element. `ready` resolves once the style is loaded; `idle()` once everything is drawn. */
export function openMap(element) {
  const map = new maplibregl.Map({
    container: element,
    style: styleOf(element),
    center: element.dataset.center.split(",").map(Number),
    zoom: Number(element.dataset.zoom ?? 15),
    minZoom: 11,
    maxZoom: 20,
    fadeDuration: 0,
    dragRotate: false,
    pitchWithRotate: false,
    attributionControl: { compact: false },
    locale: labelsOf(element),
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  const ready = new Promise((resolve) => map.once("load", resolve));
  document.addEventListener("district:theme", () => ready.then(() => repaint(map, element)));
  const idle = () => new Promise((resolve) => {
    map.once("idle", resolve);
    map.triggerRepaint(); // a map that rests already would never say so again
  });
  return { map, element, ready, idle };
}

const KINDS = {
  points: (id, source, colour) => [
    { id, type: "circle", source, paint: { "circle-radius": ["interpolate", ["linear"], ["zoom"], 14, 2, 18, 6], "circle-color": ["coalesce", ["get", "colour"], colour], "circle-opacity": 0.85, "circle-stroke-width": 1, "circle-stroke-color": "#fff" } },
  ],
  heat: (id, source) => [
    { id, type: "heatmap", source, paint: { "heatmap-weight": ["coalesce", ["get", "weight"], 1], "heatmap-radius": ["interpolate", ["exponential", 1.5], ["zoom"], 13, 6, 18, 44], "heatmap-intensity": 0.35, "heatmap-opacity": 0.75, "heatmap-color": HEAT_COLOURS } },
  ],
  areas: (id, source, colour) => [
    { id, type: "fill", source, paint: { "fill-color": ["coalesce", ["get", "colour"], colour], "fill-opacity": ["coalesce", ["get", "opacity"], 0.18] } },
    { id: `${id}-edge`, type: "line", source, paint: { "line-color": ["coalesce", ["get", "colour"], colour], "line-width": 2 } },
  ],
};

/** An overlay of GeoJSON that a stream keeps replacing: kind is points, heat or areas. Below the labels. */
export function liveLayer(shown, id, { kind = "points", colour = "#4b39d6" } = {}) {
  const { map, ready } = shown;
  const empty = { type: "FeatureCollection", features: [] };
  let isAdded = false;
  let latest = empty;
  const layers = KINDS[kind](id, id, colour);
  ready.then(() => {
    const below = kind === "points" || !map.getLayer("street-names") ? undefined : "street-names";
    map.addSource(id, { type: "geojson", data: latest });
    for (const layer of layers) map.addLayer(layer, below);
    isAdded = true;
  });
  return {
    set(collection) {
      latest = collection ?? empty;
      if (isAdded) map.getSource(id).setData(latest);
    },
    show(isShown) {
      ready.then(() => layers.forEach((layer) => map.setLayoutProperty(layer.id, "visibility", isShown ? "visible" : "none")));
    },
  };
}

/** A small popup whose lines are text, never HTML, where a layer is clicked. `describe` gives lines or null. */
export function popupOn(shown, layerId, describe) {
  shown.map.on("click", layerId, (event) => {
    const lines = describe(event.features[0]);
    if (!lines) return;
    const box = document.createElement("div");
    for (const line of lines) box.appendChild(document.createElement("div")).textContent = line;
    new maplibregl.Popup({ closeButton: true, maxWidth: "260px" }).setLngLat(event.lngLat).setDOMContent(box).addTo(shown.map);
  });
  shown.map.on("mouseenter", layerId, () => { shown.map.getCanvas().style.cursor = "pointer"; });
  shown.map.on("mouseleave", layerId, () => { shown.map.getCanvas().style.cursor = ""; });
}

/** A pin that a person may drag; `onMove` gets {lon, lat}. Arrow keys move it 5 m when it has the focus. */
export function dragPin(shown, { lon, lat, label, onMove }) {
  const pin = new maplibregl.Marker({ draggable: true, color: "#f76707" }).setLngLat([lon, lat]).addTo(shown.map);
  const tell = () => { const at = pin.getLngLat(); onMove({ lon: at.lng, lat: at.lat }); };
  pin.on("dragend", tell);
  const element = pin.getElement();
  element.tabIndex = 0;
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", label);
  element.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const at = pin.getLngLat();
    const degrees = 5 / 111_320;
    pin.setLngLat([at.lng + (step[0] * degrees) / Math.cos((at.lat * Math.PI) / 180), at.lat + step[1] * degrees]);
    tell();
  });
  return pin;
}
