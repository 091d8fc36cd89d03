/**
 * The report's style. Colours after Okabe and Ito, darker on light ground and lighter on dark; the live page's
 * training, held out and power are 1, 2 and 3 here too.
 */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #fff; --text: #16202c; --quiet: #55606e; --line: #dfe3e9; --axis: #8a94a1;
  --t1: #0b5cad; --t2: #c4500b; --t3: #0d7a4f; --t4: #c06fa8; --t5: #d9a300; --t6: #9aa4b0;
  --n4: #94447c; --n5: #7a5c00; --n6: #55606e;
  --warn: #8a4b00; --warn-ground: #fff3dc;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #10151c; --card: #19212b; --text: #e8edf3; --quiet: #a3afbd; --line: #2c3743; --axis: #6b7785;
    --t1: #5aa9f5; --t2: #ff9f5a; --t3: #4fcf9b; --t4: #d58fc0; --t5: #f0d264; --t6: #76828f;
    --n4: #e3a8d2; --n5: #f0d264; --n6: #a9b4c0;
    --warn: #ffc977; --warn-ground: #3a2b12;
  }
}
* { box-sizing: border-box; }
body { max-width: 74rem; margin: 0 auto; padding: 1.5rem 1rem 2rem; background: var(--ground); color: var(--text); }
p, h1, h2, h3, dl, dd, figure, ul { margin: 0; }
header p { color: var(--quiet); overflow-wrap: anywhere; }
header .kind { font-size: .85rem; letter-spacing: .06em; text-transform: uppercase; }
h1 { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: center; font-size: 1.6rem; line-height: 1.3; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 .7rem; font-size: 1.25rem; }
h3 { font-size: 1rem; line-height: 1.4; }
.state { padding: .1rem .7rem; border: 1.5px solid currentcolor; border-radius: 2rem; font-size: .9rem; font-weight: 600; }
.completed { color: var(--t3); }
.failed, .stopped { color: var(--warn); background: var(--warn-ground); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin-top: 1.2rem;
  overflow: hidden; border: 1px solid var(--line); border-radius: .7rem; background: var(--line); }
.tiles div { padding: .8rem 1rem; background: var(--card); }
.tiles dt, .aside, figcaption p, .absent, summary, small, footer, dd p { color: var(--quiet); font-size: .875rem; }
.tiles dd { font-size: 1.3rem; font-weight: 600; line-height: 1.4; font-variant-numeric: tabular-nums; }
.tiles .aside { min-height: 1.3em; font-size: .8rem; font-weight: 400; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1rem; }
.card { min-width: 0; padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: .7rem; background: var(--card); }
.figures + .card { margin-top: 1rem; }
figcaption { margin-bottom: .6rem; }
figcaption p { line-height: 1.4; }
.absent { padding: 2.2rem 1rem; border: 1.5px dashed var(--line); border-radius: .5rem; text-align: center; }
svg { display: block; width: 100%; max-width: 34rem; height: auto; margin: 0 auto; overflow: visible; }
svg text { fill: var(--quiet); font-size: 12.5px; }
svg .row, svg .last { fill: var(--text); }
svg .last { font-variant-numeric: tabular-nums; }
svg .name { font-weight: 600; }
.grid { stroke: var(--line); }
.axis { stroke: var(--axis); }
.line { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.bar { stroke: var(--card); stroke-width: 1; }
.dashed { stroke-dasharray: 6 4; }
.dot { stroke: var(--card); stroke-width: 1.5; }
.band { opacity: .18; }
.cross, .ring { fill: none; stroke-width: 2.2; stroke-linecap: round; }
.faint { fill: var(--axis); }
.line.t1, .cross.t1 { stroke: var(--t1); } .line.t2, .cross.t2, .ring.t2 { stroke: var(--t2); } .line.t3 { stroke: var(--t3); }
.line.t4 { stroke: var(--n4); } .line.t5 { stroke: var(--n5); } .line.t6 { stroke: var(--n6); }
.bar.t1, .dot.t1, .band.t1, svg .name.t1 { fill: var(--t1); } .bar.t2, .dot.t2, .band.t2, svg .name.t2 { fill: var(--t2); }
.bar.t3, .dot.t3, .band.t3, svg .name.t3 { fill: var(--t3); } .bar.t4 { fill: var(--t4); } .bar.t5 { fill: var(--t5); }
.bar.t6 { fill: var(--t6); } .dot.t4, svg .name.t4 { fill: var(--n4); } .dot.t5, svg .name.t5 { fill: var(--n5); }
.dot.t6, svg .name.t6 { fill: var(--n6); }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; margin-bottom: .5rem; padding: 0; color: var(--quiet); font-size: .85rem; list-style: none; }
.legend svg { display: inline-block; width: .75rem; margin-right: .4rem; }
details { margin-top: .6rem; }
summary { cursor: pointer; }
summary:focus-visible, .scroll:focus-visible { outline: 3px solid var(--t1); outline-offset: 2px; }
.scroll { overflow-x: auto; max-height: 32rem; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--quiet); font-weight: 500; }
tbody th { font-weight: 600; }
.number { text-align: right; }
td.words:last-child { min-width: 12rem; white-space: normal; overflow-wrap: anywhere; }
.settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: .9rem 1.5rem; }
dt { color: var(--quiet); font-size: .9rem; }
dd { overflow-wrap: anywhere; }
.settings p { line-height: 1.35; font-size: .8rem; }
.changed dd { font-weight: 600; }
.changed p, .changed small { font-weight: 400; }
.changed { margin-left: -.7rem; padding-left: calc(.7rem - 3px); border-left: 3px solid var(--t1); }
.checksums { display: grid; gap: .9rem; }
code { font: .875rem ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
footer { margin-top: 2rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 40rem) {
  h1 { font-size: 1.3rem; }
  .card { padding: .8rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tiles dd { font-size: 1.1rem; }
}
@media print {
  :root { --ground: #fff; --line: #cfd4db; font-size: 11px; }
  @page { margin: 14mm; }
  body { max-width: none; padding: 0; print-color-adjust: exact; }
  .figures { grid-template-columns: 1fr 1fr; gap: .7rem; }
  .card { padding: .7rem; }
  .tiles { grid-template-columns: repeat(3, 1fr); }
  .card, .tiles div, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  details { display: none; }
  section > div.card, .settings { break-inside: auto; }
  .scroll { max-height: none; overflow: visible; }
  table { font-size: 9px; }
  th, td { padding: .25rem .35rem; white-space: normal; overflow-wrap: anywhere; }
}
`;
