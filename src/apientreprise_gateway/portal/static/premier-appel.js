// Looks every five seconds whether the first call was seen, and shows the page anew then.
const place = document.querySelector("[data-first-call]");
let before;
async function look() {
  const answer = await fetch(place.dataset.firstCall, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const { first_call_at, refused_at } = await answer.json();
  if (before === undefined) before = refused_at;
  if (first_call_at !== null || refused_at !== before) location.reload();
  place.textContent = `Dernière vérification : ${new Date().toLocaleTimeString("fr-FR", { timeZone: "Europe/Paris" })}.`;
}
setInterval(look, 5000);
look();
