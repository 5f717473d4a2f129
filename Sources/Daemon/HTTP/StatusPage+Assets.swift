extension StatusPage {
    /// The mill wheel before the name.
    static let mark: HTML = #"""
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><g fill="none" stroke="currentColor" \#
        stroke-width="2.4" stroke-linecap="round"><circle cx="16" cy="13" r="8"/><circle cx="16" cy="13" r="1.6"/>\#
        <path d="M16 2v8M16 16v8M5 13h8M19 13h8M8.2 5.2l5.7 5.7M18.1 15.1l5.7 5.7M23.8 5.2l-5.7 5.7\#
        M13.9 15.1l-5.7 5.7"/></g><path d="M2 27q3.5-3 7 0t7 0t7 0t7 0" fill="none" stroke="var(--accent)" \#
        stroke-width="2.6" stroke-linecap="round"/></svg>
        """#

    /// The same in a tab, where there is room for the wheel and one wave.
    static let icon: HTML = #"""
        data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Cg fill='none' \#
        stroke='%230d9488' stroke-width='3'%3E%3Ccircle cx='16' cy='13' r='8'/%3E%3Cpath d='M16 1v24M4 13h24\#
        M2 29q3.5-3 7 0t7 0t7 0t7 0'/%3E%3C/g%3E%3C/svg%3E
        """#

    static let style: HTML = #"""

        :root{color-scheme:light dark;--page:#f4f6f5;--card:#fff;--ink:#17211f;--quiet:#5d6b68;--rule:#dfe5e3;
        --accent:#0b7d73;--counter:#0b7d73;--histogram:#6d4bc4;--gauge:#b26a00;--bad:#b42318;--badback:#fdecea;
        --warnback:#fdf3dc;--warn:#7a4d00;--chip:#eef2f1}
        @media(prefers-color-scheme:dark){:root{--page:#0f1514;--card:#172120;--ink:#e4ecea;--quiet:#93a5a1;
        --rule:#263432;--accent:#3fd0bf;--counter:#3fd0bf;--histogram:#ab92f2;--gauge:#f0b254;--bad:#ff8a7d;
        --badback:#3a1a17;--warnback:#332813;--warn:#f0c878;--chip:#21302d}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",
        Roboto,"Helvetica Neue",Arial,sans-serif}
        main{max-width:1320px;margin:0 auto;padding:18px clamp(12px,2.5vw,28px) 48px}
        h1,h2,h3,p,ul,ol{margin:0;padding:0}
        ul,ol{list-style:none}
        a{color:var(--accent);text-underline-offset:2px}
        small,.quiet{color:var(--quiet);font-size:13px}
        header{display:flex;flex-wrap:wrap;align-items:center;gap:6px 18px;margin-bottom:14px}
        header nav{margin-left:auto;display:flex;gap:14px;font-size:14px}
        h1{font-size:22px;font-weight:650;letter-spacing:-.01em;display:flex;align-items:center;gap:8px}
        h1 small{font-weight:400}
        .mark{width:28px;height:28px}
        .state{display:flex;flex-wrap:wrap;align-items:center;gap:4px 12px}
        .badge{display:inline-block;padding:0 8px;border-radius:9px;background:var(--chip);color:var(--quiet);
        font-size:12px;line-height:18px}
        .badge.ready{background:var(--accent);color:var(--card)}
        .badge.waiting{background:var(--warnback);color:var(--warn)}
        .badge.bad{background:var(--badback);color:var(--bad)}
        .live{display:none;color:var(--quiet);font-size:13px}
        .live::before{content:"";display:inline-block;width:8px;height:8px;margin-right:6px;border-radius:50%;
        background:var(--accent);animation:pulse 2s infinite}
        .on .live{display:inline}
        .lost .live{color:var(--bad)}
        .lost .live::before{background:var(--bad);animation:none}
        .lost .live::after{content:": no answer"}
        @keyframes pulse{50%{opacity:.3}}
        @media(prefers-reduced-motion:reduce){.live::before{animation:none}}
        .notice{margin-bottom:10px;padding:9px 14px;border-radius:8px;background:var(--warnback);color:var(--warn);
        white-space:pre-wrap;overflow-wrap:anywhere}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(175px,1fr));gap:12px}
        .tile,.card,table,.lines{background:var(--card);border:1px solid var(--rule);border-radius:10px}
        .tile{position:relative;padding:11px 14px 46px;overflow:hidden}
        .tile h2{margin:0;font-size:13px;font-weight:500;color:var(--quiet)}
        .big{font-size:25px;font-weight:600;letter-spacing:-.02em;font-variant-numeric:tabular-nums;line-height:1.25}
        .tile .plot{position:absolute;left:0;right:0;bottom:0;width:100%;height:40px}
        section>h2{margin:26px 0 8px;font-size:16px;font-weight:650}
        section>h2 small{font-weight:400;margin-left:6px}
        .plot{display:block;width:100%;height:30px;color:var(--accent);overflow:visible}
        .plot .line{fill:none;stroke:currentColor;stroke-width:1.5;stroke-linejoin:round;
        vector-effect:non-scaling-stroke}
        .plot .area{fill:currentColor;opacity:.13}
        table{width:100%;border-collapse:separate;border-spacing:0;font-variant-numeric:tabular-nums}
        th,td{padding:7px 12px;text-align:right;vertical-align:middle;white-space:nowrap;
        border-top:1px solid var(--rule)}
        thead th{border-top:0;font-size:12px;font-weight:500;color:var(--quiet);padding:6px 12px}
        th:first-child{text-align:left;font-weight:400;width:40%;max-width:0;overflow:hidden}
        .name{display:block;overflow:hidden;text-overflow:ellipsis;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,
        Consolas,monospace}
        .plotcell{width:150px;min-width:90px}
        .plotcell .plot{height:24px}
        .problem{display:block;color:var(--bad);font-size:13px;white-space:normal;overflow-wrap:anywhere}
        .problem::before{content:"! ";font-weight:700}
        .alarm{color:var(--bad)}
        .cards{columns:2 520px;column-gap:12px}
        .card{break-inside:avoid;margin:0 0 12px;padding:12px 14px 6px}
        .card h3{font:600 14px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
        .card .plot{color:var(--accent)}
        .counter .plot{color:var(--counter)}.histogram .plot{color:var(--histogram)}.gauge .plot{color:var(--gauge)}
        .sum{font-size:20px;font-weight:600;letter-spacing:-.01em;font-variant-numeric:tabular-nums;margin-top:4px}
        .sum+.plot{height:54px;margin-bottom:8px}
        .card li{display:grid;grid-template-columns:minmax(0,1fr) auto 128px;gap:4px 14px;align-items:center;
        padding:6px 0;border-top:1px solid var(--rule)}
        .labels{display:flex;flex-wrap:wrap;gap:3px 5px;min-width:0}
        .chip{max-width:100%;padding:0 6px;border-radius:5px;background:var(--chip);font-size:12.5px;line-height:20px;
        overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
        .chip i{font-style:normal;color:var(--quiet)}
        .figures{display:flex;flex-direction:column;align-items:flex-end;line-height:1.3;white-space:nowrap;
        font-variant-numeric:tabular-nums}
        .figures b{font-weight:600}
        .figures small{font-size:12px}
        .lines{padding:4px 14px}
        .lines li{padding:5px 0;font-size:13px;border-top:1px solid var(--rule);overflow-wrap:anywhere}
        .lines li:first-child{border-top:0}
        .lines time,.stream{color:var(--quiet);font-variant-numeric:tabular-nums}
        .stream{font-size:12px}
        .lines code{display:block;font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
        word-break:break-all}
        @media(max-width:820px){
        thead{display:none}
        table,tbody{display:block}
        tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(80px,1fr));gap:2px 12px;padding:9px 12px;
        border-top:1px solid var(--rule)}
        tr:first-child{border-top:0}
        th,td{display:block;padding:0;border:0;text-align:left}
        th:first-child{grid-column:1/-1;width:auto;max-width:none}
        .name{white-space:normal;overflow-wrap:anywhere}
        .plotcell{width:auto}
        td[data-head]::before{content:attr(data-head);display:block;font-size:12px;color:var(--quiet)}
        header nav{margin-left:0}}
        @media(max-width:480px){.card li{grid-template-columns:minmax(0,1fr) auto}.card li .plot{grid-column:1/-1}
        .tiles{grid-template-columns:1fr 1fr}}

        """#

    /// Fetches the changes every second while the page is seen. Texts go in as text, never as markup; where the shape
    /// is another, the server's own markup replaces the old one.
    static let script: HTML = #"""

        (() => {
          const root = document.documentElement
          let busy = false, misses = 0
          const get = path => fetch(path, {cache: "no-store", signal: AbortSignal.timeout(5000)})
          const area = d => d && d.indexOf("M", 1) < 0 ? d + "V100H" + d.slice(1, d.indexOf(" ")) + "Z" : ""
          async function refresh() {
            const answer = await get("status.json")
            if (!answer.ok) throw answer.status
            const {shape, figures, plots} = (await answer.json()).page
            const main = document.querySelector("main")
            if (main.dataset.shape !== shape) {
              const page = new DOMParser().parseFromString(await (await get("./")).text(), "text/html")
              const fresh = page.querySelector("main")
              if (fresh) main.replaceWith(fresh)
              return
            }
            for (const element of main.querySelectorAll("[data-k]")) {
              const figure = figures[element.dataset.k]
              if (!figure) continue
              if (element.textContent !== figure[0]) element.textContent = figure[0]
              if (figure.length > 1) element.dataset.value = figure[1] ?? ""
            }
            for (const plot of main.querySelectorAll("[data-p]")) {
              const path = plots[plot.dataset.p] ?? ""
              plot.firstElementChild.setAttribute("d", area(path))
              plot.lastElementChild.setAttribute("d", path)
            }
          }
          async function tick() {
            if (busy || document.hidden) return
            busy = true
            try { await refresh(); misses = 0 } catch { misses++ }
            busy = false
            root.classList.toggle("lost", misses > 1)
          }
          root.classList.add("on")
          setInterval(tick, 1000)
        })()

        """#
}
