"""The style sheet of reports: light and dark, on a screen and on paper, readable without colour."""

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1f24, #e6e8eb);
  --soft: light-dark(#5b6470, #9aa4b0); --edge: light-dark(#d5dae0, #3a414a);
  --bad: light-dark(#b3261e, #ff8a80); --good: light-dark(#1b6e3c, #7fd49b);
  --one: light-dark(#1f5fbf, #8ab8ff); --span: light-dark(#f4f6f8, #20252b); }
body { color: var(--ink); background: light-dark(#fff, #15181c);
  font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--edge); }
h3 { font-size: 1rem; margin: 1.5rem 0 0; }
h4 { font-size: .85rem; font-weight: 600; color: var(--soft); margin: .75rem 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--edge); }
th { font-weight: 600; color: var(--soft); white-space: nowrap; }
summary { color: var(--soft); cursor: pointer; margin: .25rem 0; }
.none { color: var(--soft); }
.phase.promoted::before, .verdict.pass::before { content: "\\2714  "; }
.phase.aborted::before, .phase.superseded::before, .verdict.fail::before { content: "\\2716  "; }
.phase.promoted, .verdict.pass, .chart .pass { color: var(--good); }
.phase.aborted, .phase.superseded, .verdict.fail, .chart .fail { color: var(--bad); }
.chart { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
.chart text { fill: var(--soft); } .chart .value { text-anchor: end; }
.chart .time { text-anchor: middle; }
.chart .grid { stroke: var(--edge); stroke-width: .6; }
.chart rect.span { fill: none; } .chart rect.span-1 { fill: var(--span); }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.chart .threshold { stroke: currentColor; stroke-width: 1; stroke-dasharray: 5 4; }
.chart .name { fill: currentColor; }
.chart .candidate, .chart .measured { color: var(--one); }
.chart .stable, .chart .routed { color: var(--soft); }
.chart .routed, .chart .stable, .chart path.pass { stroke-dasharray: 2 2; }
.chart path.desired { stroke-width: 3; opacity: .35; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; }
  details { display: none; } h2, h3, h4 { break-after: avoid; }
  .chart, tr { break-inside: avoid; } }
"""
