import { html } from './html.ts'

/** The look of the first pages: one sheet, light and dark. */
export const style = html`
:root{--bg:#fff;--fg:#1b1f24;--quiet:#626b76;--line:#e3e6ea;--ok:#1a7f4b;--warning:#9a6700;--critical:#c3222f;--unknown:#6b4fbb;--na:#8a939d;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--quiet:#9aa4af;--line:#2b3138;--ok:#4cc38a;--warning:#e2a93b;--critical:#ff6b70;--unknown:#a592f0;--na:#737d88}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,sans-serif}
header{border-bottom:1px solid var(--line);padding:10px 24px;font-weight:600}main{max-width:1200px;margin:0 auto;padding:16px 24px}
a{color:inherit;text-decoration-color:var(--line)}h1{font-size:22px;margin:8px 0 14px}h2{font-size:16px;margin:22px 0 6px;text-transform:capitalize}
table{border-collapse:collapse;width:100%}table.narrow{width:auto;min-width:50%}th{text-align:left;font-weight:600;color:var(--quiet)}th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
td.number{white-space:nowrap}td.state{width:90px}td.since{width:90px;text-align:right;white-space:nowrap}
.tiles{display:flex;gap:10px;flex-wrap:wrap;margin:0 0 14px}.tile{border:1px solid var(--line);border-left:4px solid;border-radius:6px;padding:8px 16px;text-decoration:none;min-width:120px}.tile b{font-size:22px;display:block;color:var(--fg)}.tile.chosen{background:var(--line)}
.tile.ok{border-left-color:var(--ok)}.tile.warning{border-left-color:var(--warning)}.tile.critical{border-left-color:var(--critical)}.tile.unknown{border-left-color:var(--unknown)}
.badge{display:inline-block;padding:0 8px;border-radius:9px;border:1px solid currentColor;font-size:12.5px;white-space:nowrap}h1 .badge{vertical-align:4px}
.badge.ok{color:var(--ok)}.badge.warning{color:var(--warning)}.badge.critical{color:var(--critical)}.badge.unknown{color:var(--unknown)}.badge.not-applicable{color:var(--na)}
.dot{display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:6px;background:currentColor}.dot.critical{color:var(--critical)}.dot.warning{color:var(--warning)}.dot.unknown{color:var(--unknown)}
.quiet{color:var(--quiet)}.note{border-left:4px solid var(--critical);padding:6px 12px}details{margin:10px 0}summary{cursor:pointer}pre{overflow:auto;max-height:480px;background:color-mix(in srgb,var(--line) 45%,transparent);padding:10px;border-radius:6px;font-size:12.5px}
input[type=search]{font:inherit;padding:5px 10px;width:260px;border:1px solid var(--line);border-radius:6px;background:var(--bg);color:var(--fg);margin:0 0 6px}`
