// Keeps the page at the daemon's present: events say what happened, and the changed sections are read again.

const PAGE_EVERY = 1000; // ms between two reads of the page
const CHARTS_EVERY = 5000; // ms between two reads of the series

// At most once in `every` ms; a call in between is made up for at the end.
function throttled(work, every) {
  let next = 0;
  let planned = null;
  return () => {
    if (planned) return;
    planned = setTimeout(() => {
      planned = null;
      next = Date.now() + every;
      work();
    }, Math.max(0, next - Date.now()));
  };
}

// The document as a browser parses it, without running anything.
function read(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.response ? resolve(request.response) : reject(request.status));
    request.onerror = reject;
    request.send();
  });
}

async function refresh() {
  let fresh;
  try {
    fresh = await read("/");
  } catch {
    return; // the stream of events says that the daemon is away
  }
  for (const shown of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(shown.id);
    if (!now || now.isEqualNode(shown) || shown.contains(document.activeElement)) continue;
    shown.replaceChildren(...[...now.childNodes].map((node) => document.importNode(node, true)));
  }
  document.title = fresh.title;
}

function showStage(name) {
  const line = document.getElementById("stage-now");
  const tag = document.createElement("span");
  tag.className = name ? "tag act" : "tag";
  tag.textContent = name || "waiting";
  const words = document.createElement("span");
  words.className = "dim";
  words.textContent = name ? " is running" : " for the next block";
  line.replaceChildren(tag, words);
  for (const item of document.querySelectorAll("[data-stage]")) item.classList.toggle("running", item.dataset.stage === name);
}

function connected(on) {
  document.getElementById("link").classList.toggle("on", on);
  document.getElementById("link-text").textContent = on ? "live" : "not connected";
}

export function live(loadCharts) {
  const page = throttled(refresh, PAGE_EVERY);
  const series = throttled(loadCharts, CHARTS_EVERY);
  const changed = () => {
    page();
    series();
  };
  const events = new EventSource("/events");
  events.addEventListener("open", () => {
    connected(true);
    changed();
  });
  events.addEventListener("error", () => connected(false));
  events.addEventListener("head", (event) => {
    document.getElementById("head")?.replaceChildren(String(JSON.parse(event.data).number));
  });
  events.addEventListener("stage", (event) => {
    const { stage } = JSON.parse(event.data);
    if (stage !== "total") showStage(stage);
  });
  events.addEventListener("cycle", () => {
    showStage("");
    changed();
  });
  for (const name of ["settled", "lost"]) events.addEventListener(name, changed);
}
