// An explanation: parts that sum to the score, paths, and the subgraph they make.

import { cut, draw, make } from "./dom.js";

const PATHS = 8; // drawn
const LEAST = 0.005; // a part below that is not worth a line
const WIDTH = 660, ROW = 44, TOP = 8, SIDE = 110;
const WORDS = { interacts: "knows" };

export function reasons(found, colour) {
  const paths = found.paths;
  const parts = found.parts.filter((part) => Math.abs(part.contribution) >= LEAST);
  const shown = [];
  if (paths.length) {
    shown.push(picture(paths.slice(0, PATHS), colour));
    shown.push(make("h3", {}, "Paths"), make("ul", { class: "paths" }, ...paths.map(line)));
  }
  if (parts.length) {
    shown.push(make("h3", {}, `What the score of ${number(found.score)} is made of`));
    shown.push(bars(parts));
  }
  if (!shown.length) shown.push(make("p", { class: "hint" }, "Nothing joins the two."));
  return shown;
}

function line(path) {
  const [user, ...rest] = path.nodes;
  const words = path.relations.map((hop) => WORDS[hop.relation] || hop.relation);
  const pieces = [make("span", {}, user.title || user.id)];
  rest.forEach((node, n) => {
    const word = words[n].replaceAll("_", " ");
    const arrow = n === 0 ? ` ${word} ` : path.relations[n].forward ? ` —${word}→ ` : ` ←${word}— `;
    pieces.push(make("em", {}, arrow), make("span", { class: "title" }, label(node)));
  });
  return make("li", { class: path.share < 0 ? "less" : "" }, make("b", {}, percent(path.share)), make("span", {}, ...pieces));
}

function bars(parts) {
  const most = Math.max(...parts.map((part) => Math.abs(part.contribution)));
  return make("table", {}, make("tbody", {}, ...parts.map((part) => {
    const bar = make("i", { class: part.contribution < 0 ? "less" : "" });
    bar.style.width = `${(100 * Math.abs(part.contribution)) / most}%`;
    return make("tr", {},
      make("td", {}, part.name),
      make("td", { class: "share" }, bar),
      make("td", { class: "number" }, number(part.contribution)));
  })));
}

// Columns: the user, what they used, what joins, the item. A line's width is its path's share. A
// short path bends in the columns that it has no node in, and says there what it is.
function picture(paths, colour) {
  const length = Math.max(...paths.map((path) => path.nodes.length), 4);
  const columns = Array.from({ length }, () => new Map());
  const ways = paths.map((path, p) => Array.from({ length }, (_, column) => {
    const last = path.nodes.length - 1;
    const node = column === length - 1 ? path.nodes[last] : column < last && path.nodes[column];
    const key = node ? `${node.type} ${node.id} ${node.title}` : `bend ${p}`;
    if (!columns[column].has(key)) columns[column].set(key, { node, column, key });
    return columns[column].get(key);
  }));
  const rows = Math.max(...columns.map((column) => column.size));
  const height = TOP * 2 + ROW * Math.max(rows, 2);
  columns.forEach((column, c) => [...column.values()].forEach((stop, r) => {
    stop.x = SIDE / 2 + (c * (WIDTH - SIDE)) / (length - 1);
    stop.y = TOP + ((r + 0.5) * (height - 2 * TOP)) / column.size;
  }));
  const most = Math.max(...paths.map((path) => Math.abs(path.share)), 1e-9);
  const lines = [], words = new Map();
  ways.forEach((way, p) => {
    const { relations, nodes, share } = paths[p];
    const d = way.slice(1).map((stop, n) => {
      const from = way[n], middle = (from.x + stop.x) / 2;
      return `C${middle},${from.y} ${middle},${stop.y} ${stop.x},${stop.y}`;
    }).join("");
    lines.push(draw("path", {
      d: `M${way[0].x},${way[0].y}${d}`,
      "stroke-width": 1.2 + (6 * Math.abs(share)) / most,
      class: share < 0 ? "less" : "",
    }));
    relations.slice(1).forEach((hop, n) => {
      if (hop.relation in WORDS) return;
      const bent = n === relations.length - 2 && nodes.length < length;
      const [from, to] = [way[n + 1], way[n + 2]];
      const x = bent ? to.x : (from.x + to.x) / 2, y = bent ? to.y : (from.y + to.y) / 2;
      words.set(`${from.key} ${hop.relation} ${to.key}`, draw("text",
        { class: "word", x, y: y - 5, "text-anchor": "middle" },
        cut(hop.relation.replaceAll("_", " "), 22)));
    });
  });
  const stops = columns.flatMap((column) => [...column.values()]).filter((stop) => stop.node);
  const dots = stops.map(({ node, column, x, y }) => {
    const [anchor, shift] = column === 0 ? ["start", -10]
      : column === length - 1 ? ["end", 10] : ["middle", 0];
    return draw("g", {},
      draw("title", {}, label(node)),
      draw("circle", { cx: x, cy: y, r: shift ? 8 : 6, class: colour(node.domains) }),
      draw("text", { x: x + shift, y: y + 20, "text-anchor": anchor },
        cut(node.title || node.id, 22)));
  });
  const [from, to] = [ways[0][0].node, ways[0].at(-1).node];
  return draw("svg", { class: "graph", viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
    "aria-label": `${paths.length} paths from ${from.title} to ${to.title}` },
  ...lines, ...words.values(), ...dots);
}

function label(node) {
  const title = node.title || node.id;
  return node.domains?.length ? `${title} (${node.domains.join(", ")})` : title;
}

const percent = (share) => `${Math.round(100 * share)}%`.replace("-", "−");
const number = (value) => value.toFixed(2);
