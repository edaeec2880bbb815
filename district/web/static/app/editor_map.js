// The editor's map: the ground that the fields come to, as the server resolves it; and drawing what is to be left out.

const EMPTY = { type: "FeatureCollection", features: [] };

function bounds(geometry) {
  const places = geometry.coordinates.flat(2);
  const along = (axis) => places.map((place) => place[axis]);
  return [[Math.min(...along(0)), Math.min(...along(1))], [Math.max(...along(0)), Math.max(...along(1))]];
}

const groundOf = (form) => new FormData(form).get("ground");

// The shape in the drawing tool is shown only while it is the ground.
function followDrawing(form, editor, showNeeded) {
  let isOurs = false;
  const show = () => {
    isOurs = true;
    if (groundOf(form) === "drawn") editor.paint();
    else editor.draw.clear();
    isOurs = false;
  };
  form.addEventListener("change", ({ target }) => { if (target.name === "ground") show(); });
  form.addEventListener("fence", ({ detail }) => {
    if (isOurs || !detail.within) return;
    form.querySelector('input[name="ground"][value="drawn"]').checked = true;
    showNeeded();
  });
  show();
}

function drawWhatIsLeftOut(form, editor) {
  form.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-draw-cut]");
    if (!button) return;
    button.setAttribute("aria-pressed", "true");
    editor.frame.scrollIntoView({ block: "nearest" });
    editor.drawBeside((within) => {
      button.setAttribute("aria-pressed", "false");
      form.querySelector('input[name="drawn-cut"]').value = JSON.stringify(within);
      form.querySelector("#cut-drawn").click();
    });
  });
}

function showGround(form, shown, liveLayer) {
  const layer = liveLayer(shown, "campaign-ground", { kind: "areas", colour: "#f76707" });
  let isFirst = true;
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id !== "check") return;
    const text = detail.target.querySelector("[data-outline]")?.dataset.outline;
    const geometry = text ? JSON.parse(text) : null;
    layer.set(geometry ? { type: "Feature", properties: {}, geometry } : EMPTY);
    if (geometry && isFirst) shown.map.fitBounds(bounds(geometry), { padding: 60, maxZoom: 18, animate: false });
    if (geometry) isFirst = false;
  });
}

/** Joins the form with its map, once that is there. */
export async function paintFence(form, liveLayer, showNeeded) {
  const editor = window.fenceEditor ? await window.fenceEditor : null;
  if (!editor) return;
  followDrawing(form, editor, showNeeded);
  drawWhatIsLeftOut(form, editor);
  showGround(form, editor.shown, liveLayer);
  form.dispatchEvent(new Event("arranged"));
}
