// Looks how far the hand-over is, so that the page need not be loaded anew to find out. Works without it, too.
"use strict";

const page = document.querySelector("[data-stage]");
const clock = page.querySelector("[data-clock]");
const ends = Date.now() + Number(page.dataset.left) * 1000;
const EVERY = 2000; // milliseconds

setInterval(() => { clock.textContent = Math.max(0, Math.ceil((ends - Date.now()) / 1000)); }, 500);

async function look() {
  if (Date.now() > ends + EVERY) return location.reload(); // the last time: it is over
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), 5000);
  try {
    const answer = await fetch(location.pathname, {
      headers: { Accept: "application/json" }, cache: "no-store", signal: patience.signal,
    });
    if (answer.ok && (await answer.json()).stage !== page.dataset.stage) return location.reload();
  } catch { /* the network comes back, or the time is up */ }
  clearTimeout(timer);
  setTimeout(look, EVERY);
}
setTimeout(look, EVERY);
