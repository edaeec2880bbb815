// Drawing a campaign's fence: polygon, circle, rectangle or a building with a margin around it.
//
// One fence at a time; a new one replaces the old. What is drawn goes, as JSON, into a hidden input:
//   {"type":"Polygon","coordinates":[…]} | {"circle":{"lon","lat","radius_m"}} | {"building":"…","buffer_m":10} | ""
// and a bubbling "fence" event (detail.within) tells the form, so that `hx-trigger="fence"` can ask for the reach.
// The same fence can be given without a mouse: inputs with data-fence-circle="lon|lat|radius_m" in the form.

import * as terra from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre";
import { liveLayer } from "./map.js";

const EARTH_M = 6_371_008.8;
const CIRCLE_POINTS = 64;
const MAX_STEPS = 50;
const SHAPES = ["polygon", "circle", "rectangle"];
const radians = (degrees) => (degrees * Math.PI) / 180;
const rounded = (degrees) => Math.round(degrees * 1e7) / 1e7;

function metresBetween([lonA, latA], [lonB, latB]) {
  const x = Math.sin(radians(latB - latA) / 2) ** 2;
  const y = Math.cos(radians(latA)) * Math.cos(radians(latB)) * Math.sin(radians(lonB - lonA) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.sqrt(x + y));
}

function circleOf(ring) {
  const points = ring.slice(0, -1);
  const mean = (axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const centre = [mean(0), mean(1)];
  const radius = points.reduce((sum, point) => sum + metresBetween(centre, point), 0) / points.length;
  return { lon: rounded(centre[0]), lat: rounded(centre[1]), radius_m: Math.round(radius * 10) / 10 };
}

export function ringOf({ lon, lat, radius_m: radius }) {
  const degrees = (radius / EARTH_M) * (180 / Math.PI);
  const ring = Array.from({ length: CIRCLE_POINTS }, (_, index) => {
    const turn = (2 * Math.PI * index) / CIRCLE_POINTS;
    return [rounded(lon + (degrees * Math.cos(turn)) / Math.cos(radians(lat))), rounded(lat + degrees * Math.sin(turn))];
  });
  return [...ring, ring[0]];
}

function withinOf(feature) {
  if (feature.properties.mode === "circle") return { circle: circleOf(feature.geometry.coordinates[0]) };
  return { type: "Polygon", coordinates: feature.geometry.coordinates.map((ring) => ring.map(([lon, lat]) => [rounded(lon), rounded(lat)])) };
}

function featureOf(within) {
  if (!within || within.building || within.type === "MultiPolygon") return null;
  const coordinates = within.circle ? [ringOf(within.circle)] : within.coordinates;
  return { type: "Feature", properties: { mode: within.circle ? "circle" : "polygon" }, geometry: { type: "Polygon", coordinates } };
}

function makeDraw(map) {
  const fill = { fillColor: "#7048e8", fillOpacity: 0.22, outlineColor: "#7048e8", outlineWidth: 2.5 };
  const corners = { midpoints: true, draggable: true, deletable: true };
  const flags = {
    polygon: { feature: { draggable: true, coordinates: corners } },
    rectangle: { feature: { draggable: true, coordinates: corners } },
    circle: { feature: { draggable: true, coordinates: { resizable: "center-fixed", draggable: false, midpoints: false } } },
  };
  const selected = { selectedPolygonColor: "#7048e8", selectedPolygonFillOpacity: 0.28, selectedPolygonOutlineColor: "#5f3dc4", selectedPolygonOutlineWidth: 3 };
  return new terra.TerraDraw({
    adapter: new TerraDrawMapLibreGLAdapter({ map }),
    modes: [
      new terra.TerraDrawPolygonMode({ styles: fill, validation: terra.ValidateNotSelfIntersecting && ((feature, { updateType }) => (updateType === "finish" || updateType === "commit" ? terra.ValidateNotSelfIntersecting(feature) : { valid: true })) }),
      new terra.TerraDrawCircleMode({ styles: fill }),
      new terra.TerraDrawRectangleMode({ styles: fill }),
      new terra.TerraDrawSelectMode({ flags, styles: selected }),
    ],
    undoRedo: { modeLevel: new terra.TerraDrawModeUndoRedo() },
  });
}

class FenceEditor {
  constructor(frame, shown) {
    this.frame = frame;
    this.shown = shown;
    this.input = frame.querySelector("input[data-fence]");
    this.steps = [this.read()];
    this.step = 0;
    this.draw = makeDraw(shown.map);
    this.building = liveLayer(shown, "picked-building", { kind: "areas", colour: "#7048e8" });
    this.draw.start();
    this.draw.on("finish", (id, context) => this.finished(id, context));
    this.listen();
    this.paint();
    this.choose("select");
  }

  get form() {
    return this.input.form ?? this.frame;
  }

  get within() {
    return this.steps[this.step];
  }

  read() {
    try {
      return this.input.value ? JSON.parse(this.input.value) : null;
    } catch {
      return null;
    }
  }

  shapes() {
    return this.draw.getSnapshot().filter(({ geometry, properties }) => geometry.type === "Polygon" && SHAPES.includes(properties.mode) && !properties.currentlyDrawing);
  }

  finished(id) {
    const feature = this.draw.getSnapshotFeature(id);
    if (!feature || feature.geometry.type !== "Polygon") return;
    if (this.beside) {
      const give = this.beside;
      this.beside = null;
      queueMicrotask(() => { this.choose("select"); this.paint(); give(withinOf(feature)); });
      return;
    }
    this.draw.removeFeatures(this.shapes().map((shape) => shape.id).filter((other) => other !== id));
    this.building.set(null);
    this.commit(withinOf(feature));
    // After the library has left its own handler: select mode, so that the next click edits instead of starting anew.
    if (this.mode !== "select") queueMicrotask(() => { this.choose("select"); this.draw.selectFeature(id); });
  }

  commit(within) {
    if (JSON.stringify(within) === JSON.stringify(this.within)) return;
    this.steps = [...this.steps.slice(0, this.step + 1), within].slice(-MAX_STEPS);
    this.step = this.steps.length - 1;
    this.tell();
  }

  tell() {
    this.input.value = this.within ? JSON.stringify(this.within) : "";
    for (const field of this.form.querySelectorAll("[data-fence-circle]")) {
      const value = this.within?.circle?.[field.dataset.fenceCircle];
      if (field !== document.activeElement) field.value = value ?? "";
    }
    this.refresh();
    this.input.dispatchEvent(new CustomEvent("fence", { bubbles: true, detail: { within: this.within } }));
  }

  refresh() {
    const set = (name, isOff) => this.frame.querySelectorAll(`[data-fence-${name}]`).forEach((button) => { button.disabled = isOff; });
    set("undo", this.step === 0 && !this.draw.canUndo());
    set("redo", this.step === this.steps.length - 1 && !this.draw.canRedo());
    set("clear", !this.within);
  }

  paint() {
    this.draw.clear();
    const feature = featureOf(this.within);
    if (feature) this.draw.addFeatures([feature]);
    this.building.set(this.stillShape(this.within));
    this.refresh();
  }

  // What is shown and not drawn with: a building of the map, several areas at once.
  stillShape(within) {
    if (within?.building) return this.buildingShape(within.building);
    return within?.type === "MultiPolygon" ? { type: "Feature", properties: { opacity: 0.3 }, geometry: within } : null;
  }

  /** The next shape is not the fence: it goes to `give`, and the fence stays as it is. */
  drawBeside(give) {
    this.beside = give;
    this.choose("polygon");
  }

  buildingShape(id) {
    const found = this.shown.map.querySourceFeatures("district", { sourceLayer: "buildings", filter: ["==", ["get", "id"], id] });
    return { type: "FeatureCollection", features: found.map(({ geometry }) => ({ type: "Feature", properties: { opacity: 0.35 }, geometry })) };
  }

  choose(mode) {
    this.mode = mode;
    this.draw.setMode(mode === "building" ? "static" : mode);
    this.frame.querySelectorAll("[data-fence-mode]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.fenceMode === mode)));
    this.shown.map.getCanvas().style.cursor = mode === "building" ? "pointer" : "";
  }

  move(by) {
    const isDrawing = this.draw.getModeState() === "drawing";
    if (isDrawing && by < 0 && this.draw.canUndo()) this.draw.undo();
    else if (isDrawing && by > 0 && this.draw.canRedo()) this.draw.redo();
    else if (this.steps[this.step + by] !== undefined) {
      this.step += by;
      this.choose("select");
      this.paint();
      this.tell();
    }
    this.refresh();
  }

  pickBuilding(event) {
    if (this.mode !== "building") return;
    const [found] = this.shown.map.queryRenderedFeatures(event.point, { layers: ["buildings"] });
    if (!found?.properties.id) return;
    const margin = Number(this.frame.querySelector("[data-fence-buffer]")?.value ?? 10);
    this.commit({ building: String(found.properties.id), buffer_m: Number.isFinite(margin) ? margin : 10 });
    this.paint();
  }

  changedBuffer(value) {
    if (this.within?.building && Number.isFinite(value)) this.commit({ ...this.within, buffer_m: value });
  }

  typedCircle() {
    const value = (name) => Number(this.form.querySelector(`[data-fence-circle="${name}"]`)?.value || NaN);
    const circle = { lon: value("lon"), lat: value("lat"), radius_m: value("radius_m") };
    if (!Object.values(circle).every(Number.isFinite) || circle.radius_m <= 0) return;
    this.commit({ circle });
    this.paint();
  }

  listen() {
    const on = (selector, act) => this.frame.querySelectorAll(selector).forEach((button) => button.addEventListener("click", () => act(button)));
    on("[data-fence-mode]", (button) => this.choose(button.dataset.fenceMode));
    on("[data-fence-undo]", () => this.move(-1));
    on("[data-fence-redo]", () => this.move(1));
    on("[data-fence-clear]", () => { this.commit(null); this.paint(); });
    this.frame.querySelector("[data-fence-buffer]")?.addEventListener("change", (event) => this.changedBuffer(Number(event.target.value)));
    this.form.querySelectorAll("[data-fence-circle]").forEach((field) => field.addEventListener("change", () => this.typedCircle()));
    this.shown.map.on("click", (event) => this.pickBuilding(event));
    this.draw.on("change", () => this.refresh());
    this.frame.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      this.move(event.shiftKey ? 1 : -1);
    });
  }
}

/** Starts the editor in a frame made by the `fence_editor` macro, on a map opened by openMap(). */
export async function startFenceEditor(frame, shown) {
  await shown.ready;
  return new FenceEditor(frame, shown);
}
