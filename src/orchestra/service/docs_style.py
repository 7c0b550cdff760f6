"""How the documentation page looks and what it does: one style sheet, one small script, nothing from anywhere.

The script only searches: it hides operations that do not hold every word, and opens the one that an address
names. Without it the page is complete.
"""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --back: #fff; --text: #1c232c; --line: #dfe3e8; --muted: #5b6472; --accent: #0a50c0;
  --surface: #f6f7f9; --get: #0b6b3a; --post: #0a50c0; --put: #8a4b00; --patch: #6f3fb0; --delete: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --back: #101418; --text: #dfe5ec; --line: #2a323c; --muted: #9aa5b4; --accent: #86b9ff; --surface: #171c22;
    --get: #6fd39b; --post: #86b9ff; --put: #f0b46a; --patch: #c9a6ff; --delete: #ff9d94; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 76px; }
body { background: var(--back); color: var(--text); font: 15px/22px system-ui, sans-serif; margin: 0; }
code, pre { font: 13px/20px ui-monospace, SFMono-Regular, Menlo, monospace; }
a { color: var(--accent); }
h1 { font-size: 20px; margin: 0; }
h1 span { color: var(--muted); font-weight: 400; }
h2 { border-bottom: 1px solid var(--line); font-size: 18px; margin: 32px 0 12px; padding-bottom: 6px; }
h3 { color: var(--muted); font-size: 13px; font-weight: 600; margin: 18px 0 6px; }
header { align-items: center; background: var(--back); border-bottom: 1px solid var(--line); display: flex;
  flex-wrap: wrap; gap: 8px 24px; padding: 12px 24px; position: sticky; top: 0; z-index: 1; }
header label { flex: 1 1 220px; max-width: 480px; }
input { background: var(--surface); border: 1px solid var(--line); border-radius: 6px; color: inherit; font: inherit;
  padding: 7px 12px; width: 100%; }
.page { display: grid; gap: 0 32px; grid-template-columns: 180px minmax(0, 860px); justify-content: center;
  padding: 0 24px; }
nav ul { list-style: none; margin: 0; max-height: calc(100vh - 76px); overflow: auto; padding: 24px 0; position: sticky;
  top: 64px; }
nav a { border-radius: 6px; display: block; padding: 4px 8px; text-decoration: none; }
nav a:hover { background: var(--surface); }
details { border: 1px solid var(--line); border-radius: 8px; margin: 8px 0; }
details > :not(summary) { margin-left: 16px; margin-right: 16px; }
details > :last-child { margin-bottom: 16px; }
summary { cursor: pointer; display: grid; gap: 2px 12px; grid-template-columns: 58px minmax(0, 1fr); list-style: none;
  padding: 10px 16px; }
summary::-webkit-details-marker { display: none; }
summary:hover { background: var(--surface); }
summary code { font-weight: 600; overflow-wrap: anywhere; }
summary span:last-child { color: var(--muted); grid-column: 2; }
summary.plain { display: block; }
.method { font: 600 12px/20px ui-monospace, monospace; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); }
.patch { color: var(--patch); } .delete { color: var(--delete); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { color: var(--muted); font-size: 13px; font-weight: 600; }
th, td { border-top: 1px solid var(--line); padding: 6px 12px 6px 0; text-align: left; vertical-align: top; }
tr:first-child > * { border-top: 0; }
td code { overflow-wrap: anywhere; }
pre { background: var(--surface); border-radius: 6px; margin: 0; max-height: 360px; overflow: auto;
  padding: 10px 12px; }
.muted { color: var(--muted); }
[hidden] { display: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
@media (max-width: 760px) {
  .page { grid-template-columns: minmax(0, 1fr); padding: 0 12px; }
  nav ul { display: flex; flex-wrap: wrap; gap: 0 4px; max-height: none; padding: 12px 0 0; position: static; }
  header { padding: 10px 12px; }
  html { scroll-padding-top: 108px; }
  summary { grid-template-columns: minmax(0, 1fr); padding: 10px 12px; }
  summary span:last-child { grid-column: 1; }
  details > :not(summary) { margin-left: 12px; margin-right: 12px; }
}
"""

SCRIPT: Final = """
const input = document.getElementById("search");
const empty = document.getElementById("empty");
const entries = [...document.querySelectorAll("main details")];
const texts = new Map(entries.map((one) => [one, one.textContent.toLowerCase()]));
function search() {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const one of entries) one.hidden = !words.every((word) => texts.get(one).includes(word));
  for (const part of document.querySelectorAll("main section")) {
    part.hidden = ![...part.querySelectorAll("details")].some((one) => !one.hidden);
  }
  empty.hidden = entries.some((one) => !one.hidden);
}
function show() {
  const found = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (found instanceof HTMLDetailsElement) {
    if (found.hidden) { input.value = ""; search(); }
    found.open = true;
    found.scrollIntoView();
  }
}
input.parentElement.hidden = false;
input.addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== input) { event.preventDefault(); input.focus(); }
  if (event.key === "Escape" && event.target === input) { input.value = ""; search(); }
});
window.addEventListener("hashchange", show);
search();
show();
"""
