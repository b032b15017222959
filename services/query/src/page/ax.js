// The page works without this: it only adds keys and clicks.
"use strict";
const box = document.getElementById("q");
const typing = (event) => /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && !typing(event)) {
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "Escape" && event.target === box) {
    box.blur();
  } else if ((event.key === "j" || event.key === "k") && !typing(event)) {
    step(event.key === "j" ? 1 : -1);
  }
});

// j and k go from file to file.
function step(by) {
  const files = [...document.querySelectorAll("article.file h2 a")];
  if (files.length === 0) return;
  const at = files.indexOf(document.activeElement);
  const next = files[Math.min(files.length - 1, Math.max(0, at + by))];
  next.focus();
  next.closest("article").scrollIntoView({ block: "nearest" });
}

// An example of the help goes into the box.
document.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example) return;
  event.preventDefault();
  box.value = example.dataset.example;
  box.focus();
});

// In a file, Ctrl (or Command) and a click on a name lead to its definitions and uses.
document.addEventListener("click", (event) => {
  if (!event.ctrlKey && !event.metaKey) return;
  const table = event.target.closest("table[data-name]");
  const cell = event.target.closest("td");
  if (!table || !cell || cell.className === "n" || cell.querySelector(".cut")) return;
  const before = caret(event, cell);
  if (before === null) return;
  const column = [...before].length + 1;
  const line = cell.parentElement.id.slice(1);
  location.href = `${table.dataset.name}&line=${line}&col=${column}`;
});

// The text of a cell before the pointer.
function caret(event, cell) {
  const at = document.caretPositionFromPoint
    ? document.caretPositionFromPoint(event.clientX, event.clientY)
    : null;
  const old = at ? null : document.caretRangeFromPoint(event.clientX, event.clientY);
  const [node, offset] = at ? [at.offsetNode, at.offset] : [old?.startContainer, old?.startOffset];
  if (!node || !cell.contains(node)) return null;
  const range = document.createRange();
  range.setStart(cell, 0);
  range.setEnd(node, offset);
  return range.toString();
}
