import { html } from './html.ts'

/** The look of the first pages: one sheet, light and dark, for wide windows and for telephones. */
export const style = html`
:root{--bg:#fff;--fg:#1b1f24;--quiet:#626b76;--line:#e3e6ea;--soft:#f5f6f8;--ok:#1a7f4b;--warning:#9a6700;--critical:#c3222f;--unknown:#6b4fbb;--na:#6f7882;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--quiet:#9aa4af;--line:#2b3138;--soft:#1b1f25;--ok:#4cc38a;--warning:#e2a93b;--critical:#ff6b70;--unknown:#a592f0;--na:#8a939d}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
header{border-bottom:1px solid var(--line);padding:10px 24px;font-weight:600;display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;justify-content:space-between}header a{text-decoration:none}.who{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:baseline;font-weight:400;font-size:13.5px}main{max-width:1240px;margin:0 auto;padding:16px 24px 48px}
a{color:inherit;text-decoration-color:var(--na)}a:hover{text-decoration-color:currentColor}h1{font-size:22px;line-height:1.3;margin:8px 0 14px}h2{font-size:16px;margin:28px 0 6px}h2::first-letter{text-transform:uppercase}
table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;color:var(--quiet);white-space:nowrap}th::first-letter{text-transform:uppercase}
th,td{padding:8px 14px 8px 0;border-bottom:1px solid var(--line);vertical-align:top}th:last-child,td:last-child{padding-right:0}
table.narrow{width:auto;min-width:min(560px,100%)}table.narrow th,table.narrow td{padding-top:4px;padding-bottom:4px}
td.name{font-weight:600;width:22%;min-width:150px}td.wrong{width:44%}td.os{min-width:120px}td.brief,td.number,td.since{white-space:nowrap}td.state{width:96px;white-space:nowrap}td.since{text-align:right}
.clamp{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:3;overflow:hidden}.clamp b{font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(4,minmax(0,150px));gap:10px;margin:0 0 16px}.tile{border:1px solid var(--line);border-left:4px solid;border-radius:6px;padding:8px 14px;text-decoration:none;color:var(--quiet)}
.tile b{font-size:22px;line-height:1.3;display:block;color:var(--fg)}.tile.chosen,.tile:hover{background:var(--soft)}.tile.chosen{outline:2px solid var(--na);outline-offset:-1px}
.tile.ok{border-left-color:var(--ok)}.tile.warning{border-left-color:var(--warning)}.tile.critical{border-left-color:var(--critical)}.tile.unknown{border-left-color:var(--unknown)}
.badge{display:inline-block;padding:0 8px;border-radius:9px;border:1px solid currentColor;font-size:12.5px;font-weight:400;white-space:nowrap}h1 .badge{vertical-align:4px}
.badge.ok{color:var(--ok)}.badge.warning{color:var(--warning)}.badge.critical{color:var(--critical)}.badge.unknown{color:var(--unknown)}.badge.not-applicable{color:var(--na)}
.dot{display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:6px;background:currentColor}.dot.critical{color:var(--critical)}.dot.warning{color:var(--warning)}.dot.unknown{color:var(--unknown)}
.quiet{color:var(--quiet)}.note{border-left:4px solid var(--critical);padding:6px 12px}
details{margin:8px 0}summary{cursor:pointer;padding:2px 0}pre{white-space:pre-wrap;overflow:auto;max-height:480px;margin:6px 0;background:var(--soft);padding:10px;border-radius:6px;font-size:12.5px}
input[type=search]{font:inherit;padding:6px 10px;width:min(320px,100%);border:1px solid var(--line);border-radius:6px;background:var(--bg);color:var(--fg);margin:0 0 8px}
button,a.button{font:inherit;font-size:13.5px;padding:3px 12px;border:1px solid var(--line);border-radius:6px;background:var(--soft);color:var(--fg);cursor:pointer;text-decoration:none}button:hover,a.button:hover{border-color:var(--na)}
a.button{display:inline-block;font-size:15px;padding:8px 16px}form.act{display:inline-block;margin:0 6px 4px 0}.undecided{border:1px solid var(--line);border-left:4px solid var(--unknown);border-radius:6px;padding:4px 16px 8px;margin:0 0 20px}.undecided h2{margin:8px 0 4px}
.undecided tr:last-child td{border-bottom:0}td.acts{white-space:nowrap;text-align:right}.audit td.wrong{width:auto}
@media(max-width:760px){header,main{padding-left:14px;padding-right:14px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}
.cards thead{display:none}.cards,.cards tbody{display:block}.cards tr{display:flex;flex-wrap:wrap;gap:2px 12px;padding:12px 0;border-bottom:1px solid var(--line)}.cards td{border:0;padding:0;width:auto;min-width:0}
.cards td.name{flex:1 1 60%}.cards td.wrong{flex:1 1 100%}.cards td.acts{text-align:left;flex:1 1 100%}.cards td.os,.cards td.brief{color:var(--quiet);font-size:13.5px}
.findings tr{display:flex;flex-wrap:wrap;gap:2px 10px;padding:10px 0;border-bottom:1px solid var(--line)}.findings,.findings tbody{display:block}.findings td{border:0;padding:0;width:auto}.findings td:nth-child(2){order:3;flex:1 1 100%}}`
