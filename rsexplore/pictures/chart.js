// Draws a picture (`picture.py`) as SVG, in a notebook and in a page without a server, by the same text.
// Before it stand `d3`, vendor/d3.min.js, and `CSS`, the text of chart.css.

const SCHEMA = 1;
const LINE = 14; // pixels from one line of text to the next
const [SMALL, PLAIN, STRONG, TITLE] = ["11px", "12px", "700 11px", "600 13px"]; // as in chart.css
const DASHES = { dash: "6 3", dot: "1.5 3", dashdot: "7 3 1.5 3" };
const SYMBOLS = { triangle: "Triangle", down: "Triangle", square: "Square", diamond: "Diamond", plus: "Cross" };
const DEFAULTS = { // what a picture leaves out
  ...{ line: { width: 1.6 }, region: { opacity: 0.15 }, points: { mark: "circle", size: 45, opacity: 1 } },
  ...{ rule: { axis: "x", color: "#777777", dash: "dot", width: 1.2 }, note: { at: "top left" } },
};

const within = (low, value, high) => Math.max(low, Math.min(high, value));
const most = (values) => Math.max(0, ...values);
const total = (values) => values.reduce((sum, value) => sum + value, 0);
const { isNaN, isFinite } = Number;

// ---- numbers ----

const number = (value) => (value === null ? NaN : +value); // JSON has "Infinity", and null for nan
const numbers = (values) => (values instanceof DataView // the bytes need not lie where float64 may
  ? new Float64Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength))
  : Float64Array.from(values ?? [], number));
const raised = (n) => "10" + String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

function written(value, digits = 4) { // to so many digits; a power of ten only where it is true
  if (!isFinite(value)) return isNaN(value) ? "none" : value < 0 ? "−∞" : "∞";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const signed = (text) => String(text).replace("-", "−");
  if (value && (power < -3 || power > 5)) return (+mantissa === 1 ? "" : signed(+mantissa) + "·") + raised(+power);
  const [whole, rest] = signed(+value.toPrecision(digits)).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, whole.length > 4 ? "," : "") + (rest ? "." + rest : "");
}

// 4 digits, cut from those of the exact number so that the text is never above it; as `rounded_down` in Python
export function roundedDown(value) {
  if (!isFinite(value) || value === 0) return written(value);
  const [mantissa, power] = value.toExponential(30).split("e");
  const cut = `${mantissa.slice(0, mantissa.indexOf(".") + 4)}e${power}`;
  return power < -4 || power > 6 ? cut : power > 3 ? String(+cut) : (+cut).toPrecision(4);
}

// ---- texts ----

const LOW = /_([\p{L}\p{N}∞])(?![\p{L}\p{N}_])/u; // "p_A" and "ℓ_2": one letter after "_" is a subscript
const LOWERED = { "font-size": "75%", dy: 3 };
const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();

function wide(text, font = SMALL) {
  const key = font + text;
  if (widths.has(key)) return widths.get(key);
  if (widths.size > 5000) widths.clear();
  pen.font = `${font} system-ui, "DejaVu Sans", sans-serif`;
  return widths.set(key, pen.measureText(text.split(LOW).join("")).width).get(key);
}

const widest = (lines, font) => most(lines.map((line) => wide(line, font)));

const joined = (words, glue, fits) => words.reduce((lines, word) => { // words put together while they fit
  const longer = lines.at(-1) + glue + word;
  return lines.length && fits(longer) ? [...lines.slice(0, -1), longer] : [...lines, word];
}, []);

function wrap(text, room, font) { // lines no wider than the room; a word is broken only where it has no room alone
  const fits = (line) => wide(line, font) <= room;
  const words = (text ?? "").split(/ +/).filter(Boolean);
  return joined(words.flatMap((word) => (fits(word) ? [word] : joined([...word], "", fits))), " ", fits);
}

// the places nearest to the wanted ones, in least squares, at which nothing overlaps: pooled means
function apart(wanted, sizes, low, high) {
  const order = [...wanted.keys()].sort((a, b) => wanted[a] - wanted[b]);
  const middles = order.map((i, rank) => total(order.slice(0, rank).map((j) => sizes[j])) + sizes[i] / 2);
  const pools = []; // of [mean, how many]
  order.forEach((i, rank) => {
    let [mean, n] = [wanted[i] - middles[rank], 1];
    while (pools.length && pools.at(-1)[0] > mean) {
      const [other, more] = pools.pop();
      [mean, n] = [(mean * n + other * more) / (n + more), n + more];
    }
    pools.push([mean, n]);
  });
  const starts = pools.flatMap(([mean, n]) => Array(n).fill(within(low, mean, high - total(sizes))));
  return wanted.map((_, i) => order.indexOf(i)).map((rank) => starts[rank] + middles[rank]);
}

// ---- ticks ----

const COUNTS = [10, 8, 6, 5, 4, 3, 2, 1];
const spaced = (domain, n) => d3.scaleLinear().domain(domain).ticks(n);
const [tickWide, tickHigh] = [(text) => wide(text, PLAIN) + 10, () => 2 * LINE]; // what a number takes along its axis

function scaled(axis, range) {
  const log = axis?.scale === "log";
  const scale = (log ? d3.scaleLog() : d3.scaleLinear()).domain(axis?.domain ?? [0, 1]).range(range);
  const finite = (value) => within(log ? Number.MIN_VALUE : -1e100, value, 1e100); // infinity has no place of its own
  return { scale, to: (value) => within(-1e5, scale(finite(value)), 1e5) }; // nor are millions of pixels drawn
}

function ticks(axis, length, size) { // as many ticks {at, text} as have room
  if (!axis || axis.ticks === false) return [];
  const { scale } = scaled(axis, [0, length]);
  const named = (list) => list.filter(({ text }) => text).map(({ at, text }) => [scale(at), size(text) / 2]);
  const free = ([at, half], i, all) => !i || Math.abs(at - all[i - 1][0]) >= half + all[i - 1][1];
  const tries = axis.scale === "log" ? logarithmic(axis.domain).filter((list) => named(list).length > 1) : [];
  tries.push(...COUNTS.map((n) => even(spaced(axis.domain, n))));
  return tries.find((list) => named(list).every(free)) ?? tries.at(-1);
}

function even(values) { // numbers with the digits that tell them apart
  const step = Math.abs(values[1] - values[0]);
  const digits = step ? Math.ceil(Math.log10(most(values.map(Math.abs)) / step)) + 2 : 4;
  return values.map((at) => ({ at, text: written(at, within(1, digits, 15)) }));
}

// what a logarithmic axis may show, fullest first: powers of ten, or over few of them other numbers too
function logarithmic(domain) {
  const [ends, all] = [domain.map(Math.log10), d3.scaleLog().domain(domain).ticks(10)];
  const power = (e) => ({ at: +`1e${e}`, text: raised(e) });
  if (Math.abs(ends[0] - ends[1]) > 4) return COUNTS.map((n) => spaced(ends, n).filter(Number.isInteger).map(power));
  const text = (at, digits) => (digits.includes(at.toExponential()[0]) ? written(at, 3) : "");
  return ["123456789", "12357", "125", "13", "1"].map((digits) => all.map((at) => ({ at, text: text(at, digits) })));
}

// ---- where things are ----

const only = (plot, kind) => plot.items.filter((item) => item.kind === kind);

function prepared(plot) { // items with their numbers read; names of lines get an arrow where these end beyond the axes
  const [grid, domain] = [numbers(plot.grid), plot.y?.domain ?? [0, 1]];
  const items = plot.items.map((given) => {
    const item = { ...DEFAULTS[given.kind], ...given };
    if (item.kind === "rule") item.at = number(item.at);
    if (item.kind === "bars") item.rows = item.rows.map((row) => ({ ...row, value: number(row.value) }));
    if (!item.y) return item;
    const [xs, ys] = [item.x ? numbers(item.x) : grid, numbers(item.y)];
    const end = ys.findLast((v) => !isNaN(v));
    const arrow = end > Math.max(...domain) ? "\u00a0↑" : end < Math.min(...domain) ? "\u00a0↓" : "";
    const label = item.label && item.label + (end === undefined ? " (no number)" : arrow);
    return { ...item, xs, ys, end: end ?? -Infinity, label };
  });
  return { ...plot, items: items.filter((item) => !isNaN(item.at)) };
}

function inRows(plots, width) { // rows of plots with the widths that they get, as many in each as have room
  const needed = { image: () => 120, bars: ({ upright }) => (upright ? 250 : 340) };
  const least = ({ items }) => most(items.map((item) => needed[item.kind]?.(item) ?? 0)) || 190;
  const share = (plot, row) => (plot.share ?? 1) / total(row.map((one) => one.share ?? 1));
  const parted = (row) => row.map((plot) => ({ plot, room: width * share(plot, row) }));
  for (let count = width < 600 ? plots.length : 1; ; count += 1) {
    const n = Math.ceil(plots.length / count);
    const rows = plots.flatMap((_, i) => (i % n ? [] : [parted(plots.slice(i, i + n))]));
    if (n <= 1 || rows.flat().every(({ plot, room }) => room >= least(plot))) return rows;
  }
}

function layout({ plots, height = 430 }, width) { // boxes of all plots in pixels, and the height of the whole
  let top = 0;
  const boxes = inRows(plots, width).flatMap((row) => {
    const about = row.length > 1 ? height - 100 : Math.min(height - 100, Math.max(200, width * 0.62));
    const found = row.map(({ plot, room }) => surrounded(plot, room, about));
    const tallest = (part) => most(found.map((box) => box[part]));
    const full = Math.max(140, height - tallest("head") - tallest("foot"));
    const lot = found.every((box) => box.square) ? Math.min(full, tallest("w")) : full;
    const alone = tallest("least") || Math.min(lot, Math.max(200, width * 0.62));
    const high = Math.max(tallest("least"), row.length > 1 ? lot : alone);
    found.reduce((edge, box) => {
      const [{ crown }, y0] = [box.under, top + tallest("head") + box.under.crown];
      const w = box.square ? Math.min(high, box.w) : box.w;
      const [h, x0] = [(box.square ? w : high) - crown, edge + box.left];
      Object.assign(box, { edge, w, h, x0, y0, foot: tallest("foot") });
      return edge + box.room;
    }, 0);
    top += tallest("head") + high + tallest("foot") + tallest("keyHigh") + 20;
    return found;
  });
  return { boxes, high: Math.ceil(top) };
}

// what stands around the axes of a plot, which are about so high: texts, wrapped, and the room that they take
function surrounded(plot, room, height) {
  const bars = only(plot, "bars")[0];
  const [flat, upright] = [bars && !bars.upright, bars?.upright];
  const bare = (axis, without) => axis && (without ? { ...axis, ticks: false } : axis);
  const [x, y] = [bare(plot.x, upright), bare(plot.y, flat)];
  const lines = only(plot, "line").filter((line) => line.label);
  let ends = lines.map((line) => ({ line, lines: wrap(line.label, Math.min(200, room * 0.33)) }));
  if (plot.names === "key" || room < 460 || total(ends.map(tall)) > height) ends = [];
  const values = flat ? widest(bars.rows.map((row) => row.text), STRONG) + 10 : 0;
  const named = (row) => wrap(row.name, Math.min(150, room * 0.42, room - values - 90), row.strong ? STRONG : SMALL);
  const names = flat ? bars.rows.map(named) : [];
  const [heads, xLabel] = [wrap(plot.title, room - 8, TITLE), wrap(x?.label, room - 4, PLAIN)];
  const yLabel = wrap(y?.label, height - 10, PLAIN);
  const numbered = (axis, length, size) => widest(ticks(axis, length, size).map((tick) => tick.text), PLAIN);
  const yNumbers = [1.25, 1, 0.75, 0.5].map((part) => numbered(y, part * height, tickHigh));
  const yWide = flat ? most(names.map((name) => widest(name, STRONG))) + 10 : most(yNumbers) + 12;
  const half = numbered(x, room - yWide - 40, tickWide) / 2 + 2;
  const left = Math.max(8, half, y || flat ? yWide + yLabel.length * LINE + 4 : 0);
  const w = Math.max(40, room - left - Math.max(8, half, values, ...ends.map((end) => widest(end.lines) + 24)));
  const under = upright ? footed(bars.rows, w) : { deep: x && x.ticks !== false ? 22 : 4, crown: 0 };
  const keys = ends.length ? [] : plot.names === "key" ? lines : lines.sort((a, b) => b.end - a.end);
  const foot = under.deep + (xLabel.length && xLabel.length * LINE + 6);
  const least = most(names.map((name) => Math.max(20, name.length * LINE + 5))) * names.length;
  return {
    ...{ ...plot, x, y, room, bars, flat, ends, names, heads, yLabel, xLabel, yWide, left, w, under, foot, least },
    ...{ ...keyed(keys, room < 300 ? room - 12 : room - left), head: heads.length * 16 + 12 },
  };
}

const tall = ({ lines }) => lines.length * LINE + 2;

function footed(rows, width) { // names under upright bars and numbers above them, turned where they have no room
  const step = width / Math.max(1, rows.length) - 3;
  const turned = rows.some((row) => widest(row.name.split(" "), STRONG) > step);
  const names = rows.map((row) => wrap(row.name, turned ? 110 : step, STRONG));
  const deep = 8 + most(names.map((name) => (turned ? widest(name, STRONG) : LINE * name.length)));
  const value = widest(rows.map((row) => row.text), STRONG);
  return { names, turned, deep, crowded: value > step, crown: value > step ? value + 2 : LINE };
}

function keyed(lines, room) { // swatches and names in rows
  let [x, y] = [0, LINE];
  const keys = lines.map((line) => {
    const text = wrap(line.label, room - 30);
    if (x && x + 28 + widest(text) > room) [x, y] = [0, y + LINE + 2];
    const key = { ...line, lines: text, x, y };
    [x, y] = text.length > 1 ? [0, y + text.length * LINE + 2] : [x + 42 + widest(text), y];
    return key;
  });
  return { keys, keyHigh: keys.length && y + (x && LINE) };
}

// ---- drawing ----

const ink = ({ color }) => (!color || color === "ink" ? "currentColor" : color);
const dash = (item) => DASHES[item.dash] ?? null;
const STROKE = { fill: "none", stroke: ink, "stroke-width": ({ width }) => width, "stroke-dasharray": dash };

// nodes for data in a layer of their own; those that are there are used again, and told only what is new
function put(parent, tag, layer, data, attributes = {}) {
  const groups = d3.select(parent).selectChildren("." + layer.split(" ")[0]).data([0]);
  const nodes = groups.join((enter) => enter.append("g").attr("class", layer)).selectChildren().data(data).join(tag);
  return nodes.each(function (item, i) {
    for (const [name, value] of Object.entries(attributes)) {
      const now = typeof value === "function" ? value(item, i) : value;
      if ((this.told ??= {})[name] !== now) d3.select(this).attr(name, (this.told[name] = now));
    }
  });
}

function words(parent, layer, rows) { // texts of rows {x, y, lines, anchor, color, strong, turn}
  put(parent, "text", layer, rows, {
    transform: ({ x, y, turn }) => `translate(${x.toFixed(1)} ${y.toFixed(1)})${turn ? " rotate(-90)" : ""}`,
    ...{ "text-anchor": ({ anchor }) => anchor ?? null, "font-weight": ({ strong }) => (strong ? 700 : null) },
    style: (row) => `fill: color-mix(in srgb, ${ink(row)} 60%, currentColor)`, // dark or light enough to read
  }).each(function ({ lines }) {
    if (this.text === (this.text = lines.join("\n"))) return;
    const spans = lines.flatMap((line, k) => [
      ...(k ? [[" ", { "font-size": 0 }]] : []), // for those who copy
      ...line.split(LOW).map((part, j) => [part, j % 2 ? LOWERED : j ? { dy: -3 } : { x: 0, y: k * LINE }]),
    ]);
    const made = d3.select(this).selectAll("tspan").data(spans).join("tspan").text(([part]) => part);
    for (const name of ["x", "y", "dy", "font-size"]) made.attr(name, ([, place]) => place[name] ?? null);
  });
}

function path({ px, py, step }) {
  const drawn = d3.line((x) => x, (_, i) => py[i]).defined((x, i) => !isNaN(x + py[i])).digits(2);
  return drawn.curve(step ? d3.curveStepBefore : d3.curveLinear)(px) ?? "M0,0";
}

const marks = (parent, layer, list) => put(parent, "path", layer, list, {
  d: ({ mark, size }) => d3.symbol(d3["symbol" + (SYMBOLS[mark] ?? "Circle")], size)(),
  transform: ({ x, y, mark }) => `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${mark === "down" ? 180 : 0})`,
  ...{ fill: ink, "fill-opacity": ({ opacity }) => opacity ?? 1 },
});

const DRAW = { // notes are texts, which are on top
  line(parent, line, { clip }) {
    put(parent, "path", "curve", [line], { ...STROKE, d: path, "clip-path": clip });
    const [every, size] = [Math.max(1, Math.floor(line.px.length / 9)), line.mark ? 28 : 9 * line.width];
    const lone = (i) => isNaN(line.py[i - 1] ?? NaN) && isNaN(line.py[i + 1] ?? NaN);
    const shown = line.seen.filter((i) => (line.mark && i % every === every >> 1) || lone(i));
    marks(parent, "marks", shown.map((i) => ({ ...line, x: line.px[i], y: line.py[i], size })));
  },
  region(parent, region, { clip }) {
    const look = { fill: ink, "fill-opacity": region.opacity, "clip-path": clip };
    put(parent, "path", "area", [region], { ...look, d: path(region) + "Z" });
  },
  points(parent, points) {
    marks(parent, "marks", points.seen.map((i) => ({ ...points, x: points.px[i], y: points.py[i] })));
  },
  rule(parent, rule, box) {
    put(parent, "path", "curve", [rule], { ...STROKE, d: `M${ruled(rule, box).join("L")}`, "clip-path": box.clip });
  },
  bars(parent, { rows }, { slots, id }) {
    const hatch = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    put(parent, "pattern", "hatches", rows, { ...hatch, id: (_, i) => `${id}-${i}` }).each(function ({ color }) {
      put(this, "path", "lines", [{ color, width: 2.4 }], { ...STROKE, d: "M1,0V6" });
    });
    const fill = (bar, i) => ({ hollow: "none", hatched: `url(#${id}-${i})` })[bar.fill] ?? ink(bar);
    const d = ({ x, y, wide, high }) => `M${x},${y}h${wide}v${high}h${-wide}Z`;
    put(parent, "path", "bars", slots, { ...STROKE, d, fill, "stroke-width": (bar) => (bar.fill ? 1.4 : 0) });
  },
  image(parent, { src }, { x0, y0, w, h }) {
    const place = { x: x0, y: y0, width: w, height: h, preserveAspectRatio: "none" };
    put(parent, "image", "image", [0], { ...place, href: src, style: "image-rendering: pixelated" });
  },
};

function ruled(rule, { X, Y, x0, y0, w, h }) { // the two ends of a rule, from its axis on
  const end = (scale, full) => (rule.to === undefined ? full : scale.to(number(rule.to)));
  const [x, y] = [X.to(rule.at), Y.to(rule.at)];
  return rule.axis === "x" ? [[x, y0 + h], [x, end(Y, y0)]] : [[x0, y], [end(X, x0 + w), y]];
}

// bars in the middle of equal steps, from the start of the axis
const slots = ({ upright, rows }, { X, Y, x0, y0, w, h }) => rows.map((row, i) => {
  const step = (upright ? w : h) / rows.length;
  const [mid, thick] = [(upright ? x0 : y0) + (i + 0.5) * step, Math.min(40, step * 0.68)];
  const long = within(0, upright ? y0 + h - Y.to(row.value) : X.to(row.value) - x0, upright ? h : w) || 0;
  if (upright) return { ...row, mid, long, x: mid - thick / 2, y: y0 + h - long, wide: thick, high: long };
  return { ...row, mid, long, x: x0, y: mid - thick / 2, wide: long, high: thick };
});

function axes(parent, { x, y, X, Y, x0, y0, w, h }) {
  const sides = [
    ["bottom", x, d3.axisBottom(X.scale), `translate(0 ${y0 + h})`, ticks(x, w, tickWide), "y2", 1],
    ["left", y, d3.axisLeft(Y.scale), `translate(${x0} 0)`, ticks(y, h, tickHigh), "x2", -1],
  ];
  for (const [name, axis, ruler, transform, found, end, sign] of sides) {
    ruler.tickValues(found.map((tick) => tick.at)).tickFormat((_, i) => found[i].text).tickSizeOuter(0);
    const group = put(parent, "g", name, axis ? [axis] : [], { transform });
    const state = JSON.stringify([found, ruler.scale().range(), axis]);
    if (!axis || group.node().state === (group.node().state = state)) continue;
    group.call(ruler).attr("font-size", null).attr("font-family", null);
    group.selectAll(".tick line").attr(end, (_, i) => sign * (found[i].text ? 6 : 3));
  }
}

const centred = (lines) => 4 - ((lines.length - 1) * LINE) / 2; // from the middle of lines to the foot of the first

function titles(parent, { heads, xLabel, yLabel, yWide, under, edge, room, x0, y0, w, h }) {
  const x = widest(heads, TITLE) <= edge + room - x0 ? x0 : edge + 4;
  const foot = y0 - under.crown - 11 - 16 * (heads.length - 1);
  words(parent, "title", heads.map((text, k) => ({ lines: [text], x, y: foot + 16 * k })));
  const half = widest(xLabel, PLAIN) / 2 + 2;
  const below = { lines: xLabel, x: within(edge + half, x0 + w / 2, edge + room - half), y: y0 + h + under.deep + 14 };
  const beside = { lines: yLabel, x: x0 - yWide - LINE * (yLabel.length - 1) - 4, y: y0 + h / 2, turn: true };
  words(parent, "labels", [below, beside].map((label) => ({ ...label, anchor: "middle" })));
}

function barTexts(parent, { slots, flat, names, under, x0, y0, w, h }) {
  words(parent, "names small", slots.map(({ mid, strong }, i) => {
    const lines = flat ? names[i] : under.names[i];
    if (flat) return { lines, strong, x: x0 - 8, y: mid + centred(lines), anchor: "end" };
    if (under.turned) return { lines, strong, x: mid + centred(lines), y: y0 + h + 6, anchor: "end", turn: true };
    return { lines, strong, x: mid, y: y0 + h + 15, anchor: "middle" };
  }));
  words(parent, "values small", slots.map(({ mid, long, strong, text }) => {
    if (flat) return { lines: [text], strong, x: x0 + w + 6, y: mid + 4 };
    const place = under.crowded ? { x: mid + 4, turn: true } : { x: mid, anchor: "middle" };
    return { lines: [text], strong, y: y0 + h - long - 4, ...place };
  }));
}

// names of lines at their ends, with leaders, or in the key
function lineNames(parent, { ends, keys, x0, y0, w, h, foot, room, edge }) {
  const [right, low] = [x0 + w, y0 + h];
  const at = ends.map(({ line }) => line.py.findLast((v) => !isNaN(v)) ?? Infinity);
  const places = apart(at.map((y) => within(y0, y, low)), ends.map(tall), y0 - 8, low + 8);
  const start = (i) => (at[i] < y0 - 1 || at[i] > low + 1 ? "M" : `M${right + 2},${at[i]}L`);
  const leaders = ends.map(({ line }, i) => ({ ...line, width: 1.2, d: `${start(i)}${right + 8},${places[i]}h9` }));
  put(parent, "path", "leaders", leaders, { ...STROKE, d: ({ d }) => d });
  const key = keys.map((one) => ({ ...one, x: one.x + (room < 300 ? edge + 8 : x0), y: one.y + low + foot }));
  put(parent, "path", "swatches", key, { ...STROKE, d: ({ x, y }) => `M${x},${y - 4}h22` });
  const marked = key.filter(({ mark }) => mark);
  marks(parent, "keymarks", marked.map((one) => ({ ...one, x: one.x + 11, y: one.y - 4, size: 24 })));
  words(parent, "lines small", [
    ...ends.map(({ line, lines }, i) => ({ lines, color: line.color, x: right + 21, y: places[i] + centred(lines) })),
    ...key.map(({ lines, color, x, y }) => ({ lines, color, x: x + 28, y })),
  ]);
}

function captions(parent, box) { // texts of rules, then notes; each moves up or down to where it meets no other
  const { x0, y0, w, h } = box;
  const taken = [];
  const placed = ({ way, ...caption }) => {
    const { lines, x, y, anchor } = caption;
    const [left, right] = anchor === "end" ? [x - widest(lines) - 3, x + 3] : [x - 3, x + widest(lines) + 3];
    const rect = (k) => [left, y + way * k * LINE - LINE, right, y + way * k * LINE + LINE * (lines.length - 1) + 4];
    const free = (a) => taken.every((b) => a[0] >= b[2] || a[2] <= b[0] || a[1] >= b[3] || a[3] <= b[1]);
    const tries = [...Array(Math.max(1, Math.ceil(h / LINE) - lines.length)).keys()];
    const k = tries.find((each) => free(rect(each))) ?? 0;
    taken.push(rect(k));
    return { ...caption, y: y + way * k * LINE };
  };
  const inside = ({ at, axis }) => (([a, b]) => (at - a) * (at - b) <= 0)(box[axis]?.domain ?? [0, 1]);
  const said = only(box, "rule").filter((rule) => rule.text && inside(rule));
  words(parent, "rules small halo", said.map((rule) => placed((rule.axis === "x" ? beside : along)(rule, box))));
  const walls = only(box, "rule").filter((rule) => rule.axis === "x").map((rule) => box.X.to(rule.at));
  words(parent, "notes small halo", only(box, "note").map(({ text, at, color }) => {
    const [right, low] = [at.includes("right"), at.includes("bottom")];
    const rooms = walls.map((wall) => (right ? x0 + w - wall : wall - x0) - 14).filter((room) => room > 80);
    const lines = wrap(text, Math.min(w - 16, Math.max(widest(text.split(" ")), Math.min(w * 0.48, ...rooms))));
    const side = right ? { x: x0 + w - 8, anchor: "end" } : { x: x0 + 8 };
    const place = low ? { y: y0 + h - 8 - LINE * (lines.length - 1), way: -1 } : { y: y0 + 16, way: 1 };
    return placed({ lines, color, ...side, ...place });
  }));
}

function beside({ text, color, ...rule }, box) { // the text of an upright rule, beside its top on the side with room
  const [x, y] = ruled(rule, box)[1];
  const rooms = [box.x0 + box.w - x, x - box.x0];
  const side = rooms[0] >= Math.min(170, rooms[1]) ? { x: x + 6 } : { x: x - 6, anchor: "end" };
  const lines = wrap(text, Math.min(170, Math.max(...rooms) - 10));
  return { lines, color, ...side, y: Math.max(box.y0, y) + LINE, way: 1 };
}

// the text of a level rule, above its right end, or below where there is no room
function along({ text, color, ...rule }, box) {
  const [lines, y] = [wrap(text, box.w * 0.6), ruled(rule, box)[0][1]];
  const above = y - 5 - LINE * (lines.length - 1);
  const place = above < box.y0 + LINE ? { y: y + LINE, way: 1 } : { y: above, way: -1 };
  return { lines, color, x: box.x0 + box.w - 6, anchor: "end", ...place };
}

function draw(parent, box, id) { // a plot in its box
  const { x0, y0, w, h } = box;
  Object.assign(box, { id, clip: `url(#${id})`, X: scaled(box.x, [x0, x0 + w]), Y: scaled(box.y, [y0 + h, y0]) });
  box.slots = box.bars ? slots(box.bars, box) : [];
  const inside = `M${x0 - 2},${y0 - 2}h${w + 4}v${h + 4}h${-w - 4}Z`; // a line along an axis has its whole width
  put(parent, "clipPath", "clip", [0], { id }).selectAll("path").data([0]).join("path").attr("d", inside);
  for (const item of box.items.filter(({ ys }) => ys)) {
    Object.assign(item, { box, px: Array.from(item.xs, box.X.to), py: Array.from(item.ys, box.Y.to) });
    const across = (i) => item.px[i] >= x0 - 1 && item.px[i] <= x0 + w + 1 && !isNaN(item.py[i]);
    item.known = [...item.px.keys()].filter(across).sort((a, b) => item.px[a] - item.px[b]);
    item.seen = item.known.filter((i) => item.py[i] >= y0 - 1 && item.py[i] <= y0 + h + 1);
  }
  put(parent, "g", "items", box.items).each(function (item) {
    if (this.kind !== (this.kind = item.kind)) this.replaceChildren();
    DRAW[item.kind]?.(this, item, box);
  });
  for (const part of [axes, titles, barTexts, lineNames, captions]) part(parent, box);
}

// ---- the number under the pointer ----

// where computed point k of a curve is shown: at the edge of the axes if it is above or below them
const shown = ({ px, py, known, box }, k) => [px[known[k]], within(box.y0, py[known[k]], box.y0 + box.h)];

function closest(curve, x, y) { // the computed point of a curve nearest to x, then to y
  const far = (k) => Math.abs(shown(curve, k)[0] - x) * 1e3 + Math.abs(shown(curve, k)[1] - y);
  return [...curve.known.keys()].reduce((best, k) => (far(k) < far(best) ? k : best), 0);
}

function pointed(curves, [x, y]) {
  const inside = ({ box }) => x >= box.x0 && x <= box.x0 + box.w && y >= box.y0 && y <= box.y0 + box.h;
  const far = ({ curve, k }) => Math.hypot(shown(curve, k)[0] - x, shown(curve, k)[1] - y);
  const found = curves.filter(inside).map((curve) => ({ curve, k: closest(curve, x, y) }));
  return found.sort((a, b) => far(a) - far(b))[0];
}

function says({ curve, k }) {
  const [axis, i] = [curve.box.x ?? {}, curve.known[k]];
  const [y, x] = [curve.down, curve.down && axis.lengths].map((down) => (down ? roundedDown : written));
  return [`${curve.name}: ${y(curve.ys[i])}`, `${axis.name || axis.label || "x"} = ${x(curve.xs[i])}`];
}

function tip(svg, spot, width, high) {
  const [x, y] = spot ? shown(spot.curve, spot.k) : [0, 0];
  const lines = spot ? says(spot).flatMap((text) => wrap(text, Math.min(280, width - 30))) : [];
  const [w, h] = [widest(lines) + 12, lines.length * LINE + 6];
  const left = x + 10 + w < width ? x + 10 : within(0, x - 10 - w, width - w);
  const top = y - h - 8 > 0 ? y - h - 8 : Math.min(y + 10, high - h);
  const [layer, one] = [put(svg, "g", "tip", [0]).node(), spot ? [spot.curve] : []];
  const edge = { stroke: "currentColor", fill: "var(--paper)" };
  put(layer, "path", "cursor", one, { ...edge, d: ({ box }) => `M${x},${box.y0}v${box.h}`, "stroke-dasharray": "2 3" });
  put(layer, "circle", "here", one, { cx: x, cy: y, r: 4, fill: ink, stroke: edge.fill });
  put(layer, "rect", "back", one, { ...edge, x: left, y: top, width: w, height: h, rx: 3, "stroke-opacity": 0.4 });
  words(layer, "said small", lines.map((line, k) => ({ lines: [line], x: left + 6, y: top + LINE * (k + 1) })));
}

// ---- the whole ----

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// draws into an element; show(picture) draws another in its place, stop() ends it
export function chart(element, picture) {
  const id = `rsx-${Math.random().toString(36).slice(2)}`; // other copies of this text may draw in the same page
  const root = d3.select(element).append("div").attr("class", "rsx");
  root.append("style").text(CSS);
  // no <title>, which browsers show beside the pointer, over our numbers
  const svg = root.append("svg").attr("role", "img").attr("tabindex", 0).attr("aria-describedby", `${id}-desc`);
  const desc = svg.append("desc").attr("id", `${id}-desc`);
  const live = root.append("div").attr("class", "live").attr("aria-live", "polite");
  let [width, high, queued, plots, curves, pointer, spot] = [0, 0, 0, [], []];

  const point = (next) => tip(svg.node(), (spot = next), width, high);
  const paint = () => {
    queued = 0;
    if (!width) return;
    const [last, at] = spot ? [curves.indexOf(spot.curve), shown(spot.curve, spot.k)] : [];
    const found = layout({ ...picture, plots }, width);
    high = found.high;
    svg.attr("width", width).attr("height", high).attr("aria-label", picture.title);
    desc.text(picture.desc);
    put(svg.node(), "g", "plots", found.boxes).each(function (box, i) { draw(this, box, `${id}-${i}`); });
    curves = found.boxes.flatMap(({ items }) => items.filter(({ name, known }) => name && known?.length));
    const curve = curves[last];
    point(pointer ? pointed(curves, pointer) : curve && { curve, k: closest(curve, ...at) });
  };
  const soon = () => (queued ||= requestAnimationFrame(paint));
  const show = (next) => {
    if (next.schema > SCHEMA) throw new Error(`chart.js draws schema ${SCHEMA}, got ${next.schema}: take a newer one`);
    [picture, plots] = [next, next.plots.map(prepared)];
    soon();
  };
  svg.on("pointermove pointerdown", (event) => {
    pointer = d3.pointer(event, svg.node());
    point(pointed(curves, pointer));
  });
  svg.on("pointerleave blur", (event) => {
    pointer = undefined;
    if (event.pointerType !== "touch") point(); // a tap leaves at once, and what it asked for stays
  });
  svg.on("keydown", (event) => {
    if (!(event.key in KEYS) || !curves.length) return;
    event.preventDefault();
    pointer = undefined;
    const [along, across] = spot ? KEYS[event.key] : [0, 0];
    const from = spot ?? { curve: curves[0], k: curves[0].known.length >> 1 };
    const curve = curves[within(0, curves.indexOf(from.curve) + across, curves.length - 1)];
    const near = across ? closest(curve, ...shown(from.curve, from.k)) : from.k + along;
    point({ curve, k: within(0, near, curve.known.length - 1) });
    live.text(says(spot).join(", ").replaceAll("_", " "));
  });
  const watch = new ResizeObserver(([{ contentRect }]) => {
    if (width !== (width = Math.floor(contentRect.width))) soon(); // our own height changes too
  });
  show(picture);
  watch.observe(root.node());
  return { show, stop: () => [watch.disconnect(), root.remove()] };
}
