// Renews what changes on a page (elements with an id and `data-live`) when a manager says that there is something new.
// While none does the page looks by itself. What a person is at stays: focus, what is typed, open details, scrolling.
const EVERY_MS = 2000;
const QUIET_MS = 30000;
const LONG_MS = 10000;
const { root, look: section } = document.querySelector("script[data-root]").dataset;
const word = document.getElementById("live");
let told = false;
let due = Date.now() + LONG_MS;
let lookedAt = Date.now();

function say(text, away) {
  if (word.textContent !== text) word.textContent = text;
  word.classList.toggle("away", away);
}

function busy(part) {
  const at = document.activeElement;
  const changed = (field) =>
    field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
      : field.tagName === "SELECT" ? [...field.options].some((each) => each.selected !== each.defaultSelected)
        : field.type !== "hidden" && field.value !== field.defaultValue;
  const typing = at && part.contains(at) && at.matches("input:not([type=hidden]), textarea, select");
  return typing || [...part.querySelectorAll("input, textarea, select")].some(changed);
}

// Where an element stands below a part, so that it is found again in the renewed one.
function path(part, element) {
  const steps = [];
  for (let at = element; at !== part; at = at.parentElement) steps.unshift([...at.parentElement.children].indexOf(at));
  return steps;
}

function found(part, element) {
  const key = element.id || element.getAttribute("href");
  const name = element.id ? `#${CSS.escape(element.id)}` : `${element.tagName}[href="${CSS.escape(key || "")}"]`;
  return (key && part.querySelector(name)) || null;
}

function renewed(before, after) {
  const at = document.activeElement;
  const within = at && at !== before && before.contains(at) ? [at, path(before, at)] : null;
  const open = [...before.querySelectorAll("details")].map((each) => [each.id, path(before, each), each.open]);
  const moved = [...before.querySelectorAll(".scroll")]
    .filter((each) => each.scrollLeft || each.scrollTop)
    .map((each) => [path(before, each), each.scrollLeft, each.scrollTop]);
  const step = (steps) => steps.reduce((each, index) => each && each.children[index], after);
  for (const [id, steps, is] of open) {
    const same = id ? after.querySelector(`#${CSS.escape(id)}`) : step(steps);
    if (same && same.tagName === "DETAILS") same.open = is;
  }
  before.replaceWith(after);
  for (const [steps, left, top] of moved) step(steps)?.scrollTo(left, top);
  if (within) (found(after, within[0]) || step(within[1]))?.focus({ preventScroll: true });
}

async function renew() {
  lookedAt = Date.now();
  try {
    // By that word it does not count as use: a session rests though its page is open.
    const headers = { Accept: "text/html", "X-Renews": "yes" };
    const answer = await fetch(section || location.href, { headers, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      say("signed out: load the page again", true);
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const before of document.querySelectorAll("[data-live][id]")) {
      const after = text.getElementById(before.id);
      if (after && !before.isEqualNode(after) && !busy(before)) renewed(before, document.adoptNode(after));
    }
    document.dispatchEvent(new CustomEvent("renewed"));
    say("live", false);
  } catch {
    say("no answer: this is the last known state", true);
  }
}

async function look() {
  const now = Date.now();
  if (!document.hidden && (now >= due || now - lookedAt >= QUIET_MS)) {
    due = told ? Infinity : now + LONG_MS;
    await renew();
  }
  setTimeout(look, EVERY_MS);
}

function listen() {
  const source = new EventSource(`${root}live`);
  const end = (spread_s) => {
    source.close();
    told = false;
    due = Math.min(due, Date.now() + LONG_MS);
    setTimeout(listen, 1000 * (1 + spread_s * Math.random()));
  };
  source.onopen = () => {
    told = true;
    due = 0;
  };
  source.onerror = () => end(20);
  source.addEventListener("bye", (event) => end(JSON.parse(event.data).retry_s));
  source.addEventListener("page", () => { due = 0; });
}

setTimeout(look, EVERY_MS);
if (document.querySelector("[data-live]")) listen();
addEventListener("visibilitychange", () => { if (!document.hidden) due = 0; });
