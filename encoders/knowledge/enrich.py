"""Knowledge from text: phrases that items have in common become nodes of the graph."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from kg.graph import BoolArray, Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab

NODE_TYPE = "phrase"
RELATION = "mentions"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EnrichConfig:
    """Which phrases of the item texts become nodes."""

    extractor: Literal["none", "phrases", "entities", "zero-shot", "chat"] = "none"
    model: str = ""  # a token-classification or zero-shot model, or what an endpoint calls a model
    labels: tuple[str, ...] = ()  # of "zero-shot": what an item may be said to be
    per_node: int = 5  # phrases of an item, at most
    min_nodes: int = 3  # items that must share a phrase
    max_share: float = 0.05  # of the items with text; a phrase of more of them says nothing
    shared_only: bool = False  # only phrases that items of two domains mention
    max_phrases: int = 20_000  # the most mentioned
    endpoint: str = ""  # of "chat": up to and with /v1
    endpoint_key: str = ""  # environment variable that holds its key
    device: str = "auto"  # of "entities" and "zero-shot"

    def __post_init__(self) -> None:
        if min(self.per_node, self.max_phrases) < 1:
            raise ValueError("per_node and max_phrases must be at least 1")
        if self.min_nodes < 2:
            raise ValueError("min_nodes must be at least 2: a phrase of one item joins nothing")
        if not 0 < self.max_share <= 1:
            raise ValueError("max_share must be more than 0 and at most 1")
        if self.extractor in ("entities", "zero-shot", "chat") and not self.model:
            raise ValueError(f'extractor = "{self.extractor}" needs model')
        if self.extractor == "zero-shot" and not self.labels:
            raise ValueError('extractor = "zero-shot" needs labels')
        if self.extractor == "chat" and not self.endpoint.startswith(("http://", "https://")):
            raise ValueError('extractor = "chat" needs endpoint, such as http://localhost:8000/v1')


def enrich(graph: KnowledgeGraph, config: EnrichConfig, *, cache: Path | None) -> KnowledgeGraph:
    """Return the graph with a node for each phrase that items share, and edges to those items.

    Items of all domains are one corpus, so a phrase joins domains. The new node type is `phrase`
    (`phrase-2` and so on where the name is taken): its id, title and text are the phrase, its
    domains those of the items that mention it. The edges `(item, mentions, phrase)` weigh what the
    extractor gives, tf-idf or confidence, scaled to a mean of 1.

    Only titles and texts of items are read. They say nothing about who used what, so nothing held
    out can leak: the graph may be enriched before it is split.

    Args:
        graph: any; it is returned as it is if no phrase is shared.
        config: what to look for.
        cache: where answers of models are kept, so that a text is read once; None for nowhere.

    Raises:
        ConfigError: there is no such model, or the key of the endpoint is not set.
        EndpointError: the endpoint cannot be reached, or refuses.
    """
    if config.extractor == "none":
        return graph
    texts = item_texts(graph)
    found = _extract(texts, graph.items.vocab.ids.to_pylist(), config, cache)
    kept = choose(found, graph.items.domains, config)
    phrases = Vocab.from_values(sorted({phrase for some in kept for phrase in some}), NODE_TYPE)
    if not len(phrases):
        _log.warning("no phrase is shared by %d items: nothing was added", config.min_nodes)
        return graph
    pairs = [(row, phrase) for row, some in enumerate(kept) for phrase in sorted(some)]
    src = np.array([row for row, _ in pairs], dtype=np.int64)
    dst = phrases.index([phrase for _, phrase in pairs])
    weight = np.array([kept[row][phrase] for row, phrase in pairs])
    domains: BoolArray = np.zeros((len(phrases), len(graph.domains)), dtype=np.bool_)
    np.logical_or.at(domains, dst, graph.items.domains[src])
    name = _free_name(graph)
    _log.info("%d phrases in %d places became nodes of type %r", len(phrases), len(pairs), name)
    text = phrases.ids
    nodes = Nodes(
        vocab=Vocab(text, name), title=text, text=text, domains=domains, attributes=pa.table({})
    )
    edges = Edges(src=src, dst=dst, weight=(weight / weight.mean()).astype(np.float32))
    return dataclasses.replace(
        graph,
        nodes={**graph.nodes, name: nodes},
        edges={**graph.edges, (graph.item_type, RELATION, name): edges},
    )


def item_texts(graph: KnowledgeGraph) -> list[str]:
    """Return title and text of each item, in row order; once where one holds the other."""
    items = graph.items
    texts = []
    for title, text in zip(items.title.to_pylist(), items.text.to_pylist(), strict=True):
        parts = [(title or "").strip(), (text or "").strip()]
        texts.append(parts[1] if parts[0] in parts[1] else ". ".join(filter(None, parts)))
    return texts


def choose(
    found: Sequence[dict[str, float]], domains: BoolArray, config: EnrichConfig
) -> list[dict[str, float]]:
    """Return the phrases of each item that are worth a node, with their weights.

    Args:
        found: phrase -> weight, of each item.
        domains: of each item, bool `[num_items, num_domains]`.
        config: how many, and shared by whom.
    """
    most = config.max_share * sum(1 for some in found if some)
    counts = Counter(phrase for some in found for phrase in some)
    worth = {phrase for phrase, count in counts.items() if count <= max(most, config.min_nodes)}
    kept = list(found)
    # What an item has too many of, and what is left over after that, changes what is shared.
    for per_node in (None, config.per_node):
        worth = _shared(kept, domains, config) & worth
        kept = [_best(some, worth, per_node) for some in kept]
    counts = Counter(phrase for some in kept for phrase in some)
    worth = _shared(kept, domains, config)
    ranked = sorted(worth, key=lambda phrase: (-counts[phrase], phrase))
    worth = set(ranked[: config.max_phrases])
    return [_best(some, worth, None) for some in kept]


def _shared(
    found: Sequence[dict[str, float]], domains: BoolArray, config: EnrichConfig
) -> set[str]:
    counts = Counter(phrase for some in found for phrase in some)
    shared = {phrase for phrase, count in counts.items() if count >= config.min_nodes}
    if config.shared_only:
        where: dict[str, BoolArray] = {}
        for some, member in zip(found, domains, strict=True):
            for phrase in some:
                where[phrase] = where[phrase] | member if phrase in where else member
        shared = {phrase for phrase in shared if where[phrase].sum() > 1}
    return shared


def _best(some: dict[str, float], worth: set[str], number: int | None) -> dict[str, float]:
    ranked = sorted((phrase for phrase in some if phrase in worth), key=lambda p: (-some[p], p))
    return {phrase: some[phrase] for phrase in ranked[:number]}


def _extract(
    texts: list[str], ids: list[str], config: EnrichConfig, cache: Path | None
) -> list[dict[str, float]]:
    if config.extractor == "phrases":
        from encoders.knowledge.phrases import key_phrases

        return key_phrases(texts, min_texts=config.min_nodes, max_share=config.max_share)
    if config.extractor == "chat":
        from encoders.knowledge.chat import ChatClient, chat_phrases

        client = ChatClient(config.endpoint, config.model, key=config.endpoint_key)
        return chat_phrases(texts, client, ids=ids, cache=cache)
    from encoders.knowledge.entities import model_phrases

    labels = config.labels if config.extractor == "zero-shot" else ()
    return model_phrases(texts, config.model, labels=labels, device=config.device, cache=cache)


def _free_name(graph: KnowledgeGraph) -> str:
    name, number = NODE_TYPE, 1
    while name in graph.nodes:
        number += 1
        name = f"{NODE_TYPE}-{number}"
    if number > 1:
        _log.warning("the graph has nodes of type %r: phrases are %r", NODE_TYPE, name)
    return name
