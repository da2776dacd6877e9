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

// Keys: an element names its own in data-key, in the list in data-list-key; pressing it is a
// click, or the focus of a field. Who has keys of their own presses those.
const named = (attribute) => {
  const found = new Map();
  for (const each of document.querySelectorAll(`[${attribute}]`)) found.set(each.getAttribute(attribute), each);
  return found;
};
const sequences = named("data-key");
const listKeys = named("data-list-key");
const ownKeys = JSON.parse(body.dataset.shortcuts || "{}");
const usual = new Map(Object.entries(ownKeys).map(([key, pressed]) => [pressed, key]));
let first = "";

const visible = (element) => element.checkVisibility() || element.closest("details.menu") || (element.dataset.listKey && rows.length);

function activate(element) {
  if (element.matches("input, textarea")) { element.focus(); element.scrollIntoView({ block: "center" }); return; }
  if (element.matches("summary")) return openMenu(element.parentElement);
  if (element.matches("section")) {
    element.scrollIntoView({ block: "nearest" });
    element.querySelector("button, summary, a").focus();
    return;
  }
  element.click();
}

function openMenu(menu) {
  menu.open = true;
  menu.querySelector("button, select, input:not([type=hidden])").focus();
}

function closeMenus() {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
}

// Keys of the list act on what is chosen, or on the letter where the person is.
function onChosen(element) {
  if (!document.querySelector("[data-row] input:checked")) {
    if (at < 0) return;
    choose(at, false);
  }
  sessionStorage.setItem(`at ${location.pathname}`, String(at));
  activate(element);
}

function chooseAll(on) {
  for (const row of rows) row.querySelector("input[type=checkbox]").checked = on;
  if (bulk) countChosen();
}

function back() {
  if (document.querySelector("details.menu[open]")) return closeMenus();
  if (document.querySelector("[data-row] input:checked")) return chooseAll(false);
  sequences.get("u")?.click();
  return undefined;
}

const own = {
  j: () => (rows.length ? goTo(at + 1) : sequences.get("j")?.click()),
  k: () => (rows.length ? goTo(at - 1) : sequences.get("k")?.click()),
  o: () => rows[at]?.querySelector(".open").click(),
  u: back,
  x: () => choose(at, false),
  X: () => choose(at, true),
  "* a": () => chooseAll(true),
  w: () => body.classList.toggle("no-marks"),
  b: () => body.classList.toggle("blurred"),
  Escape: back,
};
if (rows.length) {
  own.ArrowDown = own.j;
  own.ArrowUp = own.k;
  const last = sessionStorage.getItem(`at ${location.pathname}`);
  sessionStorage.removeItem(`at ${location.pathname}`);
  if (last !== null) goTo(Number(last));
}

// The sign that is typed, as if capitals were not locked: only Shift makes one.
function signOf({ key, shiftKey }) {
  if (key.length > 1) return key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}

// What a press is called in the maps: a person's own key stands for the usual one. What is typed
// decides, never where the key lies: keyboards differ in what needs Shift.
function nameOf(key) {
  if (key === "!") return "i";
  if (usual.has(key)) return usual.get(key);
  return key in ownKeys ? "" : key;
}

function meaning(pressed) {
  if (rows.length && listKeys.has(pressed)) return () => onChosen(listKeys.get(pressed));
  if (rows.length && "jk".includes(pressed)) return own[pressed];
  const element = sequences.get(pressed);
  return element && pressed !== "u" ? () => activate(element) : own[pressed];
}

// Enter and Escape that end a composition belong to it (in Safari it ends before it tells of them).
const composing = (event) => event.isComposing || event.keyCode === 229;

// A key that is held goes on moving, and does nothing else again: what it does may open the next
// letter, and would be done with that, too.
const moving = new Set(["j", "k", "ArrowDown", "ArrowUp"]);

document.addEventListener("keydown", (event) => {
  if (composing(event) || document.querySelector("dialog[open]")) return;
  const sign = signOf(event);
  const name = nameOf(sign);
  if (event.repeat && !moving.has(name)) return;
  const typing = event.target.closest("input:not([type=checkbox]), textarea, select");
  const command = event.ctrlKey || event.metaKey;
  // Where the keys type no Latin letters, their places have to do.
  const latin = /^[a-z]$/i.test(event.key);
  const isK = latin ? event.key.toLowerCase() === "k" : event.code === "KeyK";
  if (command && isK && palette) { event.preventDefault(); palette(); return; }
  if (command && event.key === "Enter" && typing?.form) {
    event.preventDefault();
    typing.form.requestSubmit(typing.form.querySelector("button.primary"));
    return;
  }
  if (event.key === "Escape" && typing) { closeMenus(); typing.blur(); return; }
  if (event.key === "Escape" && document.querySelector("details.menu[open]")) { closeMenus(); return; }
  if (!("shortcuts" in body.dataset) || typing || command || event.altKey) return;
  const then = event.target.closest("details.menu[open]")?.querySelector(`[data-then="${CSS.escape(sign)}"]`);
  if (then) { event.preventDefault(); then.click(); return; }
  if (event.key === "Shift") return; // It may be held for the second key of a sequence.
  const pressed = first ? `${first} ${sign}` : name;
  first = "";
  const act = pressed && meaning(pressed);
  if (act) { event.preventDefault(); act(); return; }
  if ([...sequences.keys(), ...Object.keys(own)].some((keys) => keys.startsWith(`${sign} `))) {
    event.preventDefault();
    first = sign;
    setTimeout(() => { first = ""; }, 1500);
  }
});

for (const field of document.querySelectorAll("#bulk .menu input:not([type=checkbox])")) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || composing(event)) return;
    event.preventDefault();
    field.closest(".menu").querySelector("button").click();
  });
}

for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());

// Every action of the page by its name: the links and buttons that are there, and no others.
function actions() {
  const found = new Map();
  const wanted = ".top nav a, .user a, .columns > .views a, [data-key], [data-list-key], .buttons button, .thumb-bar a";
  for (const element of document.querySelectorAll(wanted)) {
    const key = element.dataset.key || element.dataset.listKey || "";
    const copy = element.cloneNode(true);
    for (const part of copy.querySelectorAll("kbd, .count, svg")) part.remove();
    const label = element.matches("input, textarea") ? element.labels[0]?.textContent
      : element.matches("section") ? element.querySelector("h2").textContent : copy.textContent;
    const text = (label || "").replace(/\s+/g, " ").trim();
    if (text && visible(element) && (!found.has(text) || key)) found.set(text, { text, key, element });
  }
  return [...found.values()];
}

const opener = document.querySelector("[data-palette]");
const palette = opener && (() => {
  const dialog = document.createElement("dialog");
  const label = document.createElement("label");
  const field = document.createElement("input");
  const list = document.createElement("ul");
  const none = document.createElement("p");
  const known = actions();
  dialog.className = "palette";
  label.append(opener.dataset.palette, field);
  none.textContent = opener.dataset.none;
  none.setAttribute("role", "status");
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", opener.textContent);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list", autocomplete: "off" })) field.setAttribute(name, value);
  dialog.append(label, list, none);
  body.append(dialog);
  let shown = [];
  let here = 0;
  function mark(index) {
    here = Math.max(0, Math.min(shown.length - 1, index));
    [...list.children].forEach((line, number) => line.setAttribute("aria-selected", String(number === here)));
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${here}` : "");
    list.children[here]?.scrollIntoView({ block: "nearest" });
  }
  function run(action) {
    dialog.close();
    if (!action) return;
    if (action.element.dataset.listKey) onChosen(action.element);
    else activate(action.element);
  }
  function draw() {
    const said = field.value.toLowerCase().split(/\s+/);
    const begins = (each) => each.text.toLowerCase().startsWith(field.value.toLowerCase());
    shown = known.filter((each) => said.every((word) => each.text.toLowerCase().includes(word)));
    shown.sort((one, other) => begins(other) - begins(one));
    list.replaceChildren(...shown.map((each, number) => {
      const line = document.createElement("li");
      line.id = `palette-${number}`;
      line.setAttribute("role", "option");
      line.append(each.text);
      if (each.key && "shortcuts" in body.dataset) {
        const key = document.createElement("kbd");
        key.textContent = ownKeys[each.key] || each.key;
        line.append(key);
      }
      line.addEventListener("click", () => run(each));
      return line;
    }));
    none.hidden = shown.length > 0;
    list.hidden = shown.length === 0;
    mark(0);
  }
  field.addEventListener("input", draw);
  field.addEventListener("keydown", (event) => {
    if (composing(event)) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      mark(here + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(shown[here]);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  draw();
});
opener?.addEventListener("click", palette);

// An answer in the making is kept every two seconds.
const compose = document.querySelector("form[data-draft]");
let unkept = false;
if (compose) {
  const text = compose.elements.text;
  const saved = compose.querySelector("[data-saved]");
  let busy = false;
  let waits = false;
  async function keep() {
    if (!unkept || busy || waits) return;
    busy = true;
    unkept = false;
    try {
      const kept = await post(compose.dataset.draft, {
        text: text.value, draft: compose.elements.draft.value, draft_version: compose.elements.draft_version.value,
      });
      compose.elements.draft.value = kept.draft;
      compose.elements.draft_version.value = kept.version;
      saved.textContent = kept.said;
    } catch (error) {
      unkept = true;
      const out = ["401", "403"].includes(error.message);
      const said = out ? saved.dataset.signedOut : "…";
      if (saved.textContent !== said) saved.textContent = said;
      if (out) await comeBack();
    }
    busy = false;
  }
  // Where the same person is signed in again, the forms of this page are good again. Where somebody
  // else is, nothing is tried any more until somebody writes here: it would keep their session.
  async function comeBack() {
    const page = await fetch(document.querySelector(".user a").href, { redirect: "manual" }).catch(() => null);
    const read = page?.ok ? await page.text() : "";
    const fresh = read.match(/name="form_token" value="([^"]+)"/);
    if (!fresh) return;
    waits = !read.includes(`<body data-me="${body.dataset.me}"`);
    if (waits) return;
    for (const field of document.querySelectorAll("input[name=form_token]")) field.value = fresh[1];
  }
  text.addEventListener("input", () => { unkept = true; waits = false; });
  setInterval(keep, 2000);
  compose.addEventListener("submit", () => { unkept = false; });
  addEventListener("beforeunload", (event) => { if (unkept) { keep(); event.preventDefault(); } });
  // A stroke where a word begins opens the ready-made replies; Escape writes it after all.
  const ready = compose.querySelector("details.ready");
  const find = ready?.querySelector("[data-find]");
  const found = () => [...ready.querySelectorAll("li")].filter((line) => !line.hidden);
  if (ready) {
    text.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
      if (text.selectionStart > 0 && !/\s/.test(text.value[text.selectionStart - 1])) return;
      event.preventDefault();
      ready.open = true;
      find.focus();
    });
    find.addEventListener("input", () => {
      const said = find.value.toLowerCase().replace(/^\//, "");
      for (const line of ready.querySelectorAll("li")) line.hidden = !line.textContent.toLowerCase().includes(said);
    });
    find.addEventListener("keydown", (event) => {
      if (composing(event)) return;
      if (event.key === "Enter") {
        event.preventDefault();
        found()[0]?.querySelector("[data-insert]").click();
      } else if (event.key === "Escape") {
        event.stopPropagation();
        ready.open = false;
        text.focus();
        text.setRangeText("/", text.selectionStart, text.selectionEnd, "end");
      }
    });
    ready.addEventListener("toggle", () => { find.value = ""; find.dispatchEvent(new Event("input")); });
  }
  for (const button of compose.querySelectorAll("[data-insert]")) {
    button.addEventListener("click", () => {
      text.setRangeText(button.dataset.insert, text.selectionStart, text.selectionEnd, "end");
      unkept = true;
      const used = document.createElement("input");
      Object.assign(used, { type: "hidden", name: "used", value: button.dataset.short });
      compose.append(used);
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
        line.append(name, ` ${each.writing ? shown.dataset.writing : shown.dataset.looking}`);
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

// The end of the session is told two minutes before; one press, or going on writing, puts it off.
const WARNED = 120;
const ending = document.querySelector("[data-ending]");
if (ending) {
  const said = ending.querySelector("[role=alert]");
  let timer = 0;
  let seen = Date.now();
  const later = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(Math.max(seconds, 1), 86400) * 1000);
  };
  const stay = () => post(ending.getAttribute("action"), {}).catch(() => {});
  async function look() {
    let answer;
    try {
      answer = await fetch(ending.dataset.ending, { headers: { "X-Form-Token": token() } });
    } catch { return later(15); }
    if (answer.status === 401 || answer.status === 302) return leave();
    if (!answer.ok) return later(15);
    const { left, may_stay: may } = await answer.json();
    const near = left <= WARNED;
    if (near && ending.hidden) said.textContent = may ? said.dataset.said : said.dataset.last;
    ending.querySelector("button").hidden = !may;
    ending.hidden = !near;
    later(near ? Math.min(left + 1, 10) : left - WARNED + 1);
  }
  // Nothing of a letter stays on the screen of a person who went away.
  function leave() {
    const back = location.pathname + location.search;
    location.replace(`${ending.dataset.door}?next=${encodeURIComponent(back)}`);
  }
  ending.addEventListener("submit", async (event) => {
    event.preventDefault();
    await stay();
    ending.hidden = true;
    look();
  });
  document.addEventListener("input", () => {
    if (Date.now() - seen < 60000) return;
    seen = Date.now();
    stay();
  });
  later(Number(ending.dataset.left) - WARNED + 1);
}

// A note that was not added yet is kept in this tab, also over the end of a session: for whoever
// wrote it, and not for the next person at the same tab.
for (const field of document.querySelectorAll("textarea[data-keep]")) {
  const name = `kept ${body.dataset.me} ${location.pathname}`;
  const kept = (sessionStorage.getItem(name) || "").trim();
  const added = [...document.querySelectorAll(".note .text")].some((each) => each.textContent.trim() === kept);
  if (added) sessionStorage.removeItem(name);
  else field.value ||= kept;
  field.addEventListener("input", () => sessionStorage.setItem(name, field.value));
}
