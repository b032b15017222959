// The page works without this: it only adds keys.
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
