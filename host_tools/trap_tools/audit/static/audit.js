// The page of one observer: shows a burst, takes one key, shows the next. Everything that counts happens on the server.
"use strict";
const el = (id) => document.getElementById(id);
const { secret, task } = document.body.dataset;
let item = null, frame = 0, boxesShown = false, busy = false, player = null;

async function ask(path, body) {
  const post = { method: "POST", headers: { "X-Manul": secret, "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
  const answer = await fetch(path, body === undefined ? {} : post);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? answer.statusText);
  return said;
}

async function act(path, body) {
  if (busy) return;
  busy = true;
  try {
    show(await ask(path, body));
    el("trouble").textContent = "";
  } catch (error) {
    el("trouble").textContent = error.message;
  } finally {
    busy = false;
  }
}

function show(state) {
  stop();
  el("progress").textContent = `${state.done} / ${state.of}`;
  item = state.item;
  const none = item === null;
  el("finished").hidden = !none;
  el("photo").hidden = none;
  el("film").replaceChildren();
  el("about").textContent = "";
  boxesShown = false;
  if (none) { tell(); return drawBoxes(); }
  for (let index = 0; index < item.frames; index++) el("film").append(still(index));
  if (task === "label") { el("count").value = 1; el("sex").value = ""; el("stage_of_life").value = ""; }
  turnTo(item.best);
}

// What the audit says so far, once this observer has seen everything; before that it would lead the eye.
async function tell() {
  if (task !== "audit") return;
  const said = await ask("/api/results"), percent = (share) => (share === null ? "∞" : (100 * share).toFixed(1));
  const rows = said.missed.unit.filter((row) => row.missed !== null).map((row) => {
    const missed = `${percent(row.missed.value)} (${percent(row.missed.low)}–${percent(row.missed.high)}) %`;
    return line("tr", "td", [row.group, `${row.looked_at} / ${row.audited}`, row.animals_found, missed]);
  });
  el("results").hidden = rows.length === 0;
  el("results").tBodies[0].replaceChildren(...rows);
  el("agreement").replaceChildren(...said.agreement.map((pair) => {
    const kappa = pair.kappa === null ? "–" : pair.kappa.toFixed(2), words = document.createElement("li");
    words.textContent = el("agreement").dataset.words.replace(/\{(\w+)\}/g, (_, name) => ({ ...pair, kappa })[name]);
    return words;
  }));
}

function line(outer, inner, texts) {
  const row = document.createElement(outer);
  row.append(...texts.map((text) => Object.assign(document.createElement(inner), { textContent: text })));
  return row;
}

function still(index) {
  const button = document.createElement("button"), image = document.createElement("img");
  image.src = address(index);
  image.alt = `${index + 1}`;
  button.append(image);
  button.onclick = () => turnTo(index);
  return button;
}

const address = (index) => `/frame/${item.id}/${index}.jpg`;

function turnTo(index) {
  frame = (index + item.frames) % item.frames;
  el("photo").src = address(frame);
  [...el("film").children].forEach((button, at) => button.setAttribute("aria-current", at === frame));
  el("about").textContent = `${item.unit} · ${item.taken_at[frame]} UTC${item.infrared ? ` · ${document.body.dataset.infrared}` : ""}`;
  drawBoxes();
}

function drawBoxes() {
  const svg = el("boxes"), photo = el("photo");
  el("toggle").setAttribute("aria-pressed", boxesShown);
  svg.replaceChildren();
  svg.toggleAttribute("hidden", !boxesShown || item === null);
  if (!boxesShown || item === null) return;
  const inside = photo.getBoundingClientRect(), around = el("stage").getBoundingClientRect();
  svg.setAttribute("viewBox", "0 0 1 1");
  svg.setAttribute("preserveAspectRatio", "none");
  Object.assign(svg.style, { left: `${inside.left - around.left}px`, top: `${inside.top - around.top}px`,
    width: `${inside.width}px`, height: `${inside.height}px` });
  for (const box of item.boxes[frame] ?? []) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const name of ["x", "y", "width", "height"]) rect.setAttribute(name, box[name]);
    svg.append(rect);
  }
}

function play() {
  if (player) return stop();
  player = setInterval(() => turnTo(frame + 1), 350);
}
function stop() { clearInterval(player); player = null; }

function say(kind, latin = "") {
  if (item === null) return;
  const said = { observation_type: kind, scientific_name: latin };
  if (task === "label" && kind === "animal")
    Object.assign(said, { count: Number(el("count").value), sex: el("sex").value, life_stage: el("stage_of_life").value });
  act(`/api/say/${item.id}`, said);
}

document.querySelectorAll("[data-say]").forEach((button) => { button.onclick = () => say(button.dataset.say); });
document.querySelectorAll("[data-latin]").forEach((button) => { button.onclick = () => say("animal", button.dataset.latin); });
el("undo").onclick = () => act("/api/undo", {});
el("toggle").onclick = () => { boxesShown = !boxesShown; drawBoxes(); };
el("play").onclick = play;
el("photo").onload = drawBoxes;
window.onresize = drawBoxes;
document.onkeydown = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT/.test(event.target.tagName)) return;
  if (event.key === "ArrowRight" && item) return turnTo(frame + 1);
  if (event.key === "ArrowLeft" && item) return turnTo(frame - 1);
  const key = event.key.toLowerCase();
  const species = [...document.querySelectorAll("[data-latin]")].find((b) => b.querySelector("kbd").textContent === key);
  const button = species ?? document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (button) { event.preventDefault(); button.click(); }
};
act("/api/next");
