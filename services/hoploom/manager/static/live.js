// Renews what changes on the page when a manager says that there is something new. While none does the page asks itself
// every two seconds, and says so when nobody answers.
"use strict";
const EVERY_MS = 2000;
const AT_LEAST_EVERY_MS = 30000;
let told = false;
let renewedAt = Date.now();
async function renew() {
  const live = document.getElementById("live");
  renewedAt = Date.now();
  try {
    const answer = await fetch("?part=main");
    if (!answer.ok) throw new Error(String(answer.status));
    document.querySelector("main").innerHTML = await answer.text();
    live.textContent = "live";
    live.className = "";
  } catch {
    live.textContent = "no answer, showing the last known state";
    live.className = "away";
  }
  setTimeout(look, EVERY_MS);
}
function look() {
  if (!told || Date.now() - renewedAt >= AT_LEAST_EVERY_MS) renew();
  else setTimeout(look, EVERY_MS);
}
function listen() {
  const source = new EventSource("live");
  const end = (spread_s) => {
    source.close();
    told = false;
    setTimeout(listen, 1000 * spread_s * Math.random());
  };
  source.onopen = () => { told = true; };
  source.onerror = () => end(20);
  source.addEventListener("bye", (event) => end(JSON.parse(event.data).retry_s));
  source.addEventListener("page", () => { renewedAt = 0; });
}
setTimeout(look, EVERY_MS);
listen();
