// The two charts of the status page, drawn by uPlot from /series/RANGE.json. Text from the journal is only ever set as text.

const POINTS_WITH_DOTS = 40; // a line of fewer points shows each of them
const NEAR = 14; // pixels from a mark within which a click means it
const HOLLOW = new Set(["dry", "accepted", "signed", "sent", "seen", "unknown"]);

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = (value, digits = 2) =>
  value == null ? "–" : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const two = (value) => String(value).padStart(2, "0");

function moment(at, seconds = true) {
  const d = new Date(at * 1000);
  const day = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
  return `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}${seconds ? ":" + two(d.getUTCSeconds()) : ""}`;
}

function tickTexts(_, splits, __, ___, step) {
  return splits.map((at) => {
    const text = moment(at);
    return step >= 86400 ? text.slice(5, 10) : step >= 60 ? text.slice(11, 16) : text.slice(11);
  });
}

function valueTexts(_, splits) {
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : 1;
  const digits = Math.max(0, Math.min(6, Math.ceil(-Math.log10(step) - 1e-9)));
  return splits.map((value) => number(value, digits));
}

function axes() {
  const look = { stroke: css("--dim"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 } };
  return [
    { ...look, space: 70, values: tickTexts },
    { ...look, size: 76, values: valueTexts },
  ];
}

function line(label, color, extra = {}) {
  return { label, stroke: css(color), width: 2, value: (_, value) => number(value), ...extra };
}

// `host` holds one chart, which follows its width. Its chart can be read as `host.uplot`.
function draw(host, series, data, hooks = {}) {
  host.uplot?.destroy();
  host.uplot = new uPlot(
    {
      width: Math.max(200, host.clientWidth),
      height: 230,
      padding: [10, 30, 0, 0],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      cursor: { drag: { x: true, y: false } },
      axes: axes(),
      series: [{ label: "time", value: (_, at) => (at == null ? "–" : moment(at)) }, ...series],
      hooks,
    },
    data,
    host,
  );
}

function equity(host, found) {
  const dots = { points: { show: found.at.length <= POINTS_WITH_DOTS } };
  draw(
    host,
    [
      line("equity", "--equity", dots),
      line("buy-and-hold", "--hold", { dash: [6, 4] }),
      line("cash", "--cash", { dash: [2, 3] }),
    ],
    [found.at, found.equity, found.hold, found.cash],
  );
  const last = found.at.length - 1;
  host.setAttribute(
    "aria-label",
    last < 0
      ? "No points yet"
      : `Equity from ${number(found.equity[0])} to ${number(found.equity[last])} ${found.quote}; ` +
          `buy-and-hold ${number(found.hold[last])}, cash ${number(found.cash[last])}; ${found.at.length} points`,
  );
}

function price(host, found, coin) {
  const prices = found.prices[coin] ?? [];
  const marks = found.marks.filter((mark) => mark.coin === coin);
  const [times, values] = withMarks(found.at, prices, marks);
  const place = (chart, mark) => [chart.valToPos(mark.at, "x", true), chart.valToPos(mark.price, "y", true)];
  const paint = (chart) => {
    const size = 6 * devicePixelRatio;
    for (const mark of marks) {
      const [x, y] = place(chart, mark);
      const way = mark.buys ? 1 : -1;
      const pen = chart.ctx;
      pen.save();
      pen.beginPath();
      pen.moveTo(x, y - way * size);
      pen.lineTo(x - size, y + way * size);
      pen.lineTo(x + size, y + way * size);
      pen.closePath();
      pen.lineWidth = 2 * devicePixelRatio;
      pen.strokeStyle = pen.fillStyle = css(mark.buys ? "--good" : "--bad");
      if (HOLLOW.has(mark.state)) pen.stroke();
      else pen.fill();
      pen.restore();
    }
  };
  const open = (chart) => {
    chart.over.addEventListener("click", (event) => {
      const ratio = devicePixelRatio;
      const box = chart.over.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      for (const mark of marks) {
        const [left, top] = place(chart, mark).map((at) => at / ratio);
        const [dx, dy] = [left - chart.bbox.left / ratio - x, top - chart.bbox.top / ratio - y];
        if (Math.hypot(dx, dy) <= NEAR && mark.seq != null) location.assign(`/decisions/${mark.seq}`);
      }
    });
  };
  draw(host, [line(`${coin} in ${found.quote}`, "--equity", { spanGaps: true })], [times, values], { draw: [paint], ready: [open] });
  host.marks = marks;
  const known = prices.filter((value) => value != null);
  host.setAttribute(
    "aria-label",
    known.length === 0
      ? "No prices yet"
      : `${coin} from ${number(known[0])} to ${number(known.at(-1))} ${found.quote}; ${marks.length} trades marked`,
  );
}

// The marks' times and prices widen the scales: each adds a time without a price of its own.
function withMarks(at, prices, marks) {
  const rows = at.map((time, index) => [time, prices[index] ?? null]);
  for (const mark of marks) rows.push([mark.at, null]);
  rows.sort((a, b) => a[0] - b[0]);
  return [rows.map((row) => row[0]), rows.map((row) => row[1])];
}

export function charts() {
  const hosts = { equity: document.getElementById("chart-equity"), price: document.getElementById("chart-price") };
  const coins = document.getElementById("coins");
  let range = "hours";
  let coin = null;
  let found = null;

  function redraw() {
    if (!found) return;
    equity(hosts.equity, found);
    const names = Object.keys(found.prices);
    if (!names.includes(coin)) coin = names.find((name) => found.marks.some((mark) => mark.coin === name)) ?? names[0] ?? "";
    if (names.join() !== [...coins.children].map((button) => button.textContent).join()) {
      coins.replaceChildren(...names.map(choice));
    }
    for (const button of coins.children) button.setAttribute("aria-pressed", String(button.textContent === coin));
    price(hosts.price, found, coin);
  }

  function choice(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => {
      coin = name;
      redraw();
    });
    return button;
  }

  async function load() {
    const asked = range;
    const answer = await fetch(`/series/${asked}.json`);
    if (!answer.ok) return;
    const series = await answer.json();
    if (asked !== range) return;
    found = series;
    redraw();
  }

  for (const button of document.querySelectorAll("[data-range]")) {
    button.addEventListener("click", () => {
      range = button.dataset.range;
      for (const other of document.querySelectorAll("[data-range]")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      load();
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => {
    for (const host of Object.values(hosts)) {
      if (host.uplot && host.clientWidth !== host.uplot.width) host.uplot.setSize({ width: Math.max(200, host.clientWidth), height: 230 });
    }
  }).observe(document.querySelector("main"));
  return load;
}
