// What the pages do beside Dash: links without reloading, times in the reader's zone.
(() => {
    // A link that is no dcc.Link (those take no tabindex): go there as Dash does.
    const go = (href) => {
        window.history.pushState({}, "", href);
        window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
        window.scrollTo(0, 0);
    };
    document.addEventListener("click", (event) => {
        const link = event.target.closest?.("a.part");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
        event.preventDefault();
        go(link.getAttribute("href"));
    });

    // The drawer of a row: the grid shows which row it is, focus moves there and back, Esc closes, Enter opens.
    const gridOf = (table) => {
        const box = document.querySelector(`section[aria-label] [id*='"table":"${table}"']`);
        return box && window.dash_ag_grid.getApi(JSON.parse(box.id));
    };
    const rowOf = (key) => document.querySelector(`.ag-row[row-id="${key}"]`);
    const shown = document.head.appendChild(document.createElement("style"));
    let open = null;
    let anchor = null; // the row that is opened or closed, and where it is: it stays there when the page makes room
    const remember = (row) => { anchor = row && { key: row.getAttribute("row-id"), top: row.getBoundingClientRect().top }; };
    document.addEventListener("pointerdown", (event) => {
        const row = event.target.closest(".ag-row");
        if (row) remember(row);
        else if (event.target.closest("#row-close") && open) remember(rowOf(open.key));
    }, true);
    const stay = () => {
        const row = anchor && rowOf(anchor.key);
        if (row) window.scrollBy(0, row.getBoundingClientRect().top - anchor.top);
        anchor = null;
    };
    const drawer = () => {
        const found = document.querySelector(".details[data-key]");
        const now = found && { table: found.dataset.table, key: found.dataset.key };
        if (open?.key === now?.key) return;
        const before = open;
        open = now;
        const api = gridOf((now || before).table);
        const node = api?.getRowNode((now || before).key);
        if (!now || !before) stay();
        const rows = now && `.ag-row[row-id="${now.key}"]`;
        shown.textContent = now ? `${rows}, ${rows}::before { background-color: var(--selected) !important; }` : "";
        api?.deselectAll(); // so that a click on any row opens it, this one too
        if (now) {
            if (node && before) api.ensureNodeVisible(node);
            if (!before && document.activeElement?.closest(".grid")) found.querySelector("h2").focus({ preventScroll: true });
        } else if (node) {
            api.setFocusedCell(node.rowIndex, api.getAllDisplayedColumns()[0]);
        }
    };
    new MutationObserver(drawer).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["data-key"] });
    document.addEventListener("keydown", (event) => {
        const at = event.target;
        if (event.key === "Escape" && (at === document.body || at.closest("#details, .grid")) && !at.closest("input, textarea")) {
            if (open) remember(rowOf(open.key));
            document.getElementById("row-close")?.click();
        } else if (event.key === "Enter" && at.closest(".ag-row [role=gridcell]")) {
            const row = at.closest(".ag-row");
            remember(row);
            const box = row.closest("[id*='table']");
            window.dash_ag_grid.getApi(JSON.parse(box.id)).getRowNode(row.getAttribute("row-id"))?.setSelected(true, true);
        }
    });

    // Choosers that were opened stay open when the page is drawn anew.
    const opened = new Set();
    document.addEventListener("toggle", (event) => {
        const box = event.target;
        if (!box.classList.contains("chooser")) return;
        if (box.open) opened.add(box.id);
        else if (box.isConnected) opened.delete(box.id);
    }, true);
    new MutationObserver(() => {
        for (const box of document.querySelectorAll(".chooser:not([open]):not([data-seen])")) {
            box.dataset.seen = "";
            box.open = opened.has(box.id);
        }
    }).observe(document.documentElement, { childList: true, subtree: true });

    // The text of a letter to the clipboard.
    document.addEventListener("click", async (event) => {
        const button = event.target.closest?.("[data-copies]");
        if (!button) return;
        const text = document.getElementById(button.dataset.copies);
        text.select();
        await navigator.clipboard.writeText(text.value);
        document.getElementById(`${text.id}-copied`).textContent = "Copied.";
    });

    // What was just decided is marked in the grids at once.
    let decided = "";
    new MutationObserver(() => {
        const now = [...document.querySelectorAll("[data-decided]")].map((said) => said.dataset.decided).join();
        if (now && now !== decided) {
            for (const grid of document.querySelectorAll("section[aria-label] [id*='\"type\":\"grid\"']")) {
                window.dash_ag_grid.getApi(JSON.parse(grid.id))?.refreshInfiniteCache();
            }
        }
        decided = now;
    }).observe(document.documentElement, { childList: true, subtree: true });

    const written = new Intl.DateTimeFormat("sv-SE", {
        year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
    });
    const localise = () => {
        for (const time of document.querySelectorAll("time[datetime]:not([data-local])")) {
            const at = new Date(time.dateTime);
            time.dataset.local = "";
            if (isNaN(at) || !at.getTimezoneOffset()) continue;
            time.title = time.textContent;
            time.textContent = written.format(at);
        }
    };
    new MutationObserver(localise).observe(document.documentElement, { childList: true, subtree: true });
})();
