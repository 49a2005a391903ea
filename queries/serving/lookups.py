"""Endpoints that look something up: who and what there is, and what the server answers with."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from queries.serving import asks, replies
from queries.serving.bodies import Id, Name
from queries.serving.served import Served
from queries.serving.state import answer, computed, state_of, unchanged
from queries.serving.strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["lookups"])


@router.get("/search", responses={200: {"model": replies.FoundNodes}})
async def search(
    request: Request,
    q: Annotated[str, Query(min_length=1, max_length=200, description="Part of a title or id.")],
    type: Annotated[Name | None, Query(description="Of one node type; users and items.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Find nodes by a part of their title or id, whatever the case."""
    return await computed(request, asks.search, q, type, limit)


@router.get("/history", responses={200: {"model": replies.History}})
async def history(
    request: Request, user: Annotated[Id, Query(description="Id of a user.")]
) -> Response:
    """Show what the model knows of a user, by domain."""
    return await computed(request, asks.history, user)


@router.get("/about", responses={200: {"model": replies.About}})
async def about(request: Request) -> Response:
    """Show domains, node types, protocol, counts and versions."""
    served = state_of(request).models.now
    if unchanged(request, served):
        return answer(served, None)
    return answer(served, _about(served))


def _about(served: Served) -> dict[str, Any]:
    graph, split, known = served.graph, served.recommender.split, served.recommender.about
    return {
        "name": str(known.get("job", {}).get("name", "")),
        "protocol": None if split is None else split.protocol,
        "target": served.target,
        "sources": [] if split is None else list(split.sources),
        "domains": list(graph.domains),
        "items": served.names.items_by_domain,
        "user_type": graph.user_type,
        "item_type": graph.item_type,
        "types": {node_type: len(nodes) for node_type, nodes in graph.nodes.items()},
        "relations": [list(edge_type) for edge_type in graph.edges],
        "probabilities": served.recommender.has_probabilities(served.target),
        "added": served.added,
        "version": str(known.get("versions", {}).get("isthmus", "")),
    }
