"""How a report looks: inside the page, in the light and in the dark, on paper too."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --soft: #f2f4f7;
  --line: #8a93a0; --good: #0b6b3a; --bad: #a1260d; --link: #0050a0; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceff3; --paper: #14171b; --soft: #22272e; --line: #7b8592; --good: #6fd09a;
    --bad: #ff9c85; --link: #8cc2ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 78rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { line-height: 1.2; margin-bottom: .2rem; }
h2 { margin-top: 2.4rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
.lead { font-size: 1.1rem; max-width: 60rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
.wide:focus-visible { outline: 3px solid var(--link); }
table { border-collapse: collapse; min-width: 20rem; font-variant-numeric: tabular-nums;
  font-size: .93rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; min-width: 17rem; }
th, td { padding: .35rem .7rem; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th[scope=row], thead th:first-child { text-align: left; position: sticky; left: 0;
  background: var(--paper); }
thead th { background: var(--soft); }
thead th:first-child { background: var(--soft); }
tr.ours th, tr.ours td { font-weight: 700; background: var(--soft); }
td small { display: block; opacity: .85; font-weight: 400; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 700; }
.plots { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); }
figure { margin: 0; padding: .6rem; background: #ffffff; color: #1b1f24;
  border: 1px solid var(--line); border-radius: .5rem; }
figure svg { width: 100%; height: auto; }
figcaption { font-size: .85rem; }
details { margin: .8rem 0; } summary { cursor: pointer; color: var(--link); }
li { overflow-wrap: anywhere; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 1.2rem; }
@media print { details > * { display: block; } .wide { overflow: visible; } }
"""
