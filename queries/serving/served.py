"""One opened model, with what its questions need at hand."""

import hashlib
import logging
import time
from dataclasses import dataclass
from functools import cached_property

from kg.errors import IsthmusError
from kg.graph import KnowledgeGraph
from queries.links.predictor import LinkPredictor
from queries.prepared import Prepared
from queries.recommender import Recommender
from queries.serving.arriving import count, with_added
from queries.serving.bodies import Add
from queries.serving.names import Names

logger = logging.getLogger("isthmus.serve")


@dataclass(frozen=True, kw_only=True, eq=False)
class Served:
    """One opened model. Nothing in it changes: a request keeps to the one it began with.

    Attributes:
        recommender: answers; it knows what was added.
        names: ids, titles and domains.
        version: of the model, the graph and what was added; what an ETag says.
        files: what the run folder looked like when it was opened.
        requests: of the journal that are in it.
        nodes: how many the imported graph has.
        since: when it was opened, seconds since 1970.
    """

    recommender: Recommender
    names: Names
    version: str
    files: str
    requests: int
    nodes: int
    since: float

    @property
    def graph(self) -> KnowledgeGraph:
        """The graph, with what was added."""
        return self.recommender.graph

    @property
    def prepared(self) -> Prepared | None:
        """Answers that were made ahead; None without."""
        return self.recommender.opened.prepared

    @cached_property
    def links(self) -> LinkPredictor:
        """Predicts links of any relation; made when it is first asked for."""
        return LinkPredictor(self.recommender.opened, recommender=self.recommender)

    @property
    def added(self) -> int:
        """How many nodes were added while serving."""
        return count(self.recommender) - self.nodes

    @property
    def target(self) -> str:
        """The domain that the model was trained for; the first one of a model without."""
        return self.recommender.engine.target or self.graph.domains[0]


def read_a_text(served: Served) -> None:
    """Have somebody new come with a word, so that the next text finds the encoder open."""
    from queries.newcomers.one import with_user

    try:
        with_user(served.recommender, (), "words")
    except (IsthmusError, OSError) as error:
        logger.info("this run takes no texts: %s", error)


def with_requests(served: Served, requests: list[Add]) -> Served:
    """Return a model that knows more nodes; the one that is given goes on as it is.

    Raises:
        UnknownIdError: an edge ends at a node that is neither there nor new.
        InputError: something does not fit the graph.
    """
    recommender = with_added(served.recommender, requests)
    number = served.requests + len(requests)
    version = versioned(served.version, requests)
    return make_served(recommender, served.files, version, number, served.nodes)


def versioned(version: str, requests: list[Add]) -> str:
    """Return the version of a model that takes some requests in: those and their order tell it."""
    for request in requests:
        version = hashlib.sha256(f"{version} {request.model_dump_json()}".encode()).hexdigest()[:16]
    return version


def make_served(
    recommender: Recommender, files: str, version: str, requests: int, nodes: int
) -> Served:
    """Return a model that is ready for its first question; arguments are its attributes."""
    served = Served(
        recommender=recommender,
        names=Names(recommender.graph),
        version=version,
        files=files,
        requests=requests,
        nodes=nodes,
        since=time.time(),
    )
    _warm(served)
    return served


def _warm(served: Served) -> None:
    """Make what the first questions would have to wait for."""
    graph = served.graph
    if len(graph.users):
        served.recommender.recommend(graph.users.vocab.id(0), domain=served.target, k=1)
    if len(graph.items):
        served.recommender.similar(graph.items.vocab.id(0), k=1)
    for node_type in (graph.user_type, graph.item_type):
        served.names.search("", node_type, 1)
