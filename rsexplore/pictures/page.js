// The page of `page.py`: it takes the picture of a state from tables that the package has made at deviation 1, multiplies
// the lengths in it, and draws it. Before it stands `chart.js`. No formula of the mathematics is here.

{
const find = (id) => document.getElementById(id);
const unpacked = (id) => { // what `_packed` made
  const bytes = Uint8Array.from(atob(find(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
};
const tables = await unpacked("tables").json();
const floats = new Float64Array(await unpacked("floats").arrayBuffer());

// ---- pictures ----

// a value with its arrays in their places: "~8,4" are four numbers from the eighth on
function whole(value) {
  if (typeof value === "string" && value[0] === "~") {
    const [start, count] = value.slice(1).split(",").map(Number);
    return floats.subarray(start, start + count);
  }
  if (Array.isArray(value)) return value.map(whole);
  return value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, whole(v)])) : value;
}

// as `style.round_above`, and `style.below` and `above`
function rounded({ scale, lengths }, sigma) {
  const [low, high] = lengths.map((length) => sigma * length);
  const half = (round, value) => 10 ** (round(2 * Math.log10(value)) / 2);
  if (scale === "log") return [half((v) => Math.floor(v + 1e-9), low), half((v) => Math.ceil(v - 1e-9), high)];
  const unit = 10 ** Math.floor(Math.log10(high));
  return [0, high > 0 ? [1, 2, 4, 7, 10].map((step) => step * unit).find((end) => end >= high * (1 - 1e-12)) : 1];
}

// a plot whose lengths are multiplied; what goes to the end of an axis goes to its new end
function longer(plot, sigma) {
  const axes = Object.entries({ x: plot.x, y: plot.y }).filter(([, axis]) => axis?.lengths);
  const drawn = Object.fromEntries(axes.map(([name, axis]) => [name, { ...axis, domain: rounded(axis, sigma) }]));
  const ends = new Map(axes.flatMap(([name, axis]) => axis.domain.map((end, i) => [end, drawn[name].domain[i]])));
  const times = (value) => (value === undefined ? value : ends.get(value) ?? sigma * value);
  const grown = (name, value) => (name in drawn ? value?.map?.(times) ?? times(value) : value);
  const items = plot.items.map((item) => {
    if (item.kind !== "rule") return { ...item, x: grown("x", item.x), y: grown("y", item.y) };
    const [own, other] = item.axis === "y" ? ["y", "x"] : ["x", "y"];
    return { ...item, at: grown(own, item.at), to: grown(other, item.to) };
  });
  return { ...plot, ...drawn, grid: grown("x", plot.grid), items };
}

// curves over the votes, and beside them what each is at one vote, as `pictures.bounds.shares` draws it
function atVote([plot, bars], i) {
  const size = (radius) => Math.max(-1, Number.isNaN(radius) ? -1 : radius);
  const curves = plot.items.filter((item) => item.kind === "line").map((line) => ({ ...line, radius: line.y[i] }));
  curves.sort((a, b) => size(b.radius) - size(a.radius));
  const exact = curves.find((curve) => curve.exact)?.radius;
  const mark = (item) => {
    if (item.kind === "rule" && !item.text) return { ...item, at: plot.grid[i], to: Number.isFinite(exact) ? exact : undefined };
    return item.kind === "points" ? { ...item, x: [plot.grid[i]], y: [exact] } : item;
  };
  const left = { ...plot, items: plot.items.map(mark) };
  if (!bars) return [left];
  const reference = exact ?? Math.max(0, ...curves.filter((curve) => curve.down).map((curve) => curve.radius));
  const rows = curves.map(({ name, label, radius, color, dash, down }) => {
    const value = radius === reference ? 1 : reference > 0 ? radius / reference : 0;
    const strong = exact !== undefined && value > 1 + 1e-9;
    const fill = strong ? "hatched" : down ? "solid" : "hollow";
    return { name, value, text: (down ? roundedDown : written)(radius), color, fill, dash, strong, status: label.split("  ")[1] };
  });
  const above = rows.some((row) => row.strong);
  const end = above ? 2.2 : 1.15;
  const beyond = above ? [{ kind: "region", x: [1, end, end, 1], y: [0, 0, 1, 1], color: "#D55E00" }] : [];
  const line = bars.items.filter((item) => item.kind === "rule");
  const label = bars.x.label.split(";")[0] + (above ? "; hatched: above it" : "");
  return [left, { ...bars, x: { ...bars.x, label, domain: [0, end] }, items: [...beyond, { kind: "bars", rows }, ...line] }];
}

// the numbers of a picture that a reader would look for, as rows of texts
function numbersOf({ plots }) {
  const bars = plots.filter((plot) => plot.items.some((item) => item.kind === "bars"));
  return (bars.length ? bars : plots).flatMap(({ x, y, items }) => items.flatMap((item) => {
    const share = (value) => x.label.split(";")[0].replace("share", `${(100 * value).toFixed(1)} %`);
    if (item.kind === "bars") return item.rows.map((row) => [row.name, row.text, share(row.value), row.status]);
    if (!item.name || !item.y || !(y?.lengths || (item.down && item.y.length === 1))) return [];
    const [text, at] = [item.down ? roundedDown : written, x?.lengths && item.down ? roundedDown : written];
    if (item.y.length === 1) return [[item.name, text(item.y[0]), `at ${x.name || x.label} = ${at(item.x[0])}`]];
    return plots.length === 1 && !x.lengths ? [[item.label, `${text(item.y[0])} to ${text(item.y.at(-1))}`]] : [];
  }));
}

function pictureOf(topic, state) {
  const lists = topic.controls.filter((control) => control.options && !control.along);
  const { title, desc, plots, ...rest } = whole(topic.states[lists.map((c) => (visible(c, state) ? state[c.name] : "")).join("|")]);
  const sigma = +(state[topic.controls.find((control) => !control.options)?.name] ?? 1);
  const filled = (text) => text.replace(/\{σ(\d)\}/, (_, digits) => String(+sigma.toPrecision(+digits)))
    .replace(/\{=(.*?)\}/g, (_, length) => roundedDown(sigma * length)).replace("{q}", state.q_a);
  const along = topic.controls.find((control) => control.along);
  const grown = plots.map((plot) => longer(plot, sigma));
  const drawn = along ? atVote(grown, along.options.indexOf(state[along.name]) + 1) : grown;
  const found = { ...rest, title: filled(title), plots: drawn.map((plot) => ({ ...plot, title: filled(plot.title) })) };
  const said = numbersOf(found).map((row) => row.slice(0, 3).filter(Boolean).join(" ")).join("; ");
  return { ...found, desc: desc ?? `${found.title}. ${found.plots.map((plot) => plot.title).join(". ")}. ${said}.` };
}

// ---- state ----

for (const one of tables.topics) one.start = Object.fromEntries(one.controls.map((control) => [control.name, control.start]));
for (const one of tables.topics) one.state = { ...one.start };
const chosen = new Set(); // topics whose norm the reader took, which no longer follows the noise
let [topic, fits, picture, drawn] = [tables.topics[0], []]; // fits: what sets each control to its state

const visible = ({ when }, state) => Object.entries(when).every(([other, texts]) => texts.includes(state[other]));

function link() {
  const changed = Object.entries(topic.state).filter(([name, text]) => text !== topic.start[name]);
  return "#" + new URLSearchParams([["tab", topic.name], ...changed]);
}

function readLink() {
  const asked = new URLSearchParams(location.hash.slice(1));
  topic = tables.topics.find(({ name }) => name === asked.get("tab")) ?? topic;
  const [state, odd] = [Object.assign(topic.state, topic.start), []];
  for (const { name, options } of topic.controls) {
    const text = asked.get(name);
    if (text === null) continue;
    if (options ? options.includes(text) : number(text)) state[name] = text;
    else odd.push(`The link has ${name} = ${text}, which this page does not hold; ${state[name]} is shown.`);
  }
  say(odd.join(" "));
  chosen[asked.has("norm") ? "add" : "delete"](topic);
}

const [LEAST, MOST] = [0.01, 10]; // of the deviation
const number = (text) => (/^[\d.]+(e[+-]?\d+)?$/i.test(text) && +text >= LEAST && +text <= MOST ? +text : null);
const say = (words) => (find("said").textContent = words);

function set(name, text) {
  const { state } = topic;
  state[name] = text;
  if (name === "norm") chosen.add(topic);
  if (name === "family" && state.norm && !chosen.has(topic)) state.norm = tables.natural[text];
  show();
}

function show() {
  picture = pictureOf(topic, topic.state);
  drawn ? drawn.show(picture) : (drawn = chart(find("place"), picture));
  for (const fit of fits) fit();
  clearTimeout(show.later); // what nobody reads while a slider moves
  show.later = setTimeout(write, 150);
}

function write() {
  history.replaceState(null, "", link());
  const table = d3.select("#numbers").selectAll("table").data([numbersOf(picture)]).join("table");
  table.selectAll("tr").data((rows) => rows).join("tr").selectAll("td").data((row) => row).join("td")
    .each(function (text) { this.replaceChildren(...lowered(text ?? "")); });
}

const made = (tag) => d3.select(document.createElement(tag));
const lowered = (text) => text.split(LOW).map((part, i) => (i % 2 ? made("sub").text(part).node() : part)); // subscripts

// ---- controls ----

function row(control) {
  const { name, label, unit, options } = control;
  const place = made("div").attr("class", "row");
  const [id, { state }] = [`control-${name}`, topic];
  const flag = options?.join() === "False,True";
  const caption = () => place.append("label").attr("for", id).attr("class", flag ? "check" : null).text(label);
  if (!flag) caption();
  const field = place.append(options && !flag ? "select" : "input").attr("id", id).attr("name", name);
  if (flag) field.attr("type", "checkbox").on("change", () => set(name, field.property("checked") ? "True" : "False"));
  if (flag) caption();
  else if (options) {
    field.selectAll("option").data(options).join("option").attr("value", (text) => text).text((text) => text);
    field.on("change", () => set(name, field.property("value")));
  } else {
    field.attr("inputmode", "decimal").on("change", () => typed(control, field.property("value").trim()));
  }
  if (unit) place.append("span").node().append(...lowered(unit));
  const at = (place) => (options ? options[place] : String(+(10 ** (place / 100)).toPrecision(4)));
  const ends = options ? [0, options.length - 1] : [LEAST, MOST].map((end) => 100 * Math.log10(end));
  const slides = !options || (options.length > 2 && options.every((text) => text.length < 9));
  const slider = place.selectAll("input[type=range]").data(slides ? [0] : []).join("input").attr("type", "range");
  slider.attr("min", ends[0]).attr("max", ends[1]).attr("aria-label", `${label}, slider`).on("input", () => set(name, at(+slider.property("value"))));
  fits.push(() => {
    place.property("hidden", !visible(control, state));
    if (flag) field.property("checked", state[name] === "True");
    else field.property("value", state[name]);
    slider.property("value", options ? options.indexOf(state[name]) : 100 * Math.log10(+state[name])).attr("aria-valuetext", state[name]);
  });
  return place.node();
}

function typed({ name, label }, text) {
  const value = text ? +text.replace(",", ".") : NaN;
  if (Number.isNaN(value)) say(`${label}: "${text}" is no number; write one such as 0.25`);
  else say(number(String(value)) ? "" : `${label} goes from ${LEAST} to ${MOST} here: ${text} was cut`);
  set(name, Number.isNaN(value) ? topic.state[name] : String(within(LEAST, value, MOST)));
}

function open(next) {
  topic = next;
  fits = [];
  d3.select("#tabs").selectAll("button").attr("aria-pressed", (one) => String(one === topic));
  find("line").textContent = topic.line;
  find("note").textContent = topic.note;
  find("controls").replaceChildren(...topic.controls.map(row));
  show();
}

// ---- files ----

function save(kind, blob) {
  const anchor = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${topic.name}.${kind}` });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 1e4);
}

// the drawing as a file of its own, black on white
function svg() {
  const copy = find("place").querySelector("svg").cloneNode(true);
  copy.querySelector(".tip")?.remove();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("class", "rsx");
  copy.setAttribute("style", "color: black; background: white; --paper: white; font: 12px 'DejaVu Sans', sans-serif");
  const own = CSS.split("\n").filter((line) => /^\.rsx (text|\.)/.test(line.trim())).join("\n");
  copy.prepend(Object.assign(document.createElementNS(copy.namespaceURI, "style"), { textContent: own }));
  return new XMLSerializer().serializeToString(copy);
}

async function png() {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(svg())}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: 2 * image.width, height: 2 * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.toBlob((blob) => save("png", blob));
}

function csv({ plots }) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${String(text).replaceAll('"', '""')}"` : text);
  const rows = plots.flatMap((plot, n) => plot.items.flatMap((item) => {
    if (item.kind === "bars") return item.rows.map((bar) => [plot.title || n + 1, bar.name, "", bar.value]);
    if (!["line", "points"].includes(item.kind)) return [];
    return Array.from(item.y, (y, i) => [plot.title || n + 1, item.name || item.label || "", (item.x ?? plot.grid)[i], y]);
  }));
  return [["plot", "item", "x", "y"], ...rows].map((cells) => cells.map(quoted).join(",") + "\n").join("");
}

async function copyLink(button) {
  write();
  const copied = await navigator.clipboard?.writeText(location.href).then(() => "copied", () => undefined);
  button.textContent = copied ?? "not copied: take it from the address bar";
  setTimeout(() => (button.textContent = "copy link"), 2000);
}

const TOOLS = {
  reset: () => [chosen.delete(topic), Object.assign(topic.state, topic.start), say(""), show()],
  "copy link": copyLink,
  "save figure (svg)": () => save("svg", new Blob([svg()], { type: "image/svg+xml" })),
  "save figure (png)": png,
  "save numbers (csv)": () => save("csv", new Blob([csv(picture)], { type: "text/csv" })),
};

d3.select("#tabs").selectAll("button").data(tables.topics).join("button").attr("type", "button").text((one) => one.title)
  .attr("title", (one) => one.line).on("click", (_, one) => [say(""), open(one)]);
d3.select("#tools").selectAll("button").data(Object.keys(TOOLS)).join("button").attr("type", "button").text((name) => name)
  .on("click", function (_, name) { TOOLS[name](this); });
find("controls").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", () => [readLink(), open(topic)]);
window.rsexplore = { topics: tables.topics, pictureOf, numbersOf }; // for who would read numbers from its console
readLink();
open(topic);
}
