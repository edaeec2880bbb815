// The base map's look, light and dark: no glyphs and no sprites, so that nothing is fetched but our own tiles.
// Text is drawn with the viewer's fonts, Chinese included.

const LIGHT = {
  ground: "#f4f2ee", land: "#d9ebd2", water: "#a9d3ea", plaza: "#ebe7f2", building: "#e3ddd4", buildingEdge: "#cfc7bb",
  street: "#ffffff", streetEdge: "#dbd5cb", road: "#ffe9b8", foot: "#c9bfae", rail: "#b3aea6", text: "#4b5563", halo: "#ffffff",
  store: "#5b4bb5", offer: "#d9480f", transit: "#0a7a5c", zone: "#1c7ed6", fence: "#7048e8",
};
const DARK = {
  ground: "#14171f", land: "#1a2a21", water: "#0e2436", plaza: "#20242f", building: "#262c38", buildingEdge: "#353d4b",
  street: "#3a424f", streetEdge: "#1f242d", road: "#515c6c", foot: "#3c4654", rail: "#4b4f57", text: "#b9c4d2", halo: "#14171f",
  store: "#a99cff", offer: "#ffa94d", transit: "#38b28c", zone: "#4dabf7", fence: "#b197fc",
};

const ROADS = ["motorway", "trunk", "primary", "secondary", "tertiary", "primary_link", "secondary_link", "tertiary_link"];
const LANES = ["residential", "unclassified", "living_street", "pedestrian", "service"];
const PATHS = ["footway", "path", "cycleway", "steps", "corridor", "track"];
const FONT = ["Noto Sans Regular"];
const isIn = (values) => ["match", ["get", "highway"], values, true, false];
const wide = (near, close) => ["interpolate", ["exponential", 1.6], ["zoom"], 13, near, 18, close];

function nameIn(language) {
  const own = language.startsWith("zh") ? "name_zh" : "name_en";
  return ["coalesce", ["get", own], ["get", "name"], ""];
}

function ground(c, layer) {
  return [
    { id: "ground", type: "background", paint: { "background-color": c.ground } },
    layer("landuse", "landuse", "fill", { "fill-color": c.land }),
    layer("water", "water", "fill", { "fill-color": c.water }),
    layer("plazas", "plazas", "fill", { "fill-color": c.plaza }),
  ];
}

function ways(c, layer) {
  const round = { "line-cap": "round", "line-join": "round" };
  return [
    layer("paths", "streets", "line", { "line-color": c.foot, "line-width": wide(0.3, 2), "line-dasharray": [2, 1.5] }, { filter: isIn(PATHS), minzoom: 15 }),
    layer("lanes-edge", "streets", "line", { "line-color": c.streetEdge, "line-width": wide(2, 16) }, { filter: isIn(LANES), layout: round }),
    layer("roads-edge", "streets", "line", { "line-color": c.streetEdge, "line-width": wide(3, 22) }, { filter: isIn(ROADS), layout: round }),
    layer("lanes", "streets", "line", { "line-color": c.street, "line-width": wide(1.2, 13) }, { filter: isIn(LANES), layout: round }),
    layer("roads", "streets", "line", { "line-color": c.road, "line-width": wide(2, 18) }, { filter: isIn(ROADS), layout: round }),
    layer("rail", "rail", "line", { "line-color": c.rail, "line-width": wide(0.6, 1.6) }, { filter: ["!=", ["get", "kind"], "subway"] }),
    layer("buildings", "buildings", "fill", { "fill-color": c.building, "fill-outline-color": c.buildingEdge }, { minzoom: 13.5 }),
  ];
}

function places(c, layer) {
  const storeColour = ["case", ["boolean", ["get", "has_offer"], false], c.offer, c.store];
  return [
    layer("zones", "zones", "fill", { "fill-color": c.zone, "fill-opacity": 0.07 }),
    layer("zones-edge", "zones", "line", { "line-color": c.zone, "line-width": 1.5, "line-dasharray": [3, 2] }),
    layer("fences", "fences", "fill", { "fill-color": c.fence, "fill-opacity": 0.14 }),
    layer("fences-edge", "fences", "line", { "line-color": c.fence, "line-width": 1.8 }),
    layer("transit", "transit", "circle", { "circle-radius": 3.5, "circle-color": c.transit, "circle-stroke-width": 1, "circle-stroke-color": c.halo }, { minzoom: 15 }),
    layer("stores", "stores", "circle", { "circle-radius": ["interpolate", ["linear"], ["zoom"], 14.5, 1.6, 18, 5.5], "circle-color": storeColour, "circle-stroke-width": 1, "circle-stroke-color": c.halo }, { minzoom: 14.5 }),
  ];
}

function labels(c, layer, language) {
  const paint = { "text-color": c.text, "text-halo-color": c.halo, "text-halo-width": 1.4 };
  const text = { "text-field": nameIn(language), "text-font": FONT };
  return [
    layer("street-names", "streets", "symbol", paint, { minzoom: 15, filter: isIn([...ROADS, ...LANES]), layout: { ...text, "symbol-placement": "line", "text-size": wide(9, 14) } }),
    layer("zone-names", "zones", "symbol", { ...paint, "text-color": c.zone }, { minzoom: 14, layout: { ...text, "text-size": 12 } }),
    layer("store-names", "stores", "symbol", { ...paint, "text-color": c.store }, { minzoom: 16.5, layout: { ...text, "text-size": 11, "text-offset": [0, 0.7], "text-anchor": "top", "text-optional": true } }),
  ];
}

export function baseStyle({ tiles, language, isDark, attribution, hidden = [] }) {
  const c = isDark ? DARK : LIGHT;
  const layer = (id, sourceLayer, type, paint, more = {}) => ({ id, type, source: "district", "source-layer": sourceLayer, paint, ...more });
  const layers = [...ground(c, layer), ...ways(c, layer), ...places(c, layer), ...labels(c, layer, language)];
  return {
    version: 8,
    sources: { district: { type: "vector", tiles: [tiles], minzoom: 12, maxzoom: 17, attribution } },
    layers: layers.filter(({ "source-layer": sourceLayer }) => !hidden.includes(sourceLayer)),
  };
}
