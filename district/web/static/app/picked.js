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

// In a search within a form Enter searches, instead of saving the form. What is ticked while an answer is on its way
// is not lost to it: the search is asked again.
for (const search of document.querySelectorAll("input[data-finds]")) {
  const ask = () => search.dispatchEvent(new Event("search"));
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (window.htmx) ask();
    else search.nextElementSibling.click();
  });
  document.querySelector(search.getAttribute("hx-target")).addEventListener("change", () => {
    if (search.matches(".htmx-request")) ask();
  });
}
