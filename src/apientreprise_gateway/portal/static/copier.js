// Copies the text of a field; the button is hidden where scripts do not run.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = navigator.clipboard === undefined; // where the page came over plain HTTP
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    await navigator.clipboard.writeText(field.value);
    const said = document.querySelector("[data-copied]");
    said.hidden = false;
  });
}
