// Comfort only: every page works without it.
"use strict";

// What is missing is said beside its field, before anything is sent.
function tell(input, text) {
  const id = `${input.id}-fault`;
  let note = document.getElementById(id);
  if (!note) {
    note = document.createElement("p");
    note.id = id;
    note.className = "gw-note";
    note.setAttribute("role", "alert");
    (input.closest(".weui-cell") || input.closest("label")).after(note);
    input.addEventListener("input", () => hush(input));
    input.addEventListener("change", () => hush(input));
  }
  note.textContent = text;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
}

function hush(input) {
  const note = document.getElementById(`${input.id}-fault`);
  if (!note) return;
  note.textContent = "";
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
}

const isMissing = (input) => (input.type === "checkbox" ? input.required && !input.checked : !input.value.trim());

for (const form of document.querySelectorAll("form[data-check]")) {
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.formNoValidate) return;
    const asked = [...form.querySelectorAll("[data-missing]")].filter((input) => input.offsetParent);
    const missing = asked.filter(isMissing);
    for (const input of asked) isMissing(input) ? tell(input, input.dataset.missing) : hush(input);
    if (!missing.length) return;
    missing[0].focus();
    event.preventDefault();
    event.stopImmediatePropagation();
  });
}

// A form is sent once. Its button stays what it is, and where it leads, for the browser that is sending it.
for (const form of document.querySelectorAll("form[data-once]")) {
  let busy = null;
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (busy) return event.preventDefault();
    busy = form.querySelector("button.weui-btn_primary, button.weui-btn_warn") || event.submitter || form;
    busy.classList.add("gw-busy");
    busy.setAttribute("aria-busy", "true");
  });
  // The Back button brings the page back as it was left.
  addEventListener("pageshow", () => {
    if (busy) busy.classList.remove("gw-busy");
    if (busy) busy.removeAttribute("aria-busy");
    busy = null;
  });
}

// Codes are sent from where one is; then the seconds until the next one.
const send = document.querySelector("button[data-wait]");
if (send) {
  const text = send.textContent;
  const wait = (seconds) => {
    const ends = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((ends - Date.now()) / 1000);
      send.disabled = left > 0;
      send.textContent = left > 0 ? `${left} ${send.dataset.unit}` : text;
      if (left <= 0) clearInterval(timer);
    };
    const timer = setInterval(tick, 1000);
    tick();
  };
  if (Number(send.dataset.wait) > 0) wait(Number(send.dataset.wait));

  const form = send.form, phone = form.elements.phone, code = form.elements.code;
  const say = (text, kind, role) => {
    for (const old of form.querySelectorAll(".gw-panel .gw-sent, .gw-panel .gw-fault")) old.remove();
    const note = document.createElement("p");
    note.className = kind;
    note.setAttribute("role", role);
    send.closest(".gw-panel").prepend(note);
    note.textContent = text;
  };
  const again = () => {
    const query = new URLSearchParams({ ticket: form.elements.ticket.value, method: "sms" });
    location.assign(`${form.action}?${query}`);
  };
  // On the button, not on the form: pages where this fails send the form as it is.
  send.addEventListener("click", async (event) => {
    event.preventDefault();
    if (isMissing(phone)) return tell(phone, phone.dataset.missing), phone.focus();
    send.disabled = true;
    const fields = { ticket: form.elements.ticket.value, phone: phone.value };
    if (form.elements.consent.checked) fields.consent = "1";
    try {
      const answer = await fetch(send.formAction, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new URLSearchParams(fields),
      });
      const said = await answer.json();
      if (said.ticket) form.elements.ticket.value = said.ticket;
      if (said.ok) {
        hush(phone);
        say(send.dataset.sent, "gw-sent", "status");
        wait(said.retry_after);
        code.focus();
      } else if (said.message && said.error === "invalid_phone") {
        send.disabled = false;
        tell(phone, said.message);
        phone.focus();
      } else if (said.message) {
        say(said.message, "gw-fault", "alert");
        said.retry_after ? wait(Math.min(said.retry_after, 300)) : (send.disabled = false);
      } else {
        again();
      }
    } catch {
      again();
    }
  });
}

// Large type, at once and without losing what was typed; the server remembers.
for (const form of document.querySelectorAll("form[data-care]")) {
  const button = form.elements.care;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const on = button.value === "1";
    fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ care: button.value }),
      keepalive: true,
    }).catch(() => {}); // then it lasts as long as this page
    if (on) document.body.dataset.weuiMode = "care";
    else delete document.body.dataset.weuiMode;
    button.value = on ? "0" : "1";
    button.textContent = on ? button.dataset.off : button.dataset.on;
  });
}
