// A button that copies a text of the page. Without a script the text can be marked or downloaded.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const area = document.getElementById(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    status.textContent = "";
    area.select();
    try {
      await navigator.clipboard.writeText(area.value);
    } catch {
      // Without TLS, or where it is forbidden: the old way copies what is marked.
      if (!document.execCommand("copy")) return;
    }
    status.textContent = button.dataset.done;
  });
}
