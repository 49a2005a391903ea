"""Users' behaviour to texts: one for each domain, from the interactions of the graph given."""

from dataclasses import dataclass

import numpy as np

from encoders.texts.templates import HISTORY, Template, TextConfig, clean, cut, num_words
from encoders.texts.verbalize import PLAIN, node_languages
from kg.graph import BoolArray, Edges, KnowledgeGraph
from kg.vocab import IntArray

DEFAULT = "In {domain}: {items}"


def history_texts(
    graph: KnowledgeGraph, config: TextConfig = PLAIN, *, users: IntArray | None = None
) -> dict[str, list[str]]:
    """Return what each user did in each domain as a text, by domain.

    A text names whole items until it is full: those that the user liked first (edges heavier than
    the mean weight in the domain), and of these and of the others the latest first or, where the
    graph knows no times, the heaviest. It is `""` where the user did nothing in the domain. Items
    without title and text are not named.

    Nothing but `graph` is read: what a split holds out stays out of sight if, and only if, the
    graph given is `split.train`.

    Args:
        graph: the training part of a split.
        config: its `history` templates, `title_words` and `history_words` are read.
        users: rows of users, int64 `[num_texts]`; all users if None.
    """
    every = np.arange(len(graph.users))
    rows = every if users is None else np.asarray(users, dtype=np.int64)
    titles = _titles(graph, config.title_words)
    sizes = np.array([num_words(f"{title},") if title else 0 for title in titles], dtype=np.int64)
    edges = graph.interaction_edges
    edges = edges.take((sizes > 0)[edges.dst] & np.isin(every, rows)[edges.src])
    reader = _Reader(titles=titles, sizes=sizes, words=config.history_words)
    languages = np.array(node_languages(graph.users, config), dtype=object)
    texts = {}
    for domain in graph.domains:
        found: dict[int, str] = {}
        of_domain = edges.take(graph.item_mask(domain)[edges.dst])
        liked = _liked(graph, domain, of_domain)
        for language in sorted(set(languages.tolist())):
            template = config.template(HISTORY, language, DEFAULT)
            assert template is not None
            mask = (languages == language)[of_domain.src] & _named(template, liked)
            found |= reader.read(of_domain.take(mask), liked[mask], template, clean(domain))
        texts[domain] = [found.get(row, "") for row in rows.tolist()]
    return texts


def _titles(graph: KnowledgeGraph, words: int) -> list[str]:
    """Return a few words for each item; an id would say nothing."""
    pairs = zip(graph.items.title.to_pylist(), graph.items.text.to_pylist(), strict=True)
    return [cut(clean(title) or clean(text), words) for title, text in pairs]


def _liked(graph: KnowledgeGraph, domain: str, edges: Edges) -> BoolArray:
    """Return which edges are heavier than the mean of a domain; none where all weigh the same."""
    all_edges = graph.interaction_edges
    weight = all_edges.weight[graph.item_mask(domain)[all_edges.dst]].astype(np.float64)
    if not len(weight) or weight.min() == weight.max():
        return np.zeros(len(edges), dtype=np.bool_)
    return np.asarray(edges.weight > weight.mean())


def _named(template: Template, liked: BoolArray) -> BoolArray:
    """Return which edges a template names; the others must not take their room."""
    names = set(template.placeholders)
    return np.where(liked, bool(names & {"items", "liked"}), bool(names & {"items", "other"}))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reader:
    """Edges of one domain to texts.

    Attributes:
        titles: of each item.
        sizes: words of each title and the comma after it, int64 `[num_items]`.
        words: bound of a text.
    """

    titles: list[str]
    sizes: IntArray
    words: int

    def read(
        self, edges: Edges, liked: BoolArray, template: Template, domain: str
    ) -> dict[int, str]:
        """Return the text of each user who has edges, by row."""
        if not len(edges):
            return {}
        beside = template.num_words + ("domain" in template.placeholders) * num_words(domain)
        order = self._fitting(edges, liked, self.words - beside)
        src = edges.src[order]
        starts = np.flatnonzero(np.diff(src, prepend=-1))
        middles = starts + np.add.reduceat(liked[order], starts, dtype=np.int64)
        titles = [self.titles[item] for item in edges.dst[order].tolist()]
        bounds = starts.tolist(), middles.tolist(), [*starts[1:].tolist(), len(src)]
        texts = {}
        for user, start, middle, end in zip(src[starts].tolist(), *bounds, strict=True):
            values = {
                "domain": domain,
                "items": _listed(titles[start:end]),
                "liked": _listed(titles[start:middle]),
                "other": _listed(titles[middle:end]),
            }
            texts[user] = cut(template.fill(values), self.words)
        return texts

    def _fitting(self, edges: Edges, liked: BoolArray, room: int) -> IntArray:
        """Return the rows of the edges that there is room for, by user and in order."""
        age = np.zeros(len(edges)) if edges.time is None else -edges.time
        age = np.where(np.isnan(age), np.inf, age)
        order = np.lexsort((edges.dst, -edges.weight, age, ~liked, edges.src))
        src, sizes = edges.src[order], self.sizes[edges.dst[order]]
        starts = np.flatnonzero(np.diff(src, prepend=-1))
        total = np.cumsum(sizes)
        before = np.repeat(total[starts] - sizes[starts], np.diff(np.append(starts, len(src))))
        fits = total - before <= room
        fits[starts] = True  # one that is too long alone is cut
        return np.asarray(order[fits])


def _listed(titles: list[str]) -> str:
    return ", ".join(dict.fromkeys(titles))
