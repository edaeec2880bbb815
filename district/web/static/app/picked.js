// <div data-picked="kind=plan"> is shown while the form's field "kind" has the value "plan"; "value=a|b" is for either.
// Without script all is shown.

function showPicked(form) {
  const values = new FormData(form);
  for (const part of form.querySelectorAll("[data-picked]")) {
    const [name, value] = part.dataset.picked.split("=");
    part.hidden = !value.split("|").includes(values.get(name));
  }
}

const forms = new Set([...document.querySelectorAll("[data-picked]")].map((part) => part.closest("form")));
for (const form of forms) {
  showPicked(form);
  form.addEventListener("change", () => showPicked(form));
}
