"""What answers hold, for the description of the API; answers are made without these."""

from typing import Any

from pydantic import BaseModel


class Line(BaseModel):
    """What is wrong, in one line."""

    error: str


class Scored(BaseModel):
    """A node with its score: of items a logit, of nearest nodes a cosine."""

    id: str
    title: str
    domains: list[str]
    score: float


class Item(Scored):
    """An item that is recommended; how likely it is where that was asked for and is known."""

    probability: float | None = None


class UserAnswer(BaseModel):
    """Items for one user, best first; `user` is null for somebody new."""

    user: str | None
    items: list[Item]


class Recommended(BaseModel):
    """Answers to each user, in their order."""

    model: str
    domain: str
    answers: list[UserAnswer]


class NearestTo(BaseModel):
    """What is nearest to one node; to the item of a text, which has no id."""

    id: str | None
    nodes: list[Scored]


class Nearest(BaseModel):
    """Answers for each node, in their order."""

    model: str
    answers: list[NearestTo]


class Score(BaseModel):
    """The score of a pair; `probability` is null where the model has none."""

    user: str
    item: str
    score: float
    probability: float | None


class Scores(BaseModel):
    """Scores of pairs, in their order."""

    model: str
    answers: list[Score]


class ScoredTriple(BaseModel):
    """The score of a triple, and whether the model learned from it."""

    head: str
    relation: str
    tail: str
    score: float
    known: bool


class LinkedTo(BaseModel):
    """What a node is linked to, or what is linked to it, likeliest first."""

    id: str
    nodes: list[Scored]


class Predicted(BaseModel):
    """Scores of pairs or triples, or nodes for each head or tail, in the order of the question."""

    model: str
    answers: list[Score] | list[ScoredTriple] | list[LinkedTo]


class Explained(BaseModel):
    """Why a user is given an item: parts that sum to the score, and paths."""

    model: str
    score: float
    parts: list[dict[str, Any]]
    paths: list[dict[str, Any]]


class Found(BaseModel):
    """A node that was found."""

    id: str
    title: str
    domains: list[str]
    type: str


class FoundNodes(BaseModel):
    """Nodes that were found, those that begin with the text first."""

    model: str
    nodes: list[Found]


class Known(BaseModel):
    """An item that a user interacted with."""

    id: str
    title: str
    domains: list[str]
    weight: float


class History(BaseModel):
    """What the model knows of a user, by domain."""

    model: str
    user: str
    title: str
    domains: dict[str, list[Known]]


class About(BaseModel):
    """What the server answers with."""

    model: str
    name: str
    protocol: str | None
    target: str
    sources: list[str]
    domains: list[str]
    items: dict[str, int]
    user_type: str
    item_type: str
    types: dict[str, int]
    relations: list[list[str]]
    probabilities: bool
    added: int
    version: str


class Health(BaseModel):
    """That the server answers, and since when with this model."""

    status: str
    model: str
    since: float


class Added(BaseModel):
    """What was added, and the model that knows it."""

    model: str
    nodes: int
    edges: int


class Reloaded(BaseModel):
    """The model that answers now."""

    model: str
    changed: bool


FULL: dict[str, Any] = {"model": Line, "description": "No more nodes can be added."}
WRONG: dict[int | str, dict[str, Any]] = {
    status: {"model": Line, "description": what}
    for status, what in {
        400: "The request cannot be read.",
        401: "The API key is missing or wrong.",
        403: "Not from here.",
        404: "An id is unknown.",
        405: "Not with this method.",
        408: "The body did not come.",
        413: "The body is too large.",
        414: "The address is too long.",
        415: "The body is not said to be JSON.",
        422: "A value is not what it must be.",
        429: "Too much waits; Retry-After says how long to stay away.",
        431: "The headers are too long.",
        503: "The model cannot answer now.",
        504: "It took too long.",
    }.items()
}
