// Charts from the API's own answers: bars of consumption with their quality, lines of readings with their limit.

const root = document.documentElement;
const zone = root.dataset.zone;
const locale = root.dataset.locale;
const now = Number(root.dataset.now); // the site's clock, which need not be this machine's
const PAGES = 5; // at most this many pages of readings make a line
const FEW = 60; // so few readings are points, too: a line alone would not show one of them

const seconds = (text) => Date.parse(text) / 1000;

function colour(figure, name) {
  return getComputedStyle(figure).getPropertyValue(name).trim();
}

function clock(options) {
  return new Intl.DateTimeFormat(locale, { timeZone: zone, hourCycle: "h23", ...options });
}

const exact = clock({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const day = clock({ month: "numeric", day: "numeric" });
const hour = clock({ hour: "2-digit", minute: "2-digit" });

function number(value) {
  if (value == null) return "";
  const size = Math.abs(value);
  return new Intl.NumberFormat(locale, { maximumFractionDigits: size >= 1000 ? 0 : size >= 10 ? 1 : 3 }).format(value);
}

// Ticks show as many decimals as the steps between them need.
function levels(_plot, splits, _axis, _space, step) {
  const decimals = (String(step).split(".")[1] ?? "").length;
  return splits.map((at) => new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(at));
}

async function fetched(source) {
  const answer = await fetch(source, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${source}: ${answer.status}`);
  return answer.json();
}

async function intervals(source) {
  const answer = await fetched(source);
  return (answer.items ? answer.items[0] : answer)?.intervals ?? [];
}

async function readings(source) {
  const found = [];
  let next = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await fetched(next ? `${source}&cursor=${encodeURIComponent(next)}` : source);
    found.push(...answer.items.filter((reading) => reading.quality !== "bad"));
    next = answer.next;
    if (!next) break;
  }
  return found;
}

const quiet = { points: { show: false }, value: (_plot, value) => number(value) };

function ticks(_plot, splits, _axis, _space, step) {
  return splits.map((at) => (step >= 86400 ? day : hour).format(at * 1000));
}

function axes(figure, unit) {
  const ink = colour(figure, "--muted");
  const line = { stroke: colour(figure, "--line"), width: 1 };
  const font = "12px system-ui, sans-serif";
  return [
    { stroke: ink, grid: { show: false }, ticks: line, font, values: ticks, space: 56, size: 36 },
    { stroke: ink, grid: line, ticks: { show: false }, font, size: 58, values: levels,
      label: unit, labelFont: font, labelSize: 18, labelGap: 0 },
  ];
}

function frame(figure, series, hooks, extra = {}) {
  return {
    width: figure.clientWidth,
    height: 220,
    tzDate: (at) => window.uPlot.tzDate(new Date(at * 1000), zone),
    axes: axes(figure, figure.dataset.unit),
    cursor: { y: false, points: { size: 7 } },
    legend: { markers: { width: 0, fill: (plot, index) => series[index - 1].mark } },
    series: [{ label: figure.words.time, value: (_plot, at) => (at == null ? "" : exact.format(at * 1000)) }, ...series],
    hooks,
    ...extra,
  };
}

// Times of which nothing is known are shaded: a gap must not look like no use.
function shade(figure, gaps) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = colour(figure, "--urgent");
    ctx.globalAlpha = 0.1;
    for (const [start, end] of gaps) {
      const left = Math.max(bbox.left, plot.valToPos(start, "x", true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
      if (right > left) ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  };
}

function marks(figure) {
  return (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.setLineDash([5, 4]);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    for (const [at, tone] of [[figure.dataset.since, "--medium"], [figure.dataset.raised, "--urgent"]]) {
      if (!at) continue;
      const x = plot.valToPos(seconds(at), "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = colour(figure, tone);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  };
}

function bars(figure, found, before) {
  const words = figure.words;
  const known = (part) => (part.value == null ? null : Number(part.value));
  // What a window still running lacks has not happened yet; that is no estimate and no gap.
  const whole = (part) => Number(part.measured) === 1 || (seconds(part.end) > now && Number(part.estimated) === 0);
  const tone = colour(figure, "--series");
  const paths = window.uPlot.paths.bars({ size: [0.72, 60] });
  const drawn = (label, fill, mark = fill) => ({ label, paths, fill, mark, stroke: tone, width: 1, ...quiet });
  // Bars stand in the middle of their window; the comparison is moved to the same windows.
  const columns = [found.map((part) => (seconds(part.start) + seconds(part.end)) / 2)];
  const series = [];
  const add = (column, one) => {
    columns.push(column);
    series.push(one);
  };
  add(found.map((part) => (whole(part) ? known(part) : null)), drawn(words.measured, tone));
  if (found.some((part) => !whole(part) && part.value != null)) {
    add(found.map((part) => (whole(part) ? null : known(part))), drawn(words.estimated, `${tone}55`));
  }
  if (before.length) {
    const grey = colour(figure, "--muted");
    add(found.map((_part, index) => (before[index] ? known(before[index]) : null)),
      { label: words.compare, stroke: grey, mark: grey, width: 1.5, dash: [4, 4], paths: window.uPlot.paths.stepped({ align: 1 }), ...quiet });
  }
  if (figure.dataset.limit) {
    const red = colour(figure, "--urgent");
    const limit = Number(figure.dataset.limit);
    add(found.map(() => limit), { label: words.limit, stroke: red, mark: red, width: 1.5, dash: [8, 5], ...quiet });
  }
  const gaps = found.filter((part) => part.value == null && seconds(part.start) < now)
    .map((part) => [seconds(part.start), Math.min(now, seconds(part.end))]);
  if (gaps.length) {
    const red = `${colour(figure, "--urgent")}33`;
    add(found.map(() => null), { label: words.missing, stroke: red, mark: red, ...quiet });
  }
  const edges = [seconds(found[0].start), seconds(found.at(-1).end)];
  const scales = { x: { range: edges }, y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), (high || 1) * 1.08] } };
  return [frame(figure, series, { drawClear: [shade(figure, gaps)], draw: [marks(figure)] }, { scales }), columns];
}

function line(figure, found) {
  const words = figure.words;
  const factor = Number(figure.dataset.factor || 1);
  const columns = [found.map((part) => seconds(part.at)), found.map((part) => Number(part.value) * factor)];
  const tone = colour(figure, "--series");
  const points = { show: found.length < FEW, size: 7 };
  const series = [{ label: words.value, stroke: tone, mark: tone, width: 2, ...quiet, points }];
  if (figure.dataset.limit) {
    const limit = Number(figure.dataset.limit);
    const red = colour(figure, "--urgent");
    columns.push(found.map(() => limit));
    series.push({ label: words.limit, stroke: red, mark: red, width: 1.5, dash: [8, 5], ...quiet });
  }
  const asked = new URL(figure.dataset.source, location.href).searchParams;
  const scales = { x: { range: [seconds(asked.get("from")), seconds(asked.get("to"))] } };
  return [frame(figure, series, { draw: [marks(figure)] }, { scales }), columns];
}

// The same figures as a table, for those who do not see charts.
function table(figure, head, rows) {
  const details = document.createElement("details");
  details.append(Object.assign(document.createElement("summary"), { textContent: figure.words.figures }));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const scroll = Object.assign(document.createElement("div"), { className: "scroll", tabIndex: 0 });
    const sheet = Object.assign(document.createElement("table"), { className: "ledger" });
    const row = (cells, kind) => {
      const line = document.createElement("tr");
      cells.forEach((text) => line.append(Object.assign(document.createElement(kind), { textContent: text })));
      return line;
    };
    sheet.append(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
    scroll.append(sheet);
    details.append(scroll);
  });
  figure.append(details);
}

function say(figure, text) {
  figure.querySelector(".plot").replaceChildren(Object.assign(document.createElement("p"), { className: "empty", textContent: text }));
}

async function loaded(figure) {
  const { chart, source, compare, unit } = figure.dataset;
  const words = figure.words;
  if (chart === "line") {
    const found = await readings(source);
    const factor = Number(figure.dataset.factor || 1);
    const rows = found.map((part) => [exact.format(Date.parse(part.at)), number(Number(part.value) * factor)]);
    return found.length && [...line(figure, found), [words.time, `${words.value} ${unit}`], rows];
  }
  const [found, before] = await Promise.all([intervals(source), compare ? intervals(compare) : []]);
  const rows = found.map((part) => [exact.format(Date.parse(part.start)), part.value ?? "—", part.estimated, part.missing]);
  const head = [words.time, `${words.value} ${unit}`, words.estimated, words.missing];
  return found.some((part) => part.value != null) && [...bars(figure, found, before), head, rows];
}

export async function draw(figure) {
  figure.words = JSON.parse(figure.dataset.words);
  let made;
  try {
    made = await loaded(figure);
  } catch {
    say(figure, figure.words.failed);
    return;
  }
  if (!made) {
    say(figure, figure.words.empty);
    return;
  }
  const [options, columns, head, rows] = made;
  const place = figure.querySelector(".plot");
  const show = () => {
    place.replaceChildren();
    return new window.uPlot({ ...options, width: figure.clientWidth, axes: axes(figure, figure.dataset.unit) }, columns, place);
  };
  let plot = show();
  table(figure, head, rows);
  new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: options.height })).observe(figure);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    plot.destroy();
    plot = show();
  });
}
