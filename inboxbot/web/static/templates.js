// The editor of a template: what is typed is kept, checked and shown at once. Without this script
// the buttons do the same.
"use strict";

const editor = document.querySelector("form[data-editor]");
const bench = document.querySelector(".bench");
const who = document.getElementById("who");
const sheets = [...document.querySelectorAll("textarea[data-sheet]")];
const PAUSE = 90;
const AGAIN = 2000;

// Line numbers and marks lie behind the text, in the same letters, so that both wrap alike.
const TAG = /(\{\{[^]*?\}\}|\{%[^]*?%\}|\{#[^]*?#\})/;

function drawLines(area) {
  const lines = area.nextElementSibling;
  const wrong = new Set([...document.querySelectorAll("[data-go]")].map((each) => each.dataset.go.split(":"))
    .filter(([part]) => part === area.name).map(([, line]) => Number(line)));
  let note = false;
  lines.replaceChildren(...area.value.split("\n").map((text, index) => {
    const line = document.createElement("div");
    line.classList.toggle("wrong", wrong.has(index + 1));
    for (const piece of text.split(TAG)) {
      const opens = piece.lastIndexOf("{#") > piece.lastIndexOf("#}");
      const span = document.createElement("span");
      span.textContent = piece;
      if (note || opens || piece.startsWith("{#")) span.className = "note";
      else if (TAG.test(piece)) span.className = "syntax";
      if (opens) note = true;
      else if (piece.includes("#}")) note = false;
      line.append(span);
    }
    return line;
  }));
}

for (const area of sheets) {
  const lines = document.createElement("div");
  lines.className = "lines";
  lines.setAttribute("aria-hidden", "true");
  lines.dir = area.dir;
  area.after(lines);
  area.parentElement.classList.add("lined");
  drawLines(area);
}

// One save at a time; what was typed meanwhile follows with the next.
let unkept = false;
let busy = null;
let timer = 0;
const saved = document.querySelector("[data-live=saved]");

function wait() {
  unkept = true;
  clearTimeout(timer);
  timer = setTimeout(look, PAUSE);
}

function look() {
  clearTimeout(timer);
  timer = 0;
  busy ??= send().finally(() => {
    busy = null;
    if (unkept && !timer) wait();
  });
  return busy;
}

function ask(values) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", editor.getAttribute("action"));
    request.responseType = "document";
    request.onload = () => resolve(request);
    request.onerror = () => reject(new Error("offline"));
    request.send(values);
  });
}

async function send(more = {}) {
  const values = new URLSearchParams(new FormData(editor));
  values.set("panel", "1");
  for (const [name, value] of Object.entries(more)) values.set(name, value);
  unkept = false;
  let answer;
  try {
    answer = await ask(values);
  } catch {
    return again("…");
  }
  if (answer.status === 200) return show(answer.response);
  if (answer.status === 409) { unkept = false; clearTimeout(timer); editor.submit(); return undefined; }
  if (answer.status === 401 || answer.status === 403) return signedOut();
  return again(`… ${answer.status}`);
}

function again(text) {
  saved.textContent = text;
  unkept = true;
  timer = setTimeout(look, AGAIN);
}

// Signed out: the text stays here; as soon as somebody is signed in again, it is kept.
async function signedOut() {
  const page = await fetch(location.href, { redirect: "manual" }).catch(() => null);
  const found = page?.ok && (await page.text()).match(/name="form_token" value="([^"]+)"/);
  if (found) editor.elements.form_token.value = found[1];
  again(editor.dataset.signedOut);
}

function show(page) {
  const stale = page.querySelector("[data-live=stale]").textContent !== "";
  for (const piece of page.querySelectorAll("[data-live]")) {
    // What could be shown last stays until the problem is mended.
    if (stale && piece.dataset.live === "preview") continue;
    const old = document.querySelector(`[data-live="${piece.dataset.live}"]`);
    if (old.textContent !== piece.textContent || piece.dataset.live === "state" || piece.dataset.live === "problems") {
      old.replaceChildren(...[...piece.childNodes].map((node) => document.importNode(node, true)));
    }
  }
  sheets.forEach(drawLines);
  if (!stale) showFrames();
  return page;
}

function showFrames() {
  for (const frame of document.querySelectorAll("iframe[data-frame]")) {
    const address = new URL(frame.dataset.frame, location.href);
    address.searchParams.set("who", who.value);
    // Without a step in the history, and only where somebody looks.
    if (frame.checkVisibility()) frame.contentWindow.location.replace(address.href);
    else frame.dataset.old = "1";
  }
}

for (const area of sheets) {
  area.addEventListener("input", () => { drawLines(area); wait(); });
}
who.addEventListener("change", () => {
  const file = document.querySelector("[data-who]");
  const test = document.querySelector("[data-who-field]");
  if (test) test.value = who.value;
  if (file) file.search = new URLSearchParams({ who: who.value });
  unkept = true;
  look();
});
for (const choice of document.querySelectorAll("[data-view] input")) choice.addEventListener("change", showFrames);

// A button of the form waits until what is on its way has arrived.
editor.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.value.startsWith("fix:")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    mend(button.value);
    return;
  }
  if (!busy) { unkept = false; return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  busy.then(() => editor.requestSubmit(button));
}, { capture: true });

async function mend(what) {
  await busy;
  busy = send({ do: what }).finally(() => { busy = null; });
  const page = await busy;
  if (!page) return;
  for (const area of sheets) {
    const text = page.querySelector(`[data-typed="${area.name}"]`).content.textContent;
    if (area.value === text) continue;
    area.value = text;
    drawLines(area);
    area.focus();
  }
}

addEventListener("beforeunload", (event) => { if (unkept) { look(); event.preventDefault(); } });

// Values go where the cursor is.
const current = () => sheets.find((area) => area.checkVisibility()) || sheets[0];
for (const button of document.querySelectorAll("[data-insert]")) {
  button.addEventListener("click", () => {
    const area = current();
    area.setRangeText(button.dataset.insert, area.selectionStart, area.selectionEnd, "end");
    area.focus();
    drawLines(area);
    wait();
  });
}

// The place of a problem.
function goToProblem(link) {
  const [part, line, column] = link.dataset.go.split(":");
  editor.querySelector(`[name=part][value=${part}]`).checked = true;
  const area = document.getElementById(part);
  const before = area.value.split("\n").slice(0, Number(line) - 1).join("\n");
  const at = before.length + (Number(line) > 1 ? 1 : 0) + Number(column) - 1;
  area.focus();
  area.setSelectionRange(at, at);
  area.nextElementSibling.children[Number(line) - 1]?.scrollIntoView({ block: "center" });
}
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-go]");
  if (link) { event.preventDefault(); goToProblem(link); }
});

let problem = -1;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter")) {
    event.preventDefault();
    event.stopPropagation();
    look();
  } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const links = [...document.querySelectorAll("[data-go]")];
    if (!links.length) return;
    event.preventDefault();
    problem = (problem + (event.key === "ArrowDown" ? 1 : -1) + links.length) % links.length;
    goToProblem(links[problem]);
  }
}, { capture: true });
