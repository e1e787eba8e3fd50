"use strict";
(() => {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const money = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: 2 }));
  const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(2)} %`);
  const moment = (seconds) => {
    const text = new Date(seconds * 1000).toISOString();
    return text.slice(11, 16) === "00:00" ? text.slice(5, 10) : text.slice(11, 16);
  };
  const utc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC");

  const axis = (size, values) => ({
    stroke: color("soft"), grid: { stroke: color("line"), width: 1 }, ticks: { stroke: color("line"), width: 1 }, size, values,
  });
  const line = (label, name, value, more = {}) => ({ label, stroke: color(name), width: 1.5, value: (_, v) => value(v), ...more });

  function drawn(place, height, data, series, value, plugins = []) {
    const options = {
      width: Math.max(260, place.clientWidth - 2), height, tzDate: utc, plugins,
      cursor: { sync: { key: place.closest("section").id } },
      axes: [axis(36, (_, ticks) => ticks.map(moment)), axis(72, (_, ticks) => ticks.map(value))],
      series: [{ label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
    };
    return new uPlot(options, data, place);
  }

  const fallen = (values) => {
    let peak = -Infinity;
    return values.map((value) => ((peak = Math.max(peak, value)), value / peak - 1));
  };

  function marks(trades) {
    return {
      hooks: {
        draw: (plot) => {
          const context = plot.ctx, [times, prices] = plot.data;
          for (const [time, buys] of trades) {
            let at = times.findIndex((one) => one >= time);
            if (at < 0) at = times.length - 1;
            const x = plot.valToPos(time, "x", true), y = plot.valToPos(prices[at], "y", true), size = 6 * devicePixelRatio;
            context.fillStyle = color(buys ? "buy" : "sell");
            context.beginPath();
            context.moveTo(x, y + (buys ? 2 : -2));
            context.lineTo(x - size, y + (buys ? 2 * size : -2 * size));
            context.lineTo(x + size, y + (buys ? 2 * size : -2 * size));
            context.fill();
          }
        },
      },
    };
  }

  function show(section) {
    const runs = JSON.parse(section.querySelector("script[type='application/json']").textContent);
    const choice = section.querySelector("select"), run = runs[choice ? choice.selectedIndex : 0];
    const { time, price, equity, hold, player } = run.series, cash = time.map(() => equity[0]);
    for (const place of section.querySelectorAll(".plot")) place.replaceChildren();
    const [values, prices, falls] = section.querySelectorAll(".plot");
    drawn(values, 280, [time, equity, hold, player, cash], [
      line("this order", "equity", money, { width: 2 }),
      line("buy and hold", "hold", money),
      line("player without costs", "player", money, { dash: [6, 4] }),
      line("cash", "cash", money, { dash: [2, 4] }),
    ], money);
    drawn(prices, 200, [time, price], [line("price", "cash", money)], money, [marks(run.trades)]);
    drawn(falls, 150, [time, fallen(equity), fallen(hold)], [
      line("this order", "equity", share, { width: 2 }), line("buy and hold", "hold", share),
    ], share);
    for (const [place, part] of [...section.querySelectorAll(".run")].entries())
      part.hidden = place !== (choice ? choice.selectedIndex : 0);
  }

  const sections = [...document.querySelectorAll("section.order")];
  const all = () => sections.forEach(show);
  sections.forEach((section) => section.querySelector("select")?.addEventListener("change", () => show(section)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; all(); } });
  all();
})();
