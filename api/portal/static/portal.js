// What pages do by themselves: parts that refresh, charts that load their figures.

import { draw } from "./charts.js";

const EVERY = 5000;
const offline = document.querySelector("[data-offline]");

async function refresh(part) {
  const answer = await fetch(part.dataset.live, { headers: { Accept: "text/html" }, redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.status === 401) {
    location.reload(); // the session has ended: the page leads to the login
    return;
  }
  if (!answer.ok) throw new Error(`${part.dataset.live}: ${answer.status}`);
  const text = await answer.text();
  // Replacing what has the focus would throw people out of the list they are walking through.
  if (part.shown === text || part.contains(document.activeElement)) return;
  part.shown = text;
  part.innerHTML = text;
}

async function turn(parts) {
  if (document.visibilityState === "visible") {
    try {
      await Promise.all(parts.map(refresh));
      offline.hidden = true;
    } catch {
      offline.hidden = false;
    }
  }
  setTimeout(turn, EVERY, parts);
}

const parts = [...document.querySelectorAll("[data-live]")];
if (parts.length) setTimeout(turn, EVERY, parts);

// Without the browser libraries the pages say so themselves and hold no charts.
if (window.uPlot) document.querySelectorAll("[data-chart]").forEach(draw);
