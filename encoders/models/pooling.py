"""From the vectors of tokens to the vector of a text."""

from typing import Any

from kg.errors import ConfigError

# The names that sentence-transformers has for them.
MODES = {"mean": "mean", "cls": "cls", "last": "lasttoken", "max": "max"}


def pooled_by(modules: list[Any], pooling: str) -> list[Any]:
    """Return the modules of a model, with `pooling` in place of its own.

    Args:
        modules: of a SentenceTransformer.
        pooling: "mean" of the tokens, "cls" (the first), "last" or "max"; "auto" for the model's.

    Raises:
        ConfigError: unknown pooling, or the model does not pool.
    """
    if pooling == "auto":
        return modules
    places = [i for i, module in enumerate(modules) if type(module).__name__ == "Pooling"]
    if not places:
        raise ConfigError(f"pooling = {pooling!r}: this model makes no token vectors to pool")
    place = places[0]
    old = modules[place]
    size = getattr(old, "embedding_dimension", None) or old.word_embedding_dimension
    asked = type(old)(size, pooling_mode=MODES[pooling])
    asked.include_prompt = old.include_prompt
    return [*modules[:place], asked, *modules[place + 1 :]]


def check_pooling(pooling: str) -> None:
    """Check the name of a pooling.

    Raises:
        ConfigError: there is no such pooling.
    """
    if pooling != "auto" and pooling not in MODES:
        raise ConfigError(f"pooling = {pooling!r}: expected auto, {', '.join(MODES)}")
