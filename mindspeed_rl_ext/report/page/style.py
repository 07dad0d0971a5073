"""How the page looks: light and dark, phone and desktop.

Covers: one style sheet, nothing that is loaded.
Does not cover: what is on the page.
"""

_LIGHT = """
  --paper: #f6f6f4; --card: #ffffff; --ink: #1b1e23; --quiet: #5d646e; --line: #e3e3df;
  --faint: #efefec; --accent: #2457d6;
  --c0: #2f6bdb; --c1: #d9670a; --c2: #15875a; --c3: #8150d8; --c4: #c8374a; --c5: #0b8a9c;
  --good: #23966a; --mid: #e2a72e; --bad: #c9514c;
  --error: #b3261e; --error-paper: #fdf0ee; --warning: #8f5a00; --warning-paper: #fdf5e4;
  --note: #3d5a8a; --note-paper: #eef3fb; --fine: #14704c; --fine-paper: #ebf6f0;
"""
_DARK = """
  --paper: #131517; --card: #1c1f23; --ink: #e9e9e6; --quiet: #9fa6b0; --line: #2e3238;
  --faint: #25292e; --accent: #8db0ff;
  --c0: #78a5ff; --c1: #ff9d4d; --c2: #4fc995; --c3: #bb97ff; --c4: #ff7f8e; --c5: #51cbdc;
  --good: #3dab7e; --mid: #c9952f; --bad: #c65b57;
  --error: #ff9a90; --error-paper: #35201f; --warning: #f1be62; --warning-paper: #322817;
  --note: #a3c0f5; --note-paper: #1e2736; --fine: #6fd3a5; --fine-paper: #182c24;
"""

STYLE = (
    ":root { color-scheme: light;"
    + _LIGHT
    + "}\n:root[data-theme=dark] { color-scheme: dark;"
    + _DARK
    + "}\n@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) {"
    + " color-scheme: dark;"
    + _DARK
    + "} }"
    + """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC",
  "PingFang SC", "Microsoft YaHei", sans-serif; }
main, header.top { max-width: 76rem; margin: 0 auto; padding: 0 1.5rem; }
header.top { display: flex; gap: 1rem; align-items: flex-start; padding-top: 2rem; }
header.top > div { flex: 1; min-width: 0; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.6rem 0 .8rem; letter-spacing: -.005em; }
h3 { font-size: .92rem; font-weight: 600; margin: 0; }
p { margin: .3rem 0; }
small, .quiet { color: var(--quiet); font-size: .86rem; font-weight: 400; }
button, select, input { font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; padding: .4rem .7rem; min-height: 2.4rem; }
button { cursor: pointer; }
button:hover { border-color: var(--quiet); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
nav { margin-top: .7rem; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
nav a { color: var(--accent); text-decoration: none; padding: .25rem 0; }
nav a:hover { text-decoration: underline; }
.card, .chart, .tile, .finding, .rollout { background: var(--card); border-radius: 12px;
  border: 1px solid var(--line); }
.card { padding: 1rem 1.2rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem;
  margin-top: 1.6rem; }
.tile { padding: .8rem 1rem; min-width: 0; }
.tile b { display: block; font-size: 1.08rem; font-weight: 650; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; line-height: 1.35; overflow-wrap: anywhere; }
.tile span { color: var(--quiet); font-size: .82rem; }
.tile span { display: block; line-height: 1.4; }
.tile span:first-child::first-letter { text-transform: uppercase; }
.findings { display: grid; gap: .8rem; }
.finding { padding: .95rem 1.2rem 1.05rem; border-left: 4px solid var(--tone); }
.finding h3 { font-size: 1rem; display: flex; flex-wrap: wrap; gap: .3rem .6rem;
  align-items: baseline; }
.finding p { overflow-wrap: anywhere; }
.finding .why { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem 2rem;
  margin-top: .6rem; }
.finding h4 { font-size: .8rem; font-weight: 600; margin: 0; color: var(--quiet); }
.finding ul { margin: .15rem 0 0; padding-left: 1.1rem; }
.error { --tone: var(--error); --tint: var(--error-paper); }
.warning { --tone: var(--warning); --tint: var(--warning-paper); }
.note { --tone: var(--note); --tint: var(--note-paper); }
.fine { --tone: var(--fine); --tint: var(--fine-paper); }
.chip { display: inline-block; background: var(--tint, var(--faint)); color: var(--tone, inherit);
  border-radius: 99px; padding: .05rem .6rem; font-size: .8rem; font-weight: 600;
  max-width: 100%; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .9rem; }
.chart { margin: 0; padding: .9rem 1.1rem .7rem; min-width: 0; display: flex;
  flex-direction: column; }
.chart figcaption { display: flex; justify-content: space-between; flex-wrap: wrap;
  gap: .1rem 1rem; margin-bottom: 1.2rem; align-items: baseline; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem .9rem; margin: 0;
  padding: 0; font-size: .82rem; color: var(--quiet); }
.legend b, .now b { color: var(--ink); font-variant-numeric: tabular-nums; }
.legend li { overflow-wrap: anywhere; }
.legend i { display: inline-block; width: .65em; height: .65em; border-radius: 3px;
  background: var(--c); margin-right: .4em; }
.now { margin: 0; font-size: .82rem; color: var(--quiet); }
.plot { position: relative; height: 13.4rem; margin-top: auto; }
.plot.none { display: grid; place-items: center; color: var(--quiet); background: var(--faint);
  border-radius: 8px; }
.plot > .area { position: absolute; inset: .4rem 3rem 1.5rem 3.2rem; }
.area svg { width: 100%; height: 100%; display: block; overflow: hidden; }
.ys { position: absolute; inset: .4rem auto 1.5rem 0; width: 2.8rem; }
.xs { position: absolute; inset: auto 3rem 0 3.2rem; height: 1.3rem; }
.ys span, .xs span { position: absolute; font-size: .74rem; color: var(--quiet);
  font-variant-numeric: tabular-nums; line-height: 1; white-space: nowrap; }
.ys span { right: 0; transform: translateY(-50%); }
.xs span { transform: translateX(-50%); bottom: 0; }
.area > .flag { position: absolute; top: -.8rem; width: 1.6rem; height: 1.6rem; z-index: 1;
  margin-left: -.8rem; border-radius: 99px; background: var(--tone); color: var(--card);
  font-size: .76rem; font-weight: 700; line-height: 1.6rem; text-align: center;
  text-decoration: none; }
.area > .flag::after { content: ""; position: absolute; left: 50%; top: 100%; height: 11.4rem;
  border-left: 1.5px dashed var(--tone); pointer-events: none; }
.area > .end { position: absolute; margin-left: .3rem; transform: translateY(-50%);
  font-size: .74rem; font-weight: 600; line-height: 1; color: var(--c); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.unit { position: absolute; left: 0; top: -.9rem; font-size: .72rem; color: var(--quiet);
  white-space: nowrap; }
.xs em { position: absolute; left: calc(100% + 1.1rem); bottom: 0; font-size: .72rem;
  font-style: normal; color: var(--quiet); line-height: 1; }
#raw { margin-bottom: .7rem; font-size: .86rem; }
#raw[aria-pressed=true]::before { content: "✓ "; }
.no-raw svg .raw { display: none; }
.finding h3 .number { color: var(--tone); font-variant-numeric: tabular-nums; }
svg path { vector-effect: non-scaling-stroke; fill: none; stroke: var(--c); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .raw { stroke-width: 1; opacity: .32; }
svg .smooth { stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .dot { stroke-width: 6; stroke-linecap: round; }
svg .area { fill: var(--c); stroke: none; }
svg .band { opacity: .13; }
.c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); } .c3 { --c: var(--c3); }
.c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.good { --c: var(--good); } .mid { --c: var(--mid); } .bad { --c: var(--bad); }
.cross { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--quiet);
  display: none; pointer-events: none; }
.tip { position: absolute; top: .2rem; display: none; pointer-events: none; z-index: 2;
  background: var(--ink); color: var(--card); border-radius: 8px; padding: .35rem .6rem;
  font-size: .78rem; line-height: 1.5; white-space: nowrap; font-variant-numeric: tabular-nums;
  max-width: 80vw; overflow: hidden; text-overflow: ellipsis; }
.wide { overflow-x: auto; }
.wide + .hint { display: none; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .42rem .9rem .42rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
tr:last-child td { border-bottom: 0; }
th { font-weight: 600; font-size: .82rem; color: var(--quiet); white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
td.name { overflow-wrap: anywhere; min-width: 9rem; }
.bar { display: block; height: .5rem; border-radius: 3px; background: var(--c0); min-width: 2px; }
td.barred { width: 40%; vertical-align: middle; }
table.timing { margin-top: 1.2rem; }
td + td:not(.number), th.number + th:not(.number) { padding-left: .6rem; }
details > summary { cursor: pointer; color: var(--accent); padding: .3rem 0; }
.filters { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin-bottom: .8rem; }
.filters input { flex: 1 1 12rem; min-width: 0; }
.filters select { flex: 0 1 auto; max-width: 100%; }
.filters output { color: var(--quiet); font-size: .86rem; font-variant-numeric: tabular-nums; }
.rollouts { display: grid; gap: .8rem; }
.rollout { padding: .9rem 1.2rem 1rem; min-width: 0; }
.rollout .head { display: flex; flex-wrap: wrap; gap: .3rem .7rem; align-items: baseline;
  margin-bottom: .5rem; color: var(--quiet); font-size: .86rem; }
.rollout .head b { color: var(--ink); }
.rollout h4 { margin: .6rem 0 .15rem; font-size: .8rem; font-weight: 600; color: var(--quiet); }
.right { --tone: var(--fine); --tint: var(--fine-paper); }
.wrong { --tone: var(--warning); --tint: var(--warning-paper); }
.neither { --tone: var(--error); --tint: var(--error-paper); }
pre { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; background: var(--faint);
  border-radius: 8px; padding: .6rem .8rem; max-height: 22rem; overflow-y: auto; }
mark { background: #ffe38a; color: #1b1e23; border-radius: 2px; }
.verdicts { list-style: none; margin: .7rem 0 0; padding: 0; display: grid; gap: .3rem; }
.verdicts li { overflow-wrap: anywhere; display: flex; flex-wrap: wrap; gap: .1rem .5rem;
  align-items: baseline; min-width: 0; }
.verdicts li > * { min-width: 0; }
.more { margin-top: .8rem; }
footer { max-width: 76rem; margin: 3rem auto 0; padding: 0 1.5rem 2rem; }
.files { margin: 0; padding-left: 1.1rem; }
.files li { overflow-wrap: anywhere; }
@media (max-width: 52rem) {
  main, header.top, footer { padding-left: 1rem; padding-right: 1rem; }
  header.top { padding-top: 1.2rem; }
  .charts, .finding .why { grid-template-columns: minmax(0, 1fr); }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
  .tile { padding: .7rem .8rem; }
  .tile b { font-size: .98rem; }
  .plot { height: 11.5rem; }
  .chart, .finding, .rollout, .card { padding-left: .9rem; padding-right: .9rem; }
  .filters select { flex: 1 1 40%; }
  td.barred { width: 25%; }
  .wide + .hint { display: block; }
  .area > .flag::after { height: 9.5rem; }
}
@media print { .filters, .more, #theme, nav { display: none; } body { background: #fff; } }
"""
)
