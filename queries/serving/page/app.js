// The page: choose who, see their history, recommendations, and why.

import * as api from "./api.js";
import { make, one, replace } from "./dom.js";
import { finder } from "./finder.js";
import { reasons } from "./why.js";

const K = 20, RECENT = 12;
const state = { about: {}, who: null, domain: null, liked: [], asked: 0 };

const colour = (domains) => {
  const place = state.about.domains.indexOf(domains?.[0]);
  return place < 0 ? "" : `d${place % 4} f${place % 4}`;
};

function say(text, wrong = false) {
  one("#state").textContent = text;
  one("#state").classList.toggle("wrong", wrong);
}
const failed = (error) => say(error.message, true);

function pickTab(name) {
  for (const each of ["known", "new"]) {
    const tab = one(`#tab-${each}`);
    tab.setAttribute("aria-selected", each === name);
    tab.tabIndex = each === name ? 0 : -1;
    one(`#${each}`).hidden = each !== name;
  }
}

function pickDomain(domain) {
  state.domain = domain;
  for (const button of one("#domains").children) {
    const mine = button.textContent === domain;
    button.setAttribute("aria-checked", mine);
    button.tabIndex = mine ? 0 : -1;
  }
  if (state.who) answer();
}

function closeWhy() {
  one("#why").hidden = true;
  one("main").classList.remove("explained");
  one("#list [aria-expanded=true]")?.focus();
  for (const open of document.querySelectorAll("#list [aria-expanded=true]")) {
    open.setAttribute("aria-expanded", "false");
  }
}

async function choose(node) {
  const user = node.type === state.about.user_type;
  state.who = user ? { user: node.id } : { item: { ids: [node.id] } };
  state.name = user ? node.title || node.id : `“${node.title || node.id}”`;
  replace(one("#history"));
  await Promise.all([user && showHistory(node.id), answer()]);
}

async function showHistory(user) {
  try {
    const { domains } = await api.history(user);
    const groups = Object.entries(domains).filter(([, items]) => items.length);
    replace(one("#history"), ...groups.flatMap(([domain, items]) => [
      make("h3", {}, `${domain} · ${items.length}`),
      make("ul", { class: "chips" }, ...items.slice(0, RECENT).map((item) =>
        make("li", { class: colour([domain]) }, item.title || item.id)),
      items.length > RECENT ? make("li", {}, `and ${items.length - RECENT} more`) : null),
    ]));
    if (!groups.length) replace(one("#history"), make("p", { class: "hint" }, "No history yet."));
  } catch (error) {
    failed(error);
  }
}

async function answer() {
  const mine = ++state.asked, { about, who, domain, name } = state;
  closeWhy();
  say("…");
  try {
    let items;
    if (who.item) {
      items = (await api.similar(who.item, domain, K)).answers[0].nodes;
    } else {
      const likely = about.probabilities && domain === about.target;
      const found = await api.recommend({ ...asked(who), probabilities: likely }, domain, K);
      items = found.answers[0].items;
    }
    if (mine !== state.asked) return;
    const what = who.item ? `Nearest to ${name}` : `For ${name}`;
    say(items.length ? `${what}, ${domain}` : `${what}: nothing in ${domain}`);
    showItems(items, !who.item);
  } catch (error) {
    if (mine !== state.asked) return;
    replace(one("#list"));
    failed(error);
  }
}

const asked = (who) => (who.user === undefined ? who : { users: [who.user] });

function showItems(items, explained) {
  const scores = items.map((item) => item.score);
  const low = Math.min(...scores, 0), span = Math.max(...scores) - low || 1;
  replace(one("#list"), ...items.map((item, n) => {
    const bar = make("i");
    bar.style.width = `${(100 * (item.score - low)) / span}%`;
    const likely = item.probability;
    const button = make("button", {
      type: "button",
      title: item.id,
      ...(explained && { "aria-expanded": "false", "aria-controls": "why" }),
      onclick: () => (explained ? showWhy(button, item)
        : choose({ ...item, type: state.about.item_type })),
    },
    make("span", { class: "rank" }, `${n + 1}`),
    make("span", { class: "title" }, item.title || item.id),
    make("span", { class: "likely" },
      likely === undefined || likely === null ? item.score.toFixed(2) : `${(100 * likely).toFixed(1)}%`),
    make("span", { class: "meter", "aria-hidden": "true" }, bar));
    return make("li", {}, button);
  }));
}

async function showWhy(button, item) {
  const open = button.getAttribute("aria-expanded") === "true";
  closeWhy();
  if (open) return;
  button.setAttribute("aria-expanded", "true");
  try {
    const found = await api.explain(state.who, item.id);
    if (button.getAttribute("aria-expanded") !== "true") return; // another was opened meanwhile
    one("#why-title").textContent = `Why “${item.title || item.id}”`;
    replace(one("#reasons"), ...reasons(found, colour));
    one("#why").hidden = false;
    one("main").classList.add("explained");
    if (matchMedia("(max-width: 70rem)").matches) one("#why").scrollIntoView();
  } catch (error) {
    failed(error);
  }
}

function showLiked() {
  replace(one("#liked"), ...state.liked.map((node) => make("li", { class: colour(node.domains) },
    node.title || node.id,
    make("button", { type: "button", "aria-label": `Remove ${node.title || node.id}`, onclick: () => {
      state.liked = state.liked.filter((other) => other.id !== node.id);
      showLiked();
    } }, "✕"))));
}

function moveAmong(container) { // arrow keys between the buttons of a group
  container.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...container.querySelectorAll("button")], at = buttons.indexOf(event.target);
    if (!step || at < 0) return;
    const next = buttons[at + step];
    if (next) { next.focus(); if (container.id !== "list") next.click(); }
    event.preventDefault();
  });
}

function theme(name) {
  document.documentElement.dataset.theme = name;
}

async function start() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  theme(localStorage.getItem("theme") || (dark.matches ? "dark" : "light"));
  one("#theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", next);
    theme(next);
  });
  for (const name of ["known", "new"]) {
    one(`#tab-${name}`).addEventListener("click", () => pickTab(name));
  }
  moveAmong(one("[role=tablist]"));
  moveAmong(one("#domains"));
  moveAmong(one("#list"));
  one("#close").addEventListener("click", closeWhy);
  document.addEventListener("keydown", (event) => {
    const typing = ["INPUT", "TEXTAREA"].includes(event.target.tagName);
    if (event.key === "Escape" && !typing) closeWhy();
    if (event.key === "/" && !typing) {
      event.preventDefault();
      pickTab("known");
      one("#search").focus();
    }
  });
  finder(one("#search"), one("#found"), { chosen: choose, failed });
  try {
    state.about = await api.about();
  } catch (error) {
    return failed(error);
  }
  const { name, protocol, domains, target, item_type: type } = state.about;
  one("#run").textContent = [name, protocol].filter(Boolean).join(" · ");
  replace(one("#domains"), ...domains.map((domain) => make("button", {
    type: "button", role: "radio", "aria-checked": "false", onclick: () => pickDomain(domain),
  }, domain)));
  pickDomain(target || domains[0]);
  finder(one("#like"), one("#likable"), {
    type,
    failed,
    chosen: (node) => {
      if (!state.liked.some((other) => other.id === node.id)) state.liked.push(node);
      showLiked();
    },
  });
  one("#new").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = one("#text").value.trim(), likes = state.liked.map((node) => node.id);
    const item = event.submitter === one("#near");
    if (item && !text) return say("Write what the item is.", true);
    if (!text && !likes.length) return say("Write a few words, or choose something liked.", true);
    state.who = item ? { item: { text } } : { ...(text && { text }), ...(likes.length && { likes }) };
    state.name = item ? "what you described" : "you";
    replace(one("#history"));
    return answer();
  });
  say("Search for a user or a title, or describe somebody new.");
}

start();
