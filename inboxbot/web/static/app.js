// Makes the pages quicker; every one of them works without it.
"use strict";

document.documentElement.classList.add("js");

const body = document.body;
const main = document.querySelector("main");
const token = () => document.querySelector("input[name=form_token]")?.value || "";

async function post(address, values) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "X-Form-Token": token() },
    body: new URLSearchParams(values),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

// Selects that act at once; a button does so without the script.
for (const field of document.querySelectorAll("[data-submit]")) {
  field.addEventListener("change", () => field.form.requestSubmit());
}

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 4000);
});

// Menus close when the person goes elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// The list: where the person is, and what is chosen.
const rows = [...document.querySelectorAll("[data-row]")];
let at = -1;
let anchor = -1;

function goTo(index) {
  if (!rows.length) return;
  at = Math.max(0, Math.min(rows.length - 1, index));
  rows.forEach((row, number) => row.classList.toggle("at", number === at));
  rows[at].querySelector(".open").focus();
}

function choose(index, range) {
  if (index < 0) return;
  const box = (row) => row.querySelector("input[type=checkbox]");
  if (range && anchor >= 0) {
    const [low, high] = [Math.min(anchor, index), Math.max(anchor, index)];
    for (let number = low; number <= high; number++) box(rows[number]).checked = true;
  } else {
    box(rows[index]).checked = !box(rows[index]).checked;
  }
  anchor = index;
  countChosen();
}

const bulk = document.querySelector("[data-bulk]");
function countChosen() {
  const count = document.querySelectorAll("[data-row] input:checked").length;
  bulk.classList.toggle("on", count > 0);
  bulk.querySelector("[data-selected]").textContent = count ? `${count} ✓` : "";
}
if (bulk) {
  rows.forEach((row, index) => {
    row.addEventListener("focusin", () => { at = index; });
    row.querySelector("input").addEventListener("click", (event) => {
      if (event.shiftKey && anchor >= 0) { event.target.checked = false; choose(index, true); }
      anchor = index;
      countChosen();
    });
  });
  countChosen();
}

// Keys: an element names its own in data-key; pressing it is a click, or the focus of a field.
const sequences = new Map();
for (const element of document.querySelectorAll("[data-key]")) sequences.set(element.dataset.key, element);
let first = "";

function activate(element) {
  if (element.matches("input, textarea")) { element.focus(); element.scrollIntoView({ block: "center" }); return; }
  if (element.matches("summary")) {
    element.parentElement.open = true;
    element.parentElement.querySelector("button, select, input:not([type=hidden])").focus();
    return;
  }
  element.click();
}

const own = {
  j: () => (rows.length ? goTo(at + 1) : sequences.get("j")?.click()),
  k: () => (rows.length ? goTo(at - 1) : sequences.get("k")?.click()),
  o: () => rows[at]?.querySelector(".open").click(),
  x: () => choose(at, false),
  X: () => choose(at, true),
  w: () => body.classList.toggle("no-marks"),
  b: () => body.classList.toggle("blurred"),
  Escape: () => document.querySelector("details.menu[open]") ? closeMenus() : document.activeElement.blur(),
};
function closeMenus() {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && typing?.form) {
    event.preventDefault();
    typing.form.requestSubmit(typing.form.querySelector("button.primary"));
    return;
  }
  if (event.key === "Escape") { closeMenus(); typing?.blur(); return; }
  if (!("shortcuts" in body.dataset) || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const pressed = first ? `${first} ${event.key}` : event.key;
  first = "";
  const act = sequences.get(pressed) && !(rows.length && "jk".includes(pressed))
    ? () => activate(sequences.get(pressed))
    : own[pressed];
  if (act) { event.preventDefault(); act(); return; }
  if ([...sequences.keys()].some((keys) => keys.startsWith(`${event.key} `))) {
    first = event.key;
    setTimeout(() => { first = ""; }, 1500);
  }
});

// An answer in the making is kept every two seconds.
const compose = document.querySelector("form[data-draft]");
let unkept = false;
if (compose) {
  const text = compose.elements.text;
  const saved = compose.querySelector("[data-saved]");
  let busy = false;
  async function keep() {
    if (!unkept || busy) return;
    busy = true;
    unkept = false;
    try {
      const kept = await post(compose.dataset.draft, {
        text: text.value, draft: compose.elements.draft.value, draft_version: compose.elements.draft_version.value,
      });
      compose.elements.draft.value = kept.draft;
      compose.elements.draft_version.value = kept.version;
      saved.textContent = `✓ ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
    } catch {
      unkept = true;
      saved.textContent = "…";
    }
    busy = false;
  }
  text.addEventListener("input", () => { unkept = true; });
  setInterval(keep, 2000);
  compose.addEventListener("submit", () => { unkept = false; });
  addEventListener("beforeunload", (event) => { if (unkept) { keep(); event.preventDefault(); } });
  for (const button of compose.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
      unkept = true;
      closeMenus();
      text.focus();
    });
  }
}

// Who else is here; and whether somebody changed the letter meanwhile.
const presence = main?.dataset.letter;
if (presence) {
  const shown = document.querySelector("[data-present]");
  async function look() {
    if (document.hidden) return;
    const mode = compose && compose.elements.text.value && document.activeElement === compose.elements.text ? "writing" : "looking";
    try {
      const answer = await post(presence, { mode });
      shown.replaceChildren(...answer.present.map((each) => {
        const line = document.createElement("span");
        line.className = "present";
        const name = document.createElement("bdi");
        name.textContent = each.staff;
        line.append(name, each.writing ? " ✎" : " 👁");
        return line;
      }));
    } catch { /* The next look tries again. */ }
  }
  setInterval(look, 15000);
}

// New letters are announced, never pushed under the pointer.
const news = document.querySelector("[data-news]");
if (news) {
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(news.dataset.news, { headers: { "X-Form-Token": token() } });
      news.hidden = !(answer.ok && (await answer.json()).new > 0);
    } catch { /* The next look tries again. */ }
  }, 15000);
}
