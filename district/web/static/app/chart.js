// ECharts within our policy: no style attributes, so tooltips are drawn on the canvas. Needs the script of `chart_script`.

const PALETTE = ["#4b39d6", "#12a37f", "#f59f00", "#1c7ed6", "#d6336c", "#868e96"];

/** Draws `option` in the element, follows size and theme, and names itself for screen readers. */
export function drawChart(element, option) {
  const make = () => {
    const isDark = document.documentElement.dataset.bsTheme === "dark";
    const chart = window.echarts.init(element, isDark ? "dark" : null, { renderer: "canvas" });
    chart.setOption({
      backgroundColor: "transparent",
      color: PALETTE,
      animation: false,
      aria: { enabled: true },
      textStyle: { fontFamily: "inherit" },
      ...option,
      tooltip: { confine: true, ...option.tooltip, renderMode: "richText" },
    });
    return chart;
  };
  let chart = make();
  new ResizeObserver(() => chart.resize()).observe(element);
  document.addEventListener("district:theme", () => { chart.dispose(); chart = make(); });
  return { set: (change) => { option = { ...option, ...change }; chart.setOption(change); } };
}
