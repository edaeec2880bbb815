// The merchants' console: a second look before what cannot be undone.

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.sure;
  if (question && !window.confirm(question)) event.preventDefault();
});
