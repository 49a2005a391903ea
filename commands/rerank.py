"""Options that let a language model reorder an answer."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from queries.recommender import Recommender

RERANKED = 50  # candidates of a user that are reordered

Rerank = Annotated[
    str | None,
    typer.Option(metavar="MODEL", help="Language model that reorders the first 50; --user only."),
]
RerankEndpoint = Annotated[
    str | None, typer.Option(metavar="URL", help="Chat endpoint that has --rerank, up to /v1.")
]
RerankKey = Annotated[
    str, typer.Option(metavar="NAME", help="Environment variable with the endpoint's key.")
]
RerankWeight = Annotated[
    float, typer.Option(help="Share of the language model in the order.", min=0, max=1)
]


def reranked(
    recommender: "Recommender",
    user: str,
    found: "pa.Table",
    *,
    k: int,
    model: str,
    endpoint: str | None,
    endpoint_key: str,
    weight: float,
    device: str | None,
) -> "pa.Table":
    """Return the first k of an answer to one user, reordered by a language model.

    Raises:
        ConfigError: no such model, or one that cannot say Yes and No.
        EndpointError: the endpoint cannot be reached, or refuses.
    """
    import numpy as np
    import pyarrow as pa

    from queries.rerank.kept import KeptValues
    from queries.rerank.reranker import Reranker, orderer_of

    orderer = orderer_of(model, endpoint=endpoint, endpoint_key=endpoint_key, device=device)
    reranker = Reranker(recommender, orderer, weight=weight, kept=KeptValues())
    ids = found["item"].to_pylist()
    answer = reranker.rerank(user, ids, found["score"].to_numpy().astype(np.float32))
    table = found.take(pa.array(answer.order))
    for name, values in (("rank", np.arange(1, len(ids) + 1)), ("score", answer.scores)):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.array(values).cast(found[name].type))
    if answer.cost.requests:
        typer.echo(
            f"{model}: {answer.cost.requests} questions, {answer.cost.prompt_tokens} tokens read, "
            f"{answer.cost.seconds:.1f} s",
            err=True,
        )
    return table.slice(0, k)
