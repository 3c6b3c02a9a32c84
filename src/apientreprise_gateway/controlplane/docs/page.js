"use strict";
// The list of operations: its filter, its links, and the details of an operation, which Swagger UI draws when it is opened.

const byId = (id) => document.getElementById(id);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const settings = () => window.reference;
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// --- The library, and what it draws -----------------------------------------------------------------------------------

let library;

function loaded() {
  library ??= Promise.all([element("link", { rel: "stylesheet", href: settings().styles }), element("script", { src: settings().library })]);
  return library.catch((error) => { library = undefined; throw error; });
}

function element(name, attributes) {
  return new Promise((resolve, reject) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.onload = resolve;
    made.onerror = () => { made.remove(); reject(new Error(`${name} not loaded`)); };
    // Before the styles of the page, which change some of the library's.
    document.head.prepend(made);
  });
}

async function show(operation) {
  const place = operation.querySelector(".reference");
  if (place.dataset.state) return;
  place.dataset.state = "loading";
  place.textContent = "Chargement…";
  try {
    const [answer] = await Promise.all([fetch(`${settings().address}/operations/${operation.id}.json`), loaded()]);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    draw(place, await answer.json());
  } catch (error) {
    delete place.dataset.state;
    place.textContent = "Les détails n'ont pas pu être chargés. Fermez puis rouvrez cette opération pour réessayer.";
    console.warn(error);
  }
}

function draw(place, specification) {
  const box = document.createElement("div");
  place.replaceChildren(box);
  SwaggerUIBundle({
    spec: specification,
    domNode: box,
    layout: "BaseLayout",
    deepLinking: false,
    docExpansion: "full",
    defaultModelsExpandDepth: -1,
    defaultModelExpandDepth: 4,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    supportedSubmitMethods: ["get"],
    validatorUrl: null,
    requestInterceptor: (request) => passToken(request, specification),
    responseInterceptor: (answer) => { showAddresses(place, answer); return answer; },
    onComplete: () => {
      place.dataset.state = "shown";
      const operation = place.closest(".operation");
      if (location.hash === `#${operation.id}` && isAbove(operation)) operation.scrollIntoView();
    },
  });
  translate(box);
  addErrors(place, specification);
}

const isAbove = (element) => element.getBoundingClientRect().top < 0;

// Swagger UI has no French words of its own.
const FRENCH = {
  "Parameters": "Paramètres", "No parameters": "Aucun paramètre", "Name": "Nom", "Responses": "Réponses", "Code": "Statut",
  "Server response": "Réponse reçue", "Details": "Détail", "Response body": "Corps de la réponse", "Response headers": "En-têtes",
  "Request duration": "Durée", "Request URL": "Adresse appelée", "Curl": "La même chose avec curl", "Execute": "Appeler",
  "Clear": "Effacer", "Cancel": "Annuler", "Media type": "Type de contenu", "Example Value": "Exemple", "Schema": "Champs",
  "Examples": "Exemples", "Example Description": "Description de l'exemple", "Headers:": "En-têtes :", "Download": "Télécharger",
  "Undocumented": "Non documenté", "Failed to fetch.": "L'appel a échoué.", "LOADING": "En cours",
  "Controls ": "Choisit l'en-tête ", "Controls": "Choisit l'en-tête", " header.": ".", "Send empty value": "Envoyer une valeur vide",
  "Expand all": "Tout déplier", "Collapse all": "Tout replier",
};

function translate(box) {
  const put = (node) => {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    for (let text = walker.currentNode; text; text = walker.nextNode()) {
      if (text.nodeType === Node.TEXT_NODE && Object.hasOwn(FRENCH, text.data) && !text.parentElement.closest("pre, code, .markdown, .renderedMarkdown")) {
        text.data = FRENCH[text.data];
      }
    }
  };
  new MutationObserver((changes) => {
    for (const change of changes) for (const node of change.addedNodes) if (node.isConnected) put(node);
  }).observe(box, { childList: true, subtree: true });
  put(box);
}

// The button that shows the errors of an operation, and hides them again.
function addErrors(place, specification) {
  const errors = Object.values(specification.paths).flatMap((path) => Object.keys(path.get.responses)).filter((code) => code >= "300");
  if (!errors.length) return;
  const words = (isShown) => `${isShown ? "Masquer" : "Montrer"} les réponses ${errors.join(", ")}`;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "errors", textContent: words(false) });
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => {
    const isShown = place.classList.toggle("with-errors");
    button.setAttribute("aria-expanded", isShown);
    button.textContent = words(isShown);
  });
  place.append(button);
}

// --- Trying an operation out --------------------------------------------------------------------------------------------

// The token goes where the operation takes it: FranceConnect's in the place of the caller's where it takes no other.
function passToken(request, specification) {
  const [operation] = Object.values(specification.paths).map((path) => path.get);
  const [scheme] = (operation.security ?? specification.security).flatMap(Object.keys);
  const token = byId(scheme === settings().personScheme ? "person-token" : "token")?.value.trim();
  if (!scheme || !token) return request;
  const way = specification.components.securitySchemes[scheme];
  if (way.type === "http") request.headers.Authorization = `Bearer ${token}`;
  else if (way.in === "header") request.headers[way.name] = token;
  return request;
}

const LIVE = ".live-responses-table tbody .response-col_description";

// Addresses within an answer, such as those of documents, as links that can be followed.
async function showAddresses(place, answer) {
  place.querySelector(".addresses")?.remove();
  const found = [];
  try { collect(JSON.parse(answer.text), "", found); } catch { return; }
  if (!found.length) return;
  const box = document.createElement("div");
  box.className = "addresses";
  box.append("Adresses de la réponse :", document.createElement("ul"));
  for (const [path, address] of found.slice(0, 20)) {
    const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", rel: "noopener noreferrer", textContent: address });
    const line = document.createElement("li");
    line.append(`${path} : `, link);
    box.lastChild.append(line);
  }
  // The library draws the answer once this has returned.
  for (let frame = 0; frame < 60 && !place.querySelector(LIVE); frame += 1) await new Promise(requestAnimationFrame);
  (place.querySelector(LIVE) ?? place).append(box);
}

function collect(value, path, found) {
  if (typeof value === "string") {
    if (/^https?:\/\/\S+$/.test(value)) found.push([path, value]);
  } else if (value && typeof value === "object") {
    for (const [name, inner] of Object.entries(value)) {
      collect(inner, Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name, found);
    }
  }
}

// --- The filter -------------------------------------------------------------------------------------------------------------

let words;

// Scopes and fields, which the page itself does not hold.
function fetchWords() {
  words ??= fetch(`${settings().address}/words.json`).then((answer) => answer.json()).catch(() => { words = undefined; return {}; });
  return words;
}

const entries = all(".operation[data-about]").map((operation) => {
  const group = operation.closest(".group");
  const said = [operation.querySelector("summary").textContent, operation.dataset.about, group.querySelector("h2").textContent];
  return { operation, group, said: plain(said.join(" ")) };
});

async function filter() {
  const wanted = plain(byId("filter").value).split(/\s+/).filter(Boolean);
  const known = wanted.length ? await fetchWords() : {};
  if (wanted.join() !== plain(byId("filter").value).split(/\s+/).filter(Boolean).join()) return;
  let count = 0;
  for (const entry of entries) {
    const why = reasons(entry, wanted, known[entry.operation.id]);
    entry.operation.hidden = why === null;
    count += why !== null;
    tell(entry.operation, why);
  }
  for (const group of all(".group")) foldGroup(group, wanted.length > 0);
  byId("introduction").hidden = wanted.length > 0;
  byId("found").textContent = wanted.length ? `${count} opération${count > 1 ? "s" : ""} sur ${entries.length}` : "";
}

// What an operation was found by beside what its line says; null where a word is nowhere.
function reasons({ operation, said }, wanted, { scopes = [], fields = [] } = {}) {
  const why = [];
  for (const word of wanted) {
    if (said.includes(word) || plain(operation.id).includes(word)) continue;
    const inScopes = scopes.filter((each) => plain(each).includes(word));
    const inFields = fields.filter((each) => plain(each).includes(word));
    if (!inScopes.length && !inFields.length) return null;
    if (inScopes.length) why.push(["Droit", inScopes]);
    if (inFields.length) why.push(["Champ", inFields]);
  }
  return why;
}

function tell(operation, why) {
  const summary = operation.querySelector("summary");
  summary.querySelector(".why")?.remove();
  if (!why?.length) return;
  const line = Object.assign(document.createElement("span"), { className: "why" });
  for (const [kind, found] of why) {
    const more = found.length > 3 ? ` et ${found.length - 3} de plus` : "";
    const strong = Object.assign(document.createElement("b"), { textContent: found.slice(0, 3).join(", ") });
    line.append(line.childNodes.length ? " ; " : "", `${kind} : `, strong, more);
  }
  summary.append(line);
}

// Deprecated operations stay folded unless the filter finds nothing else in their group.
function foldGroup(group, isFiltered) {
  const shown = all(".operation:not([hidden])", group);
  const current = shown.filter((each) => !each.closest(".deprecated"));
  const folded = group.querySelector(".deprecated");
  group.hidden = shown.length === 0;
  document.querySelector(`.providers a[href="#${group.id}"]`).parentElement.hidden = group.hidden;
  if (!folded) return;
  folded.hidden = shown.length === current.length;
  folded.querySelector(".matches").textContent = isFiltered ? `, dont ${shown.length - current.length} ici` : "";
  folded.open = isFiltered ? current.length === 0 : Boolean(folded.querySelector(".operation[open]"));
}

// --- Links to one operation -------------------------------------------------------------------------------------------------

// `#/tag/operation`, as links were written before, is understood as well.
function follow() {
  const target = byId(decodeURIComponent(location.hash.split("/").pop().replace("#", "")));
  if (!target) return;
  if (target.hidden) { byId("filter").value = ""; filter(); }
  target.closest(".deprecated")?.setAttribute("open", "");
  if (target.matches(".operation")) target.open = true;
  target.scrollIntoView();
}

document.addEventListener("toggle", ({ target }) => {
  if (!target.matches(".operation") || !target.open) return;
  if (location.hash !== `#${target.id}`) history.replaceState(null, "", `#${target.id}`);
  show(target);
}, true);
document.addEventListener("keydown", (event) => {
  const field = byId("filter");
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    event.preventDefault();
    field.focus();
    field.scrollIntoView({ block: "nearest" });
  } else if (event.key === "Escape" && event.target === field) {
    field.value = "";
    filter();
  }
});
byId("filter").addEventListener("input", filter);
byId("filter").addEventListener("focus", fetchWords);
document.querySelector(".tools").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", follow);
addEventListener("DOMContentLoaded", () => {
  byId("token").value = settings().token ?? "";
  if (byId("person-token")) byId("person-token").value = settings().personToken ?? "";
  follow();
  if (byId("filter").value) filter();
});
