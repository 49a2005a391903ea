"""Rows to nodes and paths that people can read."""

from collections.abc import Mapping

from kg.graph import EdgeType, KnowledgeGraph
from queries.explaining.path import LIKENESS, Hop, Node, Path
from queries.explaining.threads import Threads

# a new user of whom a text is known
TAKEN = Hop(relation="is taken to like", forward=None)


class Naming:
    """Names what is found in a graph.

    Args:
        graph: the training graph.
    """

    def __init__(self, graph: KnowledgeGraph) -> None:
        self._graph = graph

    def user(self, row: int) -> Node:
        """Return a user."""
        return self._node(self._graph.user_type, row)

    def item(self, row: int) -> Node:
        """Return an item."""
        return self._node(self._graph.item_type, row)

    def path(
        self,
        threads: Threads,
        at: int,
        user: int,
        item: int,
        size: float,
        edge_types: Mapping[str, EdgeType],
        used: frozenset[int],
    ) -> Path:
        """Return one thread as a path.

        Args:
            threads: what was found.
            at: which of them.
            user: row.
            item: row.
            size: sum of the absolute values of all contributions.
            edge_types: relations by the name that signals give them.
            used: rows of the items that the user used; others they are only taken to like.
        """
        own, via = int(threads.own[at]), int(threads.via[at])
        kind, relation, middle_type = threads.ways[int(threads.way[at])]
        likes = self._graph.interactions[1]
        nodes = [self.user(user), self.item(own)]
        hops = [Hop(relation=likes, forward=True) if own in used else TAKEN]
        if kind == "people":
            nodes.append(self._people(int(threads.people[at])))
            hops.append(Hop(relation=likes, forward=False))
            last = Hop(relation=likes, forward=True)
        elif kind in LIKENESS:
            last = Hop(relation=LIKENESS[kind], forward=None)
        elif kind == "entity":
            last = self._related(relation, edge_types, own, -1)
        else:
            last = self._related(relation, edge_types, own, item)
        if via >= 0:
            nodes.append(self.item(via))
            hops.append(last)
            last = self._related(relation, edge_types, via, item)
        elif kind == "entity":
            middle = int(threads.middle[at])
            nodes.append(self._node(middle_type, middle))
            hops.append(last)
            last = Hop(relation=last.relation, forward=not last.forward)
        domains = self._graph.items.domains
        return Path(
            kind=kind,
            nodes=(*nodes, self.item(item)),
            relations=(*hops, last),
            contribution=float(threads.adds[at]),
            share=float(threads.adds[at]) / size,
            crosses=not bool((domains[own] & domains[item]).any()),
            others=int(threads.others[at]),
        )

    def _related(self, name: str, edge_types: Mapping[str, EdgeType], head: int, tail: int) -> Hop:
        """Return the step from an item to an entity, or to another item."""
        if not name:
            return Hop(relation=LIKENESS["text"], forward=None)
        src, relation, dst = edge_types[name]
        if src == dst:
            edges = self._graph.edges[edge_types[name]]
            forward = bool(((edges.src == head) & (edges.dst == tail)).any())
            return Hop(relation=relation, forward=forward)
        if tail >= 0:  # what they have in common is not told
            return Hop(relation=f"same {relation}", forward=None)
        return Hop(relation=relation, forward=src == self._graph.item_type)

    def _people(self, number: int) -> Node:
        title = {0: "people alike", 1: "one person"}.get(number, f"{number:,} people")
        return Node(type=self._graph.user_type, id="", title=title)

    def _node(self, node_type: str, row: int) -> Node:
        nodes = self._graph.nodes[node_type]
        node_id = nodes.vocab.id(row)
        domains: list[str] = []
        if node_type == self._graph.item_type:  # of others, only where they are found is known
            member = nodes.domains[row]
            domains = [n for n, inside in zip(self._graph.domains, member, strict=True) if inside]
        title = nodes.title[row].as_py() or node_id
        return Node(type=node_type, id=node_id, title=title, domains=tuple(domains))
