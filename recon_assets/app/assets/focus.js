// A part of the page that is drawn anew keeps the keyboard where it was: by the id of the control, and the place in it.
(() => {
    const focusable = "a[href], button, input, select, textarea, [tabindex]";
    let last = null;
    document.addEventListener("pointerdown", () => { last = null; }, true);
    document.addEventListener("focusin", (event) => {
        const box = event.target.closest("[id]");
        last = box && { id: box.id, place: [...box.querySelectorAll(focusable)].indexOf(event.target) };
    });
    new MutationObserver(() => {
        if (!last || document.activeElement !== document.body) return;
        const box = document.getElementById(last.id);
        const target = box && (last.place < 0 ? box : box.querySelectorAll(focusable)[last.place]);
        if (target) target.focus({ preventScroll: true });
    }).observe(document.documentElement, { childList: true, subtree: true });

    // Dash's dropdowns stop the Tab key at a helper that screen readers do not see; the button beside it is both.
    const reach = () => {
        for (const helper of document.querySelectorAll(".dash-dropdown-focus-target[tabindex='0']")) {
            const button = helper.nextElementSibling;
            const name = helper.closest("label")?.querySelector(".label");
            helper.tabIndex = -1;
            button.tabIndex = 0;
            if (!name) continue;
            name.id = name.id || `label-${button.id}`;
            button.setAttribute("aria-labelledby", `${name.id} ${button.id}`);
        }
    };
    new MutationObserver(reach).observe(document.documentElement, {
        childList: true, subtree: true, attributes: true, attributeFilter: ["tabindex"],
    });
})();
