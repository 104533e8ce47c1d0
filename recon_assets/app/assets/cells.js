// Cells of the grids that are more than text. Values come as text and stay text: React escapes them.
const cells = (window.dashAgGridComponentFunctions = window.dashAgGridComponentFunctions || {});

// A status: symbol by its tone, and words; what it means is its tooltip.
cells.Badge = (props) =>
    props.data
        ? React.createElement("span", {className: "badge " + props.data.tone, title: props.told?.[props.value]}, props.value)
        : null;

// Another code in words, likewise.
cells.Told = (props) => React.createElement("span", {title: props.told[props.value]}, props.value);

// A difference with the symbol of the row's status.
cells.Verdict = (props) =>
    props.data
        ? React.createElement(
              "span",
              {className: "verdict"},
              React.createElement("span", {className: "symbol " + props.data.tone, role: "img", "aria-label": props.data.said}),
              props.value
          )
        : null;
