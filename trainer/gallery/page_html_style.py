"""How does a grid's page look, and which keys move in it? Its style sheet and its only script, both inside the page."""

# The oven's two themes, by day and by night; the picture looked at is what the address points at, so that everything but the
# arrow keys works without the script.
STYLE = """
:root { color-scheme: light dark; --ground: #faf6ef; --panel: #eae0d1; --ink: #382f28; --muted: #7a6d60; --rule: #d9cdbc;
  --ember: #a8521b; --gone: #e4dccf; --cell: %(cell)s; }
@media (prefers-color-scheme: dark) { :root { --ground: #171310; --panel: #28211b; --ink: #e6dacd; --muted: #9a8b7d;
  --rule: #3b322a; --ember: #f08a3c; --gone: #221c17; } }
:root:has(#small:checked) { --cell: %(small)s; }
:root:has(#large:checked) { --cell: %(large)s; }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem; background: var(--ground); color: var(--ink); width: max-content; min-width: 100%%;
  font: 15px/1.45 system-ui, sans-serif; }
header, footer, h2, nav { position: sticky; left: 1.5rem; width: calc(100vw - 4.5rem); max-width: 68rem; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 650; }
h2 { margin: 2rem 0 .6rem; font-size: 1.05rem; font-weight: 600; white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--ember); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .8rem 0; }
dt { color: var(--muted); }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.facts, footer { color: var(--muted); }
.tools { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; color: var(--muted); }
.tools label { cursor: pointer; }
.tools input { accent-color: var(--ember); vertical-align: -1px; margin: 0 .35rem 0 0; }
.favourites { columns: 18rem; list-style: none; padding: 0; margin: .6rem 0; }
table { border-collapse: separate; border-spacing: 4px; margin-left: -4px; }
thead { position: sticky; top: 0; z-index: 2; background: var(--ground); }
th { font-weight: 500; font-size: .85rem; padding: .1rem .3rem; white-space: pre-wrap; overflow-wrap: anywhere; }
thead th { max-width: var(--cell); vertical-align: bottom; }
thead th[colspan] { max-width: none; border-bottom: 1px solid var(--rule); }
tbody th, thead td { position: sticky; left: 0; z-index: 1; background: var(--ground); width: 9rem; min-width: 9rem; text-align: right; }
td.at { padding: 0; vertical-align: top; }
td.apart, th.apart { border-left: 12px solid var(--ground); }
figure { margin: 0; }
figure img, .gone { display: block; width: var(--cell); height: auto; aspect-ratio: %(ratio)s; object-fit: contain; border-radius: 2px; %(render)s }
.gone { background: var(--gone); color: var(--muted); display: grid; place-items: center; font-size: .8rem; }
figure.fav img { outline: 2px solid var(--ember); outline-offset: 1px; }
figcaption { margin-top: .25rem; font-size: .75rem; color: var(--muted); max-width: var(--cell); min-height: 0; }
figcaption b { color: var(--ember); }
:root:has(#only:checked) figure:not(.fav) { opacity: .12; }
.about { display: none; }
figure:target { position: fixed; inset: 0; z-index: 9; background: var(--ground); display: grid; gap: 1.5rem; padding: 1.5rem;
  grid-template-columns: minmax(0, 1fr) 24rem; grid-template-rows: minmax(0, 1fr); opacity: 1 !important; }
figure:target > a { display: grid; place-items: center; min-height: 0; }
figure:target img { width: auto; height: auto; max-width: 100%%; max-height: calc(100vh - 3rem); min-width: min(100%%, 24rem); outline: none; }
figure:target figcaption { display: none; }
figure:target .about { display: block; overflow: auto; }
.about .close { float: right; text-decoration: none; font-size: 1.3rem; line-height: 1; }
.way { display: grid; grid-template-columns: repeat(3, 2.6rem); gap: .2rem; margin-top: 1rem; }
.way a { text-align: center; padding: .3rem 0; background: var(--panel); border-radius: 4px; text-decoration: none; }
.way .up, .way .down { grid-column: 2; } .way .left { grid-column: 1; grid-row: 2; } .way .right { grid-column: 3; grid-row: 2; } .way .down { grid-row: 3; }
@media (max-width: 50rem) { figure:target { grid-template-columns: 1fr; grid-template-rows: auto auto; align-content: start; overflow: auto; }
  figure:target img { max-height: 60vh; } tbody th, thead td { width: 5rem; min-width: 5rem; } }
@media print { .tools { display: none; } thead { position: static; } }
"""
"""Takes `cell`, `small` and `large` (widths of a picture), `ratio` (its width / height) and `render`."""

SCRIPT = """
addEventListener("keydown", event => {
  const shown = document.querySelector("figure:target");
  const ways = { ArrowUp: ".up", ArrowDown: ".down", ArrowLeft: ".left", ArrowRight: ".right", Escape: ".close" };
  const link = shown && ways[event.key] && shown.querySelector(ways[event.key]);
  if (link) { event.preventDefault(); link.click(); }
});
"""
"""Lets the arrow keys and escape follow the links that are beside a large picture anyway."""
