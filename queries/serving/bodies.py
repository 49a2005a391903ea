"""What requests hold: the fields, and the bounds that keep one request from costing too much."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from queries.filters import POOL, Filters

MOST_IDS = 10_000  # items named in one filter
MOST_CONDITIONS = 16
MOST_LIKES = 1_000
MOST_PAIRS = 10_000
MOST_BATCH = 256  # questions in one request
MOST_K = 1_000  # answers to one question

Id = Annotated[str, Field(min_length=1, max_length=1_024)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Condition = Annotated[str, Field(min_length=1, max_length=256)]
Number = Annotated[int, Field(ge=1, le=MOST_K)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    """A body with these fields and no others; a number is no text, and a text no number."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FilterFields(Body):
    """What is left out, and what reorders the rest (`queries.filters.Filters`)."""

    exclude_seen: bool = True
    exclude: Annotated[tuple[Id, ...], Field(max_length=MOST_IDS, strict=False)] = ()
    allow: Annotated[tuple[Id, ...] | None, Field(max_length=MOST_IDS, strict=False)] = None
    where: Annotated[tuple[Condition, ...], Field(max_length=MOST_CONDITIONS, strict=False)] = ()
    min_probability: Annotated[float, Field(ge=0, le=1)] | None = None
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    popularity_weight: Annotated[float, Field(ge=-1_000, le=1_000)] = 0.0
    pool: Annotated[int, Field(ge=1, le=10_000)] = POOL

    def filters(self) -> Filters:
        """Return the settings that every other door uses."""
        return Filters(**{name: getattr(self, name) for name in FilterFields.model_fields})


class Recommend(FilterFields):
    """Who asks: users of the graph, or somebody new by what they like or by a text."""

    users: Annotated[list[Id], Field(min_length=1, max_length=MOST_BATCH)] | None = None
    likes: Annotated[list[Id], Field(min_length=1, max_length=MOST_LIKES)] | None = None
    text: Text | None = None
    domain: Name | None = Field(None, description="Where items are taken from; the target.")
    k: Number = 10
    probabilities: bool = Field(False, description="Add how likely each answer is.")

    @model_validator(mode="after")
    def _somebody(self) -> "Recommend":
        if (self.users is None) == (self.likes is None and self.text is None):
            raise ValueError("give either users, or likes and text of somebody new")
        return self


class Similar(Body):
    """Nodes whose nearest are asked for, or the text of an item that there is not."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_BATCH)] | None = None
    text: Text | None = None
    type: Name | None = Field(None, description="Type of the nodes; items.")
    domain: Name | None = Field(None, description="Where answers are taken from; everywhere.")
    k: Number = 10

    @model_validator(mode="after")
    def _one_question(self) -> "Similar":
        if (self.ids is None) == (self.text is None):
            raise ValueError("give either ids, or the text of a new item")
        return self


class Pair(Body):
    """A user and an item."""

    user: Id
    item: Id


class Triple(Body):
    """A link: what it leads from, its relation, what it leads to."""

    head: Id
    relation: Name
    tail: Id


class Predict(Body):
    """What to predict: scores of pairs or triples, or what heads lead to, or leads to tails."""

    pairs: Annotated[list[Pair], Field(min_length=1, max_length=MOST_PAIRS)] | None = None
    triples: Annotated[list[Triple], Field(min_length=1, max_length=MOST_PAIRS)] | None = None
    heads: Annotated[list[Id], Field(min_length=1, max_length=MOST_BATCH)] | None = None
    tails: Annotated[list[Id], Field(min_length=1, max_length=MOST_BATCH)] | None = None
    relation: Name | None = Field(None, description="Of heads or tails.")
    type: Name | None = Field(None, description="Of the answers, where there are several.")
    domain: Name | None = Field(None, description="Only answers of this domain.")
    include_known: bool = Field(False, description="Answer with what the model learned from, too.")
    k: Number = 10

    @model_validator(mode="after")
    def _one_question(self) -> "Predict":
        if sum(one is not None for one in (self.pairs, self.triples, self.heads, self.tails)) != 1:
            raise ValueError("give one of pairs, triples, heads and tails")
        if (self.relation is None) != (self.heads is None and self.tails is None):
            raise ValueError("give a relation with heads or tails, and with them alone")
        return self


class Explain(Body):
    """A user of the graph or somebody new, and an item."""

    user: Id | None = None
    likes: Annotated[list[Id], Field(min_length=1, max_length=MOST_LIKES)] | None = None
    text: Text | None = None
    item: Id
    limit: Annotated[int, Field(ge=1, le=100)] = 10

    @model_validator(mode="after")
    def _somebody(self) -> "Explain":
        if (self.user is None) == (self.likes is None and self.text is None):
            raise ValueError("give either user, or likes and text of somebody new")
        return self


class NewNode(Body):
    """A node that the graph does not have."""

    type: Name | None = Field(None, description="A user, where none is given.")
    id: Id
    title: Annotated[str, Field(max_length=1_000)] = ""
    text: Annotated[str, Field(max_length=20_000)] = ""
    domains: Annotated[list[Name], Field(max_length=32)] = []
    attributes: dict[Name, str | int | Finite | bool | None] = Field({}, max_length=64)


class NewEdge(Body):
    """An edge of a new node; one of its ends is new."""

    relation: Name | None = Field(None, description="Interactions, where none is given.")
    src: Id
    dst: Id
    weight: Annotated[float, Field(ge=0, le=1e6)] = 1.0
    src_type: Name | None = Field(None, description="Where the id alone does not say it.")
    dst_type: Name | None = None


class Add(Body):
    """Nodes to add, with their edges."""

    nodes: Annotated[list[NewNode], Field(min_length=1, max_length=MOST_BATCH)]
    edges: Annotated[list[NewEdge], Field(max_length=MOST_PAIRS)] = []
