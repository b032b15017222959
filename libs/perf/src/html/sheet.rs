//! The style sheet of all pages.

/// Colours are variables, so that dark and light are one list each. The eight of the series are told
/// apart on both grounds, also by people who see few colours (after P. Okabe and K. Ito).
pub(super) const CSS: &str = "\
:root{--bg:#fbfbfa;--card:#fff;--ink:#1d232b;--soft:#5d6773;--line:#e3e5e8;--grid:#eceef0;--bad:#c2331f;\
--good:#1a7f4b;--s0:#0f6fb5;--s1:#d1741a;--s2:#16866b;--s3:#b2447f;--s4:#7a5ccf;--s5:#8a7a12;--s6:#3b9bc6;--s7:#5f6b78}\
@media(prefers-color-scheme:dark){:root{--bg:#12161a;--card:#1a1f25;--ink:#e6e9ec;--soft:#98a3af;--line:#2c333b;\
--grid:#262c33;--bad:#ff8a70;--good:#5fd39a;--s0:#5fb2ee;--s1:#f0a04b;--s2:#4fc9a6;--s3:#e58abb;--s4:#ab94f2;\
--s5:#d6c451;--s6:#86d0f0;--s7:#a3afbb}}\
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);\
font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}main{max-width:1120px;margin:0 auto;padding:36px 24px 64px}\
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}h2{font-size:17px;margin:36px 0 10px}\
.sub{color:var(--soft);margin:0 0 22px}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(225px,1fr));gap:12px}\
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}\
.tile b{display:block;font-size:23px;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.01em}\
.tile span{color:var(--soft);font-size:13px}.tile.bad b{color:var(--bad)}\
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;overflow-x:auto}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}\
th{font-weight:550;color:var(--soft);text-align:right;padding:4px 10px;border-bottom:1px solid var(--line);white-space:nowrap}\
td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--grid);white-space:nowrap}\
tr:last-child td{border-bottom:0}th.l,td.l{text-align:left}td.q{white-space:normal;overflow-wrap:anywhere;\
font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:13px;min-width:240px}\
td.bad,.bad{color:var(--bad)}td.good,.good{color:var(--good)}.note{color:var(--soft);font-size:13px;margin:8px 2px 0}\
.key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--soft);margin:2px 0 6px}\
.key i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle}\
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}\
svg .g{stroke:var(--grid);stroke-width:1}svg .a{stroke:var(--line);stroke-width:1}\
svg .p{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}svg .thin{stroke-width:1.2;opacity:.65}\
svg .dash{stroke-dasharray:5 4}.dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 20px;font-size:14px}\
.dl dt{color:var(--soft)}.dl dd{margin:0;overflow-wrap:anywhere}";
