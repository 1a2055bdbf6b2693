// Comfort only: every page works without it.
"use strict";

// A form is sent once. The button that sent it keeps its name and address, so it is disabled only afterwards.
for (const form of document.querySelectorAll("form[data-once]")) {
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  // The Back button brings the page back as it was left.
  addEventListener("pageshow", () => { sent = false; });
}

// The seconds until another code may be sent.
const send = document.querySelector("button[data-wait]");
if (send && Number(send.dataset.wait) > 0) {
  const text = send.textContent;
  const ends = Date.now() + Number(send.dataset.wait) * 1000;
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    send.disabled = left > 0;
    send.textContent = left > 0 ? `${left} ${send.dataset.unit}` : text;
    if (left <= 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
  tick();
}
