// The merchants' console: only the fields that a choice needs, a circle that follows its shop, a second look
// before what cannot be undone.

// <div data-shown-for="fence=drawn"> is shown while the form's field "fence" has the value "drawn".
function showNeeded(form) {
  const values = new FormData(form);
  for (const part of form.querySelectorAll("[data-shown-for]")) {
    const [name, value] = part.dataset.shownFor.split("=");
    part.hidden = values.get(name) !== value;
  }
}

// The circle that "around my shop" means, drawn in the editor; the server makes the same from the same fields.
function circleOf(form) {
  const shop = form.querySelector('input[name="store_ids"]:checked[data-lon]');
  const radius = Number(form.elements.radius_m?.value);
  if (!shop || !(radius > 0)) return null;
  return { circle: { lon: Number(shop.dataset.lon), lat: Number(shop.dataset.lat), radius_m: radius } };
}

async function follow(form) {
  let isOurs = false;
  const editor = window.fenceEditor ? await window.fenceEditor : null;
  const drawCircle = () => {
    const circle = new FormData(form).get("fence") === "shop" ? circleOf(form) : null;
    if (!editor || !circle || JSON.stringify(circle) === JSON.stringify(editor.within)) return;
    isOurs = true;
    editor.commit(circle);
    editor.paint();
    isOurs = false;
    editor.shown.map.setCenter([circle.circle.lon, circle.circle.lat]);
  };
  form.addEventListener("change", drawCircle);
  form.addEventListener("fence", ({ detail }) => {
    if (isOurs || !detail.within) return;
    form.querySelector('input[name="fence"][value="drawn"]').checked = true;
    showNeeded(form);
  });
  drawCircle();
}

for (const form of document.querySelectorAll("form[data-follow]")) {
  showNeeded(form);
  form.addEventListener("change", () => showNeeded(form)); // before the map is there, too
  follow(form);
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.sure;
  if (question && !window.confirm(question)) event.preventDefault();
});
