// A box that finds nodes by title or id while one types (the ARIA combobox pattern).

import { search } from "./api.js";
import { make, replace } from "./dom.js";

const PAUSE = 150; // ms after the last key

export function finder(input, list, { type, chosen, failed }) {
  let options = [], at = -1, asked = 0, timer = 0;

  function close() {
    at = -1;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function choose(node) {
    close();
    input.value = "";
    chosen(node);
  }

  function mark(place) {
    at = (place + options.length) % options.length;
    [...list.children].forEach((option, n) => option.setAttribute("aria-selected", n === at));
    list.children[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", list.children[at].id);
  }

  function show(nodes) {
    options = nodes;
    at = -1;
    replace(list, ...nodes.map((node, n) => make(
      "li",
      { role: "option", id: `${list.id}-${n}`, "aria-selected": "false",
        onmousedown: (event) => { event.preventDefault(); choose(node); } },
      make("span", { class: "title" }, node.title || node.id),
      make("small", {}, [node.type, ...(node.domains || [])].join(" · ")),
    )));
    if (!nodes.length) replace(list, make("li", { class: "hint" }, "Nothing found"));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  async function look() {
    const words = input.value.trim(), mine = ++asked;
    if (!words) return close();
    try {
      const { nodes } = await search(words, type);
      if (mine === asked) show(nodes); // an answer that comes late is not shown
    } catch (error) {
      failed(error);
    }
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, PAUSE); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { close(); return; }
    if (list.hidden || !options.length) return;
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at < 0 ? options.length - 1 : at - 1);
    else if (event.key === "Enter") choose(options[Math.max(at, 0)]);
    else return;
    event.preventDefault();
  });
}
