"""Weights of the second stage, learned on rehearsed cold starts."""

from collections.abc import Callable

from gnn.ranker import Ranker, fit_ranker, prior
from kg.progress import progress
from training.config import RankingConfig
from training.evaluation.split import Split
from training.ranking.lists import lists_of
from training.ranking.rehearsal import rehearse
from training.ranking.signals import PRIOR, Signals
from training.ranking.world import World
from training.seed import generator, rng


def learn_ranker(
    split: Split,
    world_of: Callable[[Split], World],
    world: World,
    config: RankingConfig,
    seed: int,
) -> Ranker:
    """Weigh signals on simulated cold starts.

    Every world is made without the edges that are to be predicted in it: popularity, neighbours,
    singular vectors, ridge and network have not seen them.

    Args:
        split: of the job.
        world_of: makes the world of a fold's split; the network in it has not been trained.
        world: of `split`; says which signals there are where nobody can play.
        config: how much is simulated.
        seed: who plays cold.

    Returns:
        The weights; those of the strongest simple methods where nobody can play.
    """
    start: Ranker | None = None
    draws = rng(seed, "ranking")
    lists = []
    with progress("rehearsing cold starts", config.folds) as bar:
        for fold in rehearse(split, config.folds, config.simulated, draws):
            signals = Signals(world_of(fold), seed)
            start = start or plain_sum(signals)
            lists += list(lists_of(signals, fold, start, draws))
            bar.advance(note=f"{len(lists):,} lists")
    start = start or plain_sum(Signals(world, seed))
    if not lists:
        return start
    return fit_ranker(
        lists,
        start,
        steps=config.steps,
        learning_rate=config.learning_rate,
        generator=generator(seed, "ranking"),
    )


def plain_sum(signals: Signals) -> Ranker:
    """Return the sum of the strongest simple methods that the signals hold."""
    names = signals.names()
    alone = signals.protocol == "user-cold" and "ridge" not in names
    return prior(names, PRIOR["no overlap" if alone else signals.protocol])
