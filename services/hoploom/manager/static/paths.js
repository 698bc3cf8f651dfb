// The picture on the page of paths: fetched, drawn, and what is known of a chosen hop beside it.
import { Graph } from "./graph.js";

const canvas = document.getElementById("graph");
const state = document.getElementById("graph-state");
const chosen = document.getElementById("node");
const actions = document.getElementById("graph-actions");
let graph = null;

async function draw() {
  state.textContent = "The picture is being fetched …";
  try {
    const answer = await fetch(canvas.dataset.source, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error((await answer.json()).detail || String(answer.status));
    const { nodes, links, kinds, found, way, of } = await answer.json();
    const data = { ...nodes, ...links, kinds, found, way };
    canvas.hidden = actions.hidden = false;
    if (graph) graph.show(data);
    else graph = new Graph(canvas, data, (node) => tell(graph.data, node));
    const shown = nodes.name.length;
    state.textContent = shown ? `${shown} of ${of.nodes} nodes and ${links.near.length} of ${of.links} links are drawn.` : "";
    chosen.replaceChildren();
  } catch (error) {
    state.textContent = `The picture cannot be fetched (${error.message}): the tables show the same.`;
  }
}

function part(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function label(data, node) {
  if (data.kinds[data.kind[node]] === "worker") return part("bdi", data.name[node]);
  const link = part("a", data.name[node]);
  link.href = `paths/${encodeURIComponent(data.name[node])}`;
  return link;
}

function ms(us) { return `${(us / 1000).toFixed(3)} ms`; }

function between(gap) { return gap ? `, ${gap} silent hop${gap > 1 ? "s" : ""} between` : ""; }

function neighbours(data, node, from, to) {
  const links = [...data[from].keys()].filter((link) => data[from][link] === node);
  links.sort((one, other) => data.count[other] - data.count[one]);
  const rows = links.slice(0, 12).map((link) => part("li", "", label(data, data[to][link]),
    ` ${data.count[link]} paths${between(data.gap[link])}, adds ${ms(data.added_us[link])}`));
  if (links.length > 12) rows.push(part("li", `and ${links.length - 12} more`));
  return part("ul", "", ...rows);
}

function tell(data, node) {
  if (node < 0) return chosen.replaceChildren();
  const kind = data.kinds[data.kind[node]];
  const known = kind === "worker" ? "worker"
    : `${kind}, ${data.depth[node]} hops from the nearest worker, answered ${data.answers[node]} times, `
      + `smallest RTT ${ms(data.rtt_us[node])}`;
  chosen.replaceChildren(part("h3", "", label(data, node)), part("p", known),
    part("p", "Before it:"), neighbours(data, node, "far", "near"),
    part("p", "Behind it:"), neighbours(data, node, "near", "far"));
}

actions.addEventListener("click", (event) => {
  const wanted = event.target.dataset.do;
  if (wanted === "nearer") graph.zoom(1.4);
  if (wanted === "farther") graph.zoom(1 / 1.4);
  if (wanted === "fit") graph.fit();
  if (wanted === "anew") draw();
});
draw();
