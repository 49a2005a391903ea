"""Endpoints that put questions to the model."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from queries.serving import asks, links, replies
from queries.serving.bodies import Explain, Id, Name, Number, Pair, Predict, Recommend, Similar
from queries.serving.served import Served
from queries.serving.state import State, answer, computed, state_of, unchanged
from queries.serving.strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["answers"])
UserId = Annotated[Id, Query(description="Id of a user.")]
ItemId = Annotated[Id, Query(description="Id of an item.")]
DomainName = Annotated[Name | None, Query(description="Where items are taken from.")]


@router.post("/recommend", responses={200: {"model": replies.Recommended}})
async def recommend(body: Recommend, request: Request) -> Response:
    """Recommend items of a domain to users, or to somebody new."""
    state = state_of(request)
    return await _recommend(state, request, state.models.now, body)


@router.get("/recommend", responses={200: {"model": replies.Recommended}})
async def recommend_one(
    request: Request,
    user: UserId,
    domain: DomainName = None,
    k: Annotated[Number, Query()] = 10,
    probabilities: Annotated[bool, Query(description="Add how likely each answer is.")] = False,
) -> Response:
    """Recommend items of a domain to one user."""
    state = state_of(request)
    body = Recommend(users=[user], domain=domain, k=k, probabilities=probabilities)
    return await _recommend(state, request, state.models.now, body)


async def _recommend(state: State, request: Request, served: Served, body: Recommend) -> Response:
    asked = asks.wanted(served, body)
    users = served.names.rows(body.users or (), served.graph.user_type)
    if unchanged(request, served):
        return answer(served, None)
    if body.users is None:
        found = await state.pool.run(asks.recommend_somebody, asked, body)
    elif len(users) == 1 and asks.at_hand(asked, users[0]):
        found = asks.recommend(asked, users)
        state.metrics.ahead.inc()
    elif len(users) == 1:
        found = [await state.ranked.ask(asked, users[0])]
    else:
        found = await state.pool.run(asks.recommend, asked, users)
    answers = [
        {"user": user, "items": items}
        for user, items in zip(body.users or (None,), found, strict=True)
    ]
    return answer(served, {"domain": asked.domain, "answers": answers})


@router.post("/similar", responses={200: {"model": replies.Nearest}})
async def similar(body: Similar, request: Request) -> Response:
    """Show the nearest nodes of the same type, across domains."""
    return await _ask(request, asks.similar, body)


@router.get("/similar", responses={200: {"model": replies.Nearest}})
async def similar_one(
    request: Request,
    id: Annotated[Id, Query(description="Id of a node.")],
    type: Annotated[Name | None, Query(description="Its type; items.")] = None,
    domain: DomainName = None,
    k: Annotated[Number, Query()] = 10,
) -> Response:
    """Show the nearest nodes of one node."""
    return await _ask(request, asks.similar, Similar(ids=[id], type=type, domain=domain, k=k))


@router.post("/predict", responses={200: {"model": replies.Predicted}})
async def predict(body: Predict, request: Request) -> Response:
    """Score pairs of a user and an item, or predict links of any relation."""
    if body.pairs is not None:
        return await _ask(request, asks.score, body.pairs)
    return await _ask(request, links.predict, body)


@router.get("/predict", responses={200: {"model": replies.Scores}})
async def predict_one(request: Request, user: UserId, item: ItemId) -> Response:
    """Score one pair of a user and an item."""
    return await _ask(request, asks.score, [Pair(user=user, item=item)])


async def _ask(request: Request, ask: Any, asked: Any) -> Response:
    """Put one question to the model, in a thread."""
    return await computed(request, lambda served: {"answers": ask(served, asked)})


@router.post("/explain", responses={200: {"model": replies.Explained}})
async def explain(body: Explain, request: Request) -> Response:
    """Explain why a user is given an item."""
    return await computed(request, asks.explain, body)


@router.get("/explain", responses={200: {"model": replies.Explained}})
async def explain_one(
    request: Request, user: UserId, item: ItemId, limit: Annotated[int, Query(ge=1, le=100)] = 10
) -> Response:
    """Explain why one user is given one item."""
    return await explain(Explain(user=user, item=item, limit=limit), request)
