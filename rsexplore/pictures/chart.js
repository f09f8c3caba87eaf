// Draws a picture (`picture.py`) as SVG, in a notebook and in a page without a server, by the same text.
// `d3` is vendor/d3.min.js, which stands before this text.

const SCHEMA = 1;
const WIDE = 600; // pixels from which plots lie side by side
const LINE = 14; // pixels from one line of text to the next
const FAR = 1e5; // pixels; browsers draw nothing beyond some millions
const FONT = 'system-ui, "DejaVu Sans", sans-serif';
const DASHES = { dash: "6 3", dot: "1.5 3", dashdot: "7 3 1.5 3" };
const SYMBOLS = { triangle: "Triangle", down: "Triangle", square: "Square", diamond: "Diamond", plus: "Cross" };
const DEFAULTS = { // what a picture leaves out
  line: { width: 1.6 },
  region: { opacity: 0.15 },
  points: { mark: "circle", size: 45, opacity: 1 },
  rule: { axis: "x", color: "#777777", dash: "dot", width: 1.2 },
  note: { at: "top left" },
};
const CSS = `
  .rsx { position: relative; width: 100%; contain: inline-size; color: var(--jp-content-font-color1, CanvasText); }
  .rsx svg { display: block; font: 12px ${FONT}; --paper: var(--jp-layout-color0, Canvas); }
  .rsx svg:focus-visible { outline: 2px solid #0072B2; }
  .rsx text { fill: currentColor; }
  .rsx .small { font-size: 11px; }
  .rsx .notes { font-style: italic; }
  .rsx .title { font-size: 13px; font-weight: 600; }
  .rsx .halo text { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
  .rsx .tip { pointer-events: none; }
  .rsx .live { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }`;

const within = (low, value, high) => Math.max(low, Math.min(high, value));
const most = (values) => Math.max(0, ...values);

// ---- numbers ----

function numbers(values) {
  if (!(values instanceof DataView)) return Float64Array.from(values ?? [], (v) => (v === null ? NaN : +v));
  return new Float64Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
}

// 4 significant digits, as Python's `rounded_down` writes them: `down` cuts the digits of the exact number, so no text
// is above it (31 digits tell every double from a number of 4 digits); otherwise rounded, without zeros at the end
export function readable(value, down) {
  const sign = value < 0 ? "−" : "";
  if (!Number.isFinite(value) || value === 0) return Number.isNaN(value) ? "none" : value === 0 ? "0" : sign + "∞";
  const [mantissa, power] = Math.abs(value).toExponential(down ? 30 : 3).split("e");
  const digits = mantissa.replace(".", "").slice(0, 4);
  const kept = down ? digits : digits.replace(/0+$/, "");
  const pointed = (text, place) => text.slice(0, place) + (text.length > place ? "." + text.slice(place) : "");
  if (power < -4 || power > 6) return sign + pointed(kept, 1) + "e" + power;
  if (power < 0) return sign + "0." + "0".repeat(-power - 1) + kept;
  return sign + pointed(kept.padEnd(+power + 1, "0"), +power + 1);
}

const raised = (n) => "10" + String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

// the number of a tick to so many digits; a power of ten only where it is true
function written(value, digits) {
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  if (value === 0 || (power >= -3 && power < 6)) {
    const [whole, rest] = String(+value.toPrecision(digits)).replace("-", "−").split(".");
    return whole.replace(/\B(?=(\d{3})+$)/g, whole.length > 4 ? "," : "") + (rest ? "." + rest : "");
  }
  return (+mantissa === 1 ? "" : String(+mantissa).replace("-", "−") + "·") + raised(+power);
}

// ---- texts ----

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

// "p_A" and "ℓ_2": one letter after "_" is a subscript
function parts(text) {
  const found = text.split(/_([\p{L}\p{N}∞])(?![\p{L}\p{N}_])/u);
  return found.map((part, i) => ({ part, low: i % 2 === 1 })).filter(({ part }) => part);
}

function wide(text, size = 11, weight = 400) {
  const key = `${size} ${weight} ${text}`;
  if (widths.size > 5000) widths.clear();
  if (!widths.has(key)) {
    widths.set(key, parts(text).reduce((sum, { part, low }) => {
      pen.font = `${weight} ${low ? size * 0.75 : size}px ${FONT}`;
      return sum + pen.measureText(part).width;
    }, 0));
  }
  return widths.get(key);
}

const widest = (lines, size, weight) => most(lines.map((line) => wide(line, size, weight)));

// lines no wider than the room; a word is broken only where it has no room alone
function wrap(text, room, size, weight) {
  const lines = [""];
  for (const word of (text ?? "").split(/ +/)) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (wide(longer, size, weight) <= room) lines[lines.length - 1] = longer;
    else {
      lines.push("");
      for (const letter of word) {
        if (wide(lines.at(-1) + letter, size, weight) > room) lines.push("");
        lines[lines.length - 1] += letter;
      }
    }
  }
  return lines.filter(Boolean);
}

// the places nearest to the wanted ones, in least squares, at which nothing overlaps: pooled means
function apart(wanted, sizes, low, high) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const pools = []; // of [place of the first, how many]
  const before = [];
  let sum = 0;
  for (const i of order) {
    before[i] = sum + sizes[i] / 2;
    sum += sizes[i];
    let [place, n] = [wanted[i] - before[i], 1];
    while (pools.length && pools.at(-1)[0] > place) {
      const [other, m] = pools.pop();
      [place, n] = [(place * n + other * m) / (n + m), n + m];
    }
    pools.push([place, n]);
  }
  const starts = pools.flatMap(([place, n]) => Array(n).fill(place));
  const found = [];
  order.forEach((i, rank) => (found[i] = Math.max(low, Math.min(high - sum, starts[rank])) + before[i]));
  return found;
}

// ---- ticks ----

const scaled = (axis, range) => (axis?.scale === "log" ? d3.scaleLog : d3.scaleLinear)().domain(axis?.domain ?? [0, 1]).range(range);

// as many ticks {at, text} as have room; `size(text)` is what a number takes along the axis
function ticks(axis, length, size) {
  if (!axis || axis.ticks === false) return [];
  const scale = scaled(axis, [0, length]);
  const fits = (list) => {
    const shown = list.filter(({ text }) => text).map(({ at, text }) => [scale(at), size(text)]);
    shown.sort((a, b) => a[0] - b[0]);
    return shown.every(([at, room], i) => !i || at - shown[i - 1][0] >= (room + shown[i - 1][1]) / 2 + 10);
  };
  const labelled = (list) => list.filter(({ text }) => text).length > 1;
  const lists = axis.scale === "log" ? logarithmic(axis.domain).filter(labelled) : [];
  return [...lists, ...COUNTS.map((n) => even(d3.scaleLinear().domain(axis.domain).ticks(n)))].find(fits) ?? [];
}

const COUNTS = [10, 8, 6, 5, 4, 3, 2, 1];

// numbers with the digits that tell them apart
function even(values) {
  const step = Math.abs(values[1] - values[0]);
  const digits = step ? Math.ceil(Math.log10(most(values.map(Math.abs)) / step)) + 2 : 4;
  return values.map((at) => ({ at, text: written(at, within(1, digits, 15)) }));
}

// what a logarithmic axis may show, fullest first: powers of ten, or over few of them other numbers too
function logarithmic(domain) {
  const [a, b] = domain.map(Math.log10);
  const powers = COUNTS.map((n) => d3.scaleLinear().domain([a, b]).ticks(n).filter(Number.isInteger));
  if (Math.abs(a - b) > 4) return powers.map((list) => list.map((e) => ({ at: +`1e${e}`, text: raised(e) })));
  const all = d3.scaleLog().domain(domain).ticks(10);
  const first = (at) => at.toExponential()[0];
  return ["123456789", "12357", "125", "13", "1"].map((shown) =>
    all.map((at) => ({ at, text: shown.includes(first(at)) ? written(at, 3) : "" })));
}

// ---- where things are ----

const only = (plot, kind) => plot.items.filter((item) => item.kind === kind);

// items with their numbers read; names of lines get an arrow where these end beyond the axes
function prepared(plot) {
  const grid = numbers(plot.grid);
  const [low, high] = [...(plot.y?.domain ?? [0, 1])].sort((a, b) => a - b);
  const items = plot.items.map((given) => {
    const item = { ...DEFAULTS[given.kind], ...given };
    if (!item.y) return item;
    const ys = numbers(item.y);
    const end = ys.findLast((v) => !Number.isNaN(v));
    const arrow = end === undefined ? " (no number)" : end > high ? "\u00a0↑" : end < low ? "\u00a0↓" : "";
    return { ...item, xs: item.x ? numbers(item.x) : grid, ys, end, label: item.label && item.label + arrow };
  });
  return { ...plot, items };
}

// rows of plots, as many in each as have room, with the widths that they get
function inRows(plots, width) {
  const least = (plot) => (only(plot, "image").length ? 120 : only(plot, "bars").some((b) => !b.upright) ? 230 : 190);
  const shared = (row) => {
    const sum = row.reduce((total, plot) => total + (plot.share ?? 1), 0);
    return row.map((plot) => [plot, (width * (plot.share ?? 1)) / sum]);
  };
  for (let n = plots.length; n; n -= 1) {
    const rows = [];
    for (let i = 0; i < plots.length; i += n) rows.push(shared(plots.slice(i, i + n)));
    if (n === 1 || (width >= WIDE && rows.flat().every(([plot, room]) => room >= least(plot)))) return rows;
  }
  return [];
}

// boxes of all plots in pixels, and the height of the whole
function layout(picture, width) {
  const boxes = [];
  let top = 0;
  for (const row of inRows(picture.plots, width)) {
    const found = row.map(([plot, room]) => surrounded(plot, room, picture.height ?? 430));
    const [head, foot] = ["head", "foot"].map((part) => most(found.map((box) => box[part])));
    let [edge, tallest] = [0, 0];
    for (const box of found) {
      const lot = Math.max(140, (picture.height ?? 430) - head - foot);
      const h = Math.max(box.least, row.length > 1 ? lot : box.flat ? 0 : Math.min(lot, Math.max(200, box.room * 0.62)));
      if (box.square) box.w = box.h = Math.min(h, box.w);
      Object.assign(box, { h: box.h ?? h, edge, x0: edge + box.left, y0: top + head, foot });
      tallest = Math.max(tallest, head + box.h + foot + box.key.height);
      edge += box.room;
    }
    boxes.push(...found);
    top += tallest + 20;
  }
  return { boxes, height: Math.max(0, top - 20) };
}

// what stands around the axes of a plot: texts, wrapped, and the room that they take
function surrounded(plot, room, height) {
  const bars = only(plot, "bars")[0];
  const [upright, flat] = [Boolean(bars?.upright), Boolean(bars && !bars.upright)];
  const x = upright && plot.x ? { ...plot.x, ticks: false } : plot.x;
  const y = flat && plot.y ? { ...plot.y, ticks: false } : plot.y;
  const lines = only(plot, "line").filter((line) => line.label);
  const ends = plot.names === "key" || room < 460 ? [] : lines.map((line) => ({ line, lines: wrap(line.label, Math.min(200, room * 0.33)) }));
  if (ends.reduce((sum, end) => sum + end.lines.length * LINE + 2, 0) > height - 90) ends.length = 0; // too many
  const names = flat ? bars.rows.map((row) => wrap(row.name, Math.min(150, room * 0.36), 11, row.strong ? 700 : 400)) : [];
  const yLabel = wrap(y?.label, height - 130, 12);
  const yWide = flat ? most(names.map((name) => widest(name, 11, 700))) + 10 : most(ticks(y, height, () => LINE).map((tick) => wide(tick.text, 12))) + 12;
  const half = most(ticks(x, room - yWide - 40, (text) => wide(text, 12)).map((tick) => wide(tick.text, 12))) / 2 + 2;
  const left = Math.max(8, half, y || flat ? yWide + yLabel.length * LINE + 4 : 0);
  const right = Math.max(8, half, flat ? most(bars.rows.map((row) => wide(row.text, 11, 700))) + 10 : most(ends.map((end) => widest(end.lines) + 24)));
  const w = Math.max(40, room - left - right);
  const under = upright ? footed(bars.rows, w) : { deep: x && x.ticks !== false ? 22 : 4, crown: 0 };
  const xLabel = wrap(x?.label, room - 4, 12);
  const ranked = plot.names === "key" ? lines : [...lines].sort((a, b) => (b.end ?? -Infinity) - (a.end ?? -Infinity));
  return {
    ...plot, x, y, room, bars, flat, ends, names, yLabel, xLabel, yWide, left, w, under,
    heads: wrap(plot.title, room - 8, 13, 600),
    key: keyed(ends.length ? [] : ranked, room < 300 ? room - 12 : room - left),
    head: wrap(plot.title, room - 8, 13, 600).length * 16 + 12 + under.crown,
    foot: under.deep + (xLabel.length ? xLabel.length * LINE + 6 : 0),
    least: most(names.map((name) => Math.max(20, name.length * LINE + 5))) * names.length,
  };
}

// names under upright bars and numbers above them, turned where they have no room
function footed(rows, width) {
  const step = width / Math.max(1, rows.length) - 3;
  const turned = rows.some((row) => row.name.split(" ").some((word) => wide(word, 11, 700) > step));
  const crowded = rows.some((row) => wide(row.text, 11, 700) > step);
  const names = rows.map((row) => wrap(row.name, turned ? 110 : step, 11, 700));
  const deep = 8 + most(names.map((name) => (turned ? widest(name, 11, 700) : LINE * name.length)));
  return { names, turned, crowded, deep, crown: crowded ? widest(rows.map((row) => row.text), 11, 700) : LINE };
}

// swatches and names in rows
function keyed(lines, room) {
  const keys = [];
  let [x, y] = [0, 14];
  for (const line of lines) {
    const text = wrap(line.label, room - 30);
    if (x && x + 28 + widest(text) > room) [x, y] = [0, y + LINE + 2];
    keys.push({ ...line, lines: text, x, y });
    [x, y] = text.length > 1 ? [0, y + text.length * LINE + 2] : [x + 42 + widest(text), y];
  }
  return { keys, height: keys.length ? y + (x ? LINE : 0) : 0 };
}

// ---- drawing ----

const ink = (color) => (!color || color === "ink" ? "currentColor" : color);
const dashes = (item) => DASHES[item.dash] ?? null;
const STROKE = { fill: "none", stroke: (item) => ink(item.color), "stroke-width": (item) => item.width, "stroke-dasharray": dashes };

// nodes for data in a layer of their own; those that are there are used again
function put(parent, tag, layer, data, attributes = {}) {
  const group = d3.select(parent).selectChildren("." + layer.split(" ")[0]).data([0]).join("g").attr("class", layer);
  const nodes = group.selectChildren().data(data).join(tag);
  for (const [name, value] of Object.entries(attributes)) nodes.attr(name, value);
  return nodes.nodes();
}

// texts of rows {x, y, lines, anchor, color, strong, turn}
function words(parent, layer, rows) {
  const nodes = put(parent, "text", layer, rows, {
    transform: (row) => `translate(${row.x.toFixed(1)} ${row.y.toFixed(1)})${row.turn ? " rotate(-90)" : ""}`,
    "text-anchor": (row) => row.anchor ?? null,
    "font-weight": (row) => (row.strong ? 700 : null),
    style: (row) => `fill: color-mix(in srgb, ${ink(row.color)} 60%, currentColor)`, // dark or light enough to read
  });
  nodes.forEach((node, i) => {
    if (node.text === (node.text = rows[i].lines.join("\n"))) return;
    const spans = rows[i].lines.flatMap((line, k) =>
      parts(line).map((span, j, all) => ({ ...span, y: j ? null : k * LINE, dy: span.low ? 3 : j && all[j - 1].low ? -3 : null })));
    const made = d3.select(node).selectAll("tspan").data(spans).join("tspan").text((span) => span.part);
    made.attr("y", (span) => span.y).attr("x", (span) => (span.y === null ? null : 0));
    made.attr("dy", (span) => span.dy).attr("font-size", (span) => (span.low ? "75%" : null));
  });
}

function path(xs, ys, step) {
  const drawn = d3.line((x) => x, (_, i) => ys[i]).defined((x, i) => !Number.isNaN(x + ys[i])).digits(2);
  return drawn.curve(step ? d3.curveStepBefore : d3.curveLinear)(xs);
}

function marks(parent, layer, list) {
  put(parent, "path", layer, list, {
    d: (mark) => d3.symbol(d3["symbol" + (SYMBOLS[mark.mark] ?? "Circle")], mark.size)(),
    transform: (mark) => `translate(${mark.x.toFixed(2)} ${mark.y.toFixed(2)}) rotate(${mark.mark === "down" ? 180 : 0})`,
    fill: (mark) => ink(mark.color),
    "fill-opacity": (mark) => mark.opacity ?? 1,
  });
}

const DRAW = {
  line(parent, line, box) {
    put(parent, "path", "curve", [line], { ...STROKE, d: path(line.px, line.py, line.step), "clip-path": box.clip });
    const every = Math.max(1, Math.floor(line.px.length / 9));
    const lone = (i) => Number.isNaN(line.py[i - 1] ?? NaN) && Number.isNaN(line.py[i + 1] ?? NaN);
    const shown = line.seen.filter((i) => (line.mark && i % every === every >> 1) || lone(i));
    const size = line.mark ? 28 : 9 * line.width;
    marks(parent, "marks", shown.map((i) => ({ ...line, x: line.px[i], y: line.py[i], size })));
  },
  region(parent, region, box) {
    const style = { fill: (r) => ink(r.color), "fill-opacity": (r) => r.opacity, "clip-path": box.clip };
    put(parent, "path", "area", [region], { ...style, d: `${path(region.px, region.py) ?? "M0,0"}Z` });
  },
  points(parent, points) {
    marks(parent, "marks", points.seen.map((i) => ({ ...points, x: points.px[i], y: points.py[i] })));
  },
  rule(parent, rule, box) {
    const [[x1, y1], [x2, y2]] = ruled(rule, box);
    put(parent, "path", "curve", [rule], { ...STROKE, d: `M${x1},${y1}L${x2},${y2}`, "clip-path": box.clip });
  },
  bars(parent, bars, box) {
    const hatch = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    const patterns = put(parent, "pattern", "hatches", bars.rows, { ...hatch, id: (_, i) => `${box.id}-${i}` });
    patterns.forEach((node, i) => put(node, "path", "lines", [{ ...bars.rows[i], dash: "", width: 2.4 }], { ...STROKE, d: "M1,0V6" }));
    put(parent, "rect", "bars", slots(bars, box), {
      ...{ x: (bar) => bar.x, y: (bar) => bar.y, width: (bar) => bar.wide, height: (bar) => bar.high },
      ...STROKE,
      "stroke-width": (bar) => (bar.fill ? 1.4 : 0),
      fill: (bar, i) => ({ hollow: "none", hatched: `url(#${box.id}-${i})` })[bar.fill] ?? ink(bar.color),
    });
  },
  image(parent, image, { x0, y0, w, h }) {
    const place = { x: x0, y: y0, width: w, height: h, preserveAspectRatio: "none" };
    put(parent, "image", "image", [image], { ...place, href: image.src, style: "image-rendering: pixelated" });
  },
  note() {}, // drawn with the texts, which are on top
};

// the two ends of a rule, from its axis on
function ruled(rule, { X, Y, x0, y0, w, h }) {
  const end = (scale, full) => (rule.to === undefined ? full : within(-FAR, scale(+rule.to), FAR));
  if (rule.axis === "x") return [[X(rule.at), y0 + h], [X(rule.at), end(Y, y0)]];
  return [[x0, Y(rule.at)], [end(X, x0 + w), Y(rule.at)]];
}

// bars in the middle of equal steps, from the start of the axis
function slots(bars, { X, Y, x0, y0, w, h }) {
  const step = (bars.upright ? w : h) / Math.max(1, bars.rows.length);
  const thick = Math.min(40, step * 0.68);
  return bars.rows.map((row, i) => {
    const mid = (bars.upright ? x0 : y0) + (i + 0.5) * step;
    const long = within(0, bars.upright ? y0 + h - Y(row.value) : X(row.value) - x0, bars.upright ? h : w) || 0;
    if (bars.upright) return { ...row, mid, long, x: mid - thick / 2, y: y0 + h - long, wide: thick, high: long };
    return { ...row, mid, long, x: x0, y: mid - thick / 2, wide: long, high: thick };
  });
}

function axes(parent, { x, y, X, Y, x0, y0, w, h }) {
  const sides = [
    { name: "bottom", axis: x, ruler: d3.axisBottom(X), place: `translate(0 ${y0 + h})`, length: w, end: "y2", sign: 1 },
    { name: "left", axis: y, ruler: d3.axisLeft(Y), place: `translate(${x0} 0)`, length: h, end: "x2", sign: -1 },
  ];
  for (const { name, axis, ruler, place, length, end, sign } of sides) {
    const [node] = put(parent, "g", name, axis ? [axis] : [], { transform: place });
    if (!axis || node.state === (node.state = JSON.stringify([axis, place, length]))) continue;
    const found = ticks(axis, length, name === "left" ? () => LINE : (text) => wide(text, 12));
    ruler.tickValues(found.map((tick) => tick.at)).tickFormat((_, i) => found[i].text).tickSizeOuter(0);
    d3.select(node).call(ruler).attr("font-size", null).attr("font-family", null);
    d3.select(node).selectAll(".tick line").attr(end, (_, i) => sign * (found[i].text ? 6 : 3));
  }
}

const centred = (lines) => 4 - ((lines.length - 1) * LINE) / 2; // from the middle of lines to the foot of the first

function titles(parent, { heads, xLabel, yLabel, yWide, under, edge, room, x0, y0, w, h }) {
  const x = widest(heads, 13, 600) <= edge + room - x0 ? x0 : edge + 4;
  const foot = y0 - under.crown - 11 - 16 * (heads.length - 1);
  words(parent, "title", heads.map((text, k) => ({ lines: [text], x, y: foot + 16 * k })));
  const half = widest(xLabel, 12) / 2 + 2;
  const below = { lines: xLabel, x: within(edge + half, x0 + w / 2, edge + room - half), y: y0 + h + under.deep + 14 };
  const beside = { lines: yLabel, x: x0 - yWide - LINE * (yLabel.length - 1) - 4, y: y0 + h / 2, turn: true };
  words(parent, "labels", [below, beside].map((label) => ({ ...label, anchor: "middle" })));
}

function barTexts(parent, box) {
  const { bars, flat, under, x0, y0, w, h } = box;
  const rows = bars ? slots(bars, box) : [];
  words(parent, "names small", rows.map(({ mid, strong }, i) => {
    const lines = flat ? box.names[i] : under.names[i];
    if (flat) return { lines, strong, x: x0 - 8, y: mid + centred(lines), anchor: "end" };
    if (under.turned) return { lines, strong, x: mid + centred(lines), y: y0 + h + 6, anchor: "end", turn: true };
    return { lines, strong, x: mid, y: y0 + h + 15, anchor: "middle" };
  }));
  words(parent, "values small", rows.map(({ mid, long, strong, text }) => {
    if (flat) return { lines: [text], strong, x: x0 + w + 6, y: mid + 4 };
    const place = under.crowded ? { x: mid + 4, turn: true } : { x: mid, anchor: "middle" };
    return { lines: [text], strong, y: y0 + h - long - 4, ...place };
  }));
}

// names of lines at their ends, with leaders, or in the key
function lineNames(parent, { ends, key, x0, y0, w, h, foot, room, edge }) {
  const at = ends.map(({ line }) => line.py.findLast((v) => !Number.isNaN(v)) ?? Infinity);
  const sizes = ends.map(({ lines }) => lines.length * LINE + 2);
  const places = apart(at.map((y) => within(y0, y, y0 + h)), sizes, y0 - 8, y0 + h + 8);
  const beyond = (y) => y < y0 - 1 || y > y0 + h + 1;
  const leader = (_, i) => (beyond(at[i]) ? `M${x0 + w + 8},${places[i]}` : `M${x0 + w + 2},${at[i]}L${x0 + w + 8},${places[i]}`) + "h9";
  put(parent, "path", "leaders", ends.map((end) => end.line), { ...STROKE, "stroke-width": 1.2, d: leader });
  const named = ends.map(({ line, lines }, i) => ({ lines, color: line.color, x: x0 + w + 21, y: places[i] + centred(lines) }));
  const keys = key.keys.map((one) => ({ ...one, x: one.x + (room < 300 ? edge + 8 : x0), y: one.y + y0 + h + foot }));
  put(parent, "path", "swatches", keys, { ...STROKE, d: ({ x, y }) => `M${x},${y - 4}h22` });
  marks(parent, "keymarks", keys.filter((one) => one.mark).map((one) => ({ ...one, x: one.x + 11, y: one.y - 4, size: 24 })));
  words(parent, "lines small", [...named, ...keys.map((one) => ({ ...one, strong: false, x: one.x + 28 }))]);
}

// notes in corners and texts of rules, each at the first of its places where it meets no other
function captions(parent, box) {
  const taken = [];
  const set = (places) => {
    const rects = places.map(({ lines, x, y, anchor }) => {
      const left = anchor === "end" ? x - widest(lines) : x;
      return [left - 3, y - LINE + 2, left + widest(lines) + 3, y + 3 + LINE * (lines.length - 1)];
    });
    const free = (a) => taken.every((b) => a[0] > b[2] || a[2] < b[0] || a[1] > b[3] || a[3] < b[1]);
    const best = Math.max(0, rects.findIndex(free));
    taken.push(rects[best]);
    return places[best];
  };
  const rules = only(box, "rule").filter((rule) => rule.text);
  const walls = rules.filter((rule) => rule.axis === "x").map((rule) => box.X(rule.at));
  words(parent, "notes small halo", only(box, "note").map((note) => set(corners(note, walls, box))));
  words(parent, "rules small halo", rules.map((rule) => set((rule.axis === "x" ? upTo : along)(rule, box))));
}

// from its corner to the middle, in the room before a rule that has a text
function corners(note, walls, { x0, y0, w, h }) {
  const [right, low] = [note.at.includes("right"), note.at.includes("bottom")];
  const rooms = walls.map((wall) => (right ? x0 + w - wall : wall - x0) - 14).filter((room) => room > 60);
  const lines = wrap(note.text, Math.min(w * 0.6, ...rooms));
  const start = low ? y0 + h - 8 - LINE * (lines.length - 1) : y0 + 16;
  const place = { lines, color: note.color, x: right ? x0 + w - 8 : x0 + 8, anchor: right ? "end" : "start" };
  return steps(h).map((step) => ({ ...place, y: low ? start - step : start + step }));
}

const steps = (h) => Array.from({ length: Math.max(1, Math.floor(h / LINE) - 2) }, (_, k) => k * LINE);

// beside the top of an upright rule, on the side with room, then lower
function upTo(rule, box) {
  const { x0, y0, w, h } = box;
  const [x, y] = ruled(rule, box)[1];
  const sides = [[x0 + w - x, 6, "start"], [x - x0, -6, "end"]].sort((a, b) => Math.min(170, b[0]) - Math.min(170, a[0]));
  return steps(h).flatMap((step) => sides.filter(([room], i) => !i || room > 70).map(([room, gap, anchor]) => ({
    lines: wrap(rule.text, Math.min(room - 10, 170)), color: rule.color, x: x + gap, y: Math.max(y0, y) + LINE + step, anchor,
  })));
}

// above or below a level rule, at its right end or left
function along(rule, box) {
  const lines = wrap(rule.text, box.w * 0.6);
  const y = ruled(rule, box)[0][1];
  const ways = [y - 5 - LINE * (lines.length - 1), y + LINE].filter((at) => at > box.y0 + 10);
  const sides = [[box.x0 + box.w - 6, "end"], [box.x0 + 6, "start"]];
  return ways.flatMap((at) => sides.map(([x, anchor]) => ({ lines, color: rule.color, x, y: at, anchor })));
}

// a plot in its box
function draw(parent, box, id) {
  const { x0, y0, w, h } = box;
  Object.assign(box, { id, clip: `url(#${id})`, X: scaled(box.x, [x0, x0 + w]), Y: scaled(box.y, [y0 + h, y0]) });
  const [clip] = put(parent, "clipPath", "clip", [0], { id });
  d3.select(clip).selectAll("path").data([0]).join("path").attr("d", `M${x0 - 2},${y0 - 2}h${w + 4}v${h + 4}h${-w - 4}Z`);
  for (const item of box.items.filter((one) => one.ys)) {
    const place = (scale) => (value) => within(-FAR, scale(value), FAR);
    Object.assign(item, { px: Array.from(item.xs, place(box.X)), py: Array.from(item.ys, place(box.Y)) });
    const inside = (i) => item.px[i] >= x0 - 1 && item.px[i] <= x0 + w + 1 && !Number.isNaN(item.py[i]);
    item.known = [...item.px.keys()].filter(inside); // computed points, also above and below the axes
    item.seen = item.known.filter((i) => item.py[i] >= y0 - 1 && item.py[i] <= y0 + h + 1);
  }
  const nodes = put(parent, "g", "items", box.items, { class: (item) => item.kind });
  nodes.forEach((node, i) => {
    if (node.kind !== (node.kind = box.items[i].kind)) node.replaceChildren();
    DRAW[node.kind]?.(node, box.items[i], box);
  });
  for (const part of [axes, titles, barTexts, lineNames, captions]) part(parent, box);
}

// ---- the number under the pointer ----

// curves with names, from the highest to the lowest of each plot, with their points from left to right
function findable(boxes) {
  return boxes.flatMap((box) => {
    const curves = box.items.filter((item) => item.name && item.known?.length);
    for (const curve of curves) curve.known.sort((a, b) => curve.px[a] - curve.px[b]);
    return curves.map((curve) => ({ ...curve, box })).sort((a, b) => a.py[a.known.at(-1)] - b.py[b.known.at(-1)]);
  });
}

// where a point is shown: at the edge of the axes if it is above or below them
const shownAt = ({ px, py, box }, i) => [px[i], within(box.y0, py[i], box.y0 + box.h)];

// the place in `known` of the point nearest to x, then to y; of a step the point at its right
function closest(curve, x, y) {
  const far = (i) => Math.abs(curve.px[i] - x) * 1e3 + Math.abs(shownAt(curve, i)[1] - y);
  const ahead = curve.step ? curve.known.findIndex((i) => curve.px[i] >= x) : -1;
  if (ahead >= 0) return ahead;
  return curve.known.reduce((best, i, k) => (far(i) < far(curve.known[best]) ? k : best), 0);
}

function under(curves, [x, y]) {
  const inside = ({ box }) => x >= box.x0 && x <= box.x0 + box.w && y >= box.y0 && y <= box.y0 + box.h;
  const found = curves.flatMap((curve, n) => (inside(curve) ? [{ n, k: closest(curve, x, y) }] : []));
  const far = ({ n, k }) => {
    const [px, py] = shownAt(curves[n], curves[n].known[k]);
    return Math.hypot(curves[n].step ? 0 : px - x, py - y);
  };
  return found.sort((a, b) => far(a) - far(b))[0];
}

function says(curve, i) {
  const axis = curve.box.x ?? {};
  const x = `${axis.name || axis.label || "x"} = ${readable(curve.xs[i])}`;
  return [`${curve.name}: ${readable(curve.ys[i], curve.down)}`, x];
}

function tip(svg, spot, curves, width, height) {
  const curve = spot && curves[spot.n];
  const found = curve ? [curve.known[spot.k]] : [];
  const [x, y] = curve ? shownAt(curve, found[0]) : [0, 0];
  const lines = found.flatMap((i) => says(curve, i).flatMap((text) => wrap(text, Math.min(280, width - 30))));
  const [w, h] = [widest(lines) + 12, lines.length * LINE + 6];
  const left = x + 10 + w < width ? x + 10 : within(0, x - 10 - w, width - w);
  const top = y - h - 8 > 0 ? y - h - 8 : Math.min(y + 10, height - h);
  const [layer] = put(svg, "g", "tip", [0]);
  put(layer, "path", "cursor", found, { d: () => `M${x},${curve.box.y0}v${curve.box.h}`, stroke: "currentColor", "stroke-dasharray": "2 3" });
  put(layer, "circle", "here", found, { cx: x, cy: y, r: 4, fill: () => ink(curve.color), stroke: "var(--paper)" });
  put(layer, "rect", "back", found, { x: left, y: top, width: w, height: h, rx: 3, fill: "var(--paper)", stroke: "currentColor", "stroke-opacity": 0.4 });
  words(layer, "said small", lines.map((line, k) => ({ lines: [line], x: left + 6, y: top + 14 + LINE * k })));
}

// ---- the whole ----

// draws into an element; show(picture) draws another in its place, stop() ends it
export function chart(element, picture) {
  const id = `rsx-${Math.random().toString(36).slice(2)}`; // other copies of this text may draw in the same page
  const root = d3.select(element).append("div").attr("class", "rsx");
  root.append("style").text(CSS);
  // no <title>, which browsers show beside the pointer, over our numbers
  const svg = root.append("svg").attr("role", "img").attr("tabindex", 0).attr("aria-describedby", `${id}-desc`);
  const desc = svg.append("desc").attr("id", `${id}-desc`);
  const live = root.append("div").attr("class", "live").attr("aria-live", "polite");
  let [width, height, queued, plots, curves, pointer, spot] = [0, 0, false, [], [], null, null];

  const point = (next) => {
    spot = next;
    tip(svg.node(), spot, curves, width, height);
  };
  const paint = () => {
    queued = false;
    if (!width) return;
    const last = spot && shownAt(curves[spot.n], curves[spot.n].known[spot.k]);
    const found = layout({ ...picture, plots }, width);
    height = Math.ceil(found.height);
    svg.attr("width", width).attr("height", height).attr("viewBox", `0 0 ${width} ${height}`);
    svg.attr("aria-label", picture.title);
    desc.text(picture.desc);
    put(svg.node(), "g", "plots", found.boxes).forEach((node, i) => draw(node, found.boxes[i], `${id}-${i}`));
    curves = findable(found.boxes);
    const n = Math.min(spot?.n ?? 0, curves.length - 1);
    point(pointer ? under(curves, pointer) : last && n >= 0 ? { n, k: closest(curves[n], ...last) } : null);
  };
  const soon = () => {
    if (!queued) requestAnimationFrame(paint);
    queued = true;
  };
  const show = (next) => {
    if (next.schema > SCHEMA) throw new Error(`this chart draws pictures of schema ${SCHEMA}, got ${next.schema}; take a newer rsexplore`);
    [picture, plots] = [next, next.plots.map(prepared)];
    soon();
  };
  const keyed = (event) => {
    const [along, across] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (event.key === "Escape") point(null);
    if (along === undefined || !curves.length) return;
    event.preventDefault();
    pointer = null;
    const from = spot ?? { n: 0, k: curves[0].known.length >> 1 };
    const n = within(0, from.n + (spot ? across : 0), curves.length - 1);
    const k = n === from.n ? from.k + (spot ? along : 0) : closest(curves[n], ...shownAt(curves[from.n], curves[from.n].known[from.k]));
    point({ n, k: within(0, k, curves[n].known.length - 1) });
    live.text(says(curves[n], curves[n].known[spot.k]).join(", ").replaceAll("_", " "));
  };
  const moved = (event) => {
    pointer = d3.pointer(event, svg.node());
    point(under(curves, pointer));
  };
  const left = (event) => {
    if (event.pointerType === "touch") return; // a tap leaves at once, and what it asked for stays
    pointer = null;
    point(null);
  };
  svg.on("pointermove", moved).on("pointerdown", moved).on("pointerleave", left).on("keydown", keyed);
  const watch = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (now !== width) [width] = [now, soon()];
  });
  show(picture);
  watch.observe(root.node());
  return { show, stop: () => [watch.disconnect(), root.remove()] };
}
