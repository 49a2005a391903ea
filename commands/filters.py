"""Options that say what is left out of answers, and what reorders the rest."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kg.graph import KnowledgeGraph
    from queries.filters import Filters

Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE|ID,ID", help="Items to leave out; pairs, in a table with users."),
]
Allow = Annotated[
    list[str] | None, typer.Option(metavar="FILE|ID,ID", help="The only items to choose from.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="Such as year>=1990, brand=A,B or author=NAME; all."),
]
IncludeSeen = Annotated[
    bool, typer.Option("--include-seen", help="Do not leave out what a user interacted with.")
]
MinProbability = Annotated[
    float | None,
    typer.Option(help="Leave out what is less likely, or of unknown likelihood.", min=0, max=1),
]
Diversity = Annotated[
    float, typer.Option(help="From 0, the best first, to 1, as unlike as can be.", min=0, max=1)
]
PopularityWeight = Annotated[
    float, typer.Option(help="How much score an e-fold of popularity costs an item.")
]


def filters_of(
    graph: "KnowledgeGraph",
    *,
    include_seen: bool,
    exclude: list[str] | None,
    allow: list[str] | None,
    where: list[str] | None,
    min_probability: float | None,
    diversity: float,
    popularity_weight: float,
    skip_unknown: bool = False,
) -> "Filters":
    """Return what the options above say, with the ids that files hold.

    Raises:
        InputError: a file or number is wrong.
        UnknownIdError: an item is not in the graph.
    """
    from queries.filters import Filters
    from queries.lists import read_excluded, read_items

    items, pairs = read_excluded(graph, exclude or (), skip_unknown=skip_unknown)
    only = None if allow is None else read_items(graph, allow, skip_unknown=skip_unknown)
    return Filters(
        exclude_seen=not include_seen,
        exclude=items,
        given=pairs,
        allow=only,
        where=where or (),
        min_probability=min_probability,
        diversity=diversity,
        popularity_weight=popularity_weight,
    )
