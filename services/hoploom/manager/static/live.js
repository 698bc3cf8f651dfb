// Renews what changes on the page every two seconds, and says so when it cannot.
"use strict";
const EVERY_MS = 2000;
async function renew() {
  const live = document.getElementById("live");
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
  setTimeout(renew, EVERY_MS);
}
setTimeout(renew, EVERY_MS);
