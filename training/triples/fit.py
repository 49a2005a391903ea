"""Vectors of entities and relations, fitted to triples."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gnn.decoders import COMPLEX, DOT_PRODUCTS, Decoder, make_decoder
from kg.errors import InputError
from kg.progress import progress
from training.seed import generator, rng
from training.triples.config import TripleConfig
from training.triples.facts import TripleSplit
from training.triples.questions import Questions
from training.triples.ranks import IntArray, Score, filtered_ranks, link_metrics

VALID_SAMPLE = 1_000  # triples ranked after an epoch


@dataclass(frozen=True, kw_only=True, eq=False)
class TripleModel:
    """A fitted model.

    Attributes:
        entities: vectors, float `[num_entities, width]`.
        decoder: of relations and their reciprocals, `2 num_relations`.
        history: valid MRR after each epoch.
    """

    entities: Tensor
    decoder: Decoder
    history: tuple[float, ...]

    def scorer(self) -> Score:
        """Return scores as `filtered_ranks` asks for them."""
        return _scorer(self.entities, self.decoder)


def fit_triples(
    split: TripleSplit, num_entities: int, num_relations: int, config: TripleConfig
) -> TripleModel:
    r"""Fit to the training triples of a split; the epoch with the best valid MRR is kept.

    Each triple is asked both ways, the second by a reciprocal relation, and the loss is the
    cross-entropy of the right tail among all entities, plus a cubed norm (Lacroix, Usunier and
    Obozinski 2018, eq. 6 and section 5):

    .. math:: -s_t + \log\sum_{t'} e^{s_{t'}}
        + \lambda \sum_k (|h_k|^3 + |r_k|^3 + |t_k|^3)

    Triples that share a question are one row of scores, and the sum is estimated: the right
    answers of the whole batch count fully, `negatives` others stand for all the rest.

    Raises:
        InputError: the loss is not finite.
    """
    draws = generator(config.seed, "triples")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng(config.seed, "triple parameters").integers(2**62)))
        decoder = make_decoder(config.decoder, 2 * num_relations, config.width)
    entities = torch.randn(num_entities, config.width, generator=draws) * config.start
    squares = torch.zeros_like(entities)
    optimizer = torch.optim.Adagrad(decoder.parameters(), lr=config.learning_rate)
    questions = Questions.of(split.train, num_relations)
    valid = _sample(split.valid, rng(config.seed, "valid triples"))
    known = np.concatenate([split.train, split.valid])
    steps = -(-len(questions) // config.batch_size)
    history: list[float] = []
    best: tuple[Tensor, dict[str, Tensor]] | None = None
    with progress("training", config.epochs * steps) as bar:
        while len(history) < config.epochs and _improves(history, config.patience):
            order = torch.randperm(len(questions), generator=draws)
            for rows in torch.split(order, config.batch_size):
                batch = _draw(questions, rows, num_entities, config.negatives, draws)
                used = entities[batch.used].requires_grad_()
                loss = _loss(used, decoder, batch, config)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                _adagrad(entities, squares, batch.used, used.grad, config.learning_rate)
                bar.advance(note=f"valid MRR {max(history, default=0):.4f}")
            if not bool(loss.isfinite()):
                raise InputError("the loss is not finite: lower the learning rate")
            ranks = filtered_ranks(
                _scorer(entities, decoder),
                valid,
                known,
                num_entities=num_entities,
                num_relations=num_relations,
            )
            history.append(link_metrics(ranks)["MRR"])
            if history[-1] == max(history):
                weights = {name: value.clone() for name, value in decoder.state_dict().items()}
                best = (entities.clone(), weights)
    assert best is not None
    decoder.load_state_dict(best[1])
    return TripleModel(entities=best[0], decoder=decoder, history=tuple(history))


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """Questions, and the entities that compete to answer them.

    Attributes:
        used: distinct entities, `[num_used]`; `head` and `candidates` are places in it.
        head: of each question, `[num_questions]`.
        relation: of each question.
        count: answers of each question.
        candidates: right answers of the batch, then others, `[num_candidates]`.
        num_right: how many of them are right for some question.
        log_weight: of how many entities each candidate stands for, `[num_candidates]`.
        row: question of each answer, `[num_answers]`.
        column: candidate of each answer, `[num_answers]`.
    """

    used: Tensor
    head: Tensor
    relation: Tensor
    count: Tensor
    candidates: Tensor
    num_right: int
    log_weight: Tensor
    row: Tensor
    column: Tensor


def _draw(
    questions: Questions, rows: Tensor, num_entities: int, negatives: int, draws: torch.Generator
) -> _Batch:
    row, answers = questions.answers(rows)
    right, column = torch.unique(answers, return_inverse=True)
    drawn = torch.randint(num_entities, (negatives,), generator=draws)
    wrong = drawn[~torch.isin(drawn, right)]
    used, place = torch.unique(
        torch.cat([questions.entity[rows], right, wrong]), return_inverse=True
    )
    log_weight = torch.zeros(len(right) + len(wrong))
    log_weight[len(right) :] = math.log(max(num_entities - len(right), 1) / max(len(wrong), 1))
    return _Batch(
        used=used,
        head=place[: len(rows)],
        relation=questions.relation[rows],
        count=questions.count[rows],
        candidates=place[len(rows) :],
        num_right=len(right),
        log_weight=log_weight,
        row=row,
        column=column,
    )


def _loss(used: Tensor, decoder: Decoder, batch: _Batch, config: TripleConfig) -> Tensor:
    head, candidates = used[batch.head], used[batch.candidates]
    scores = decoder.against(decoder.queries(head, batch.relation), candidates) + batch.log_weight
    loss = (scores.logsumexp(dim=1) * batch.count).sum() - scores[batch.row, batch.column].sum()
    if config.n3 and config.decoder in DOT_PRODUCTS:
        relation = decoder.get_parameter("relation")
        for norms, times in (
            (_cubed(head, config), batch.count),
            (_cubed(relation, config)[batch.relation], batch.count),
            (_cubed(candidates[: batch.num_right], config), torch.bincount(batch.column)),
        ):
            loss = loss + config.n3 * (norms * times).sum()
    return loss / len(batch.row)


def _adagrad(
    entities: Tensor, squares: Tensor, rows: Tensor, gradient: Tensor | None, rate: float
) -> None:
    """Take a step of Adagrad (Duchi et al. 2011) on some rows: the others have no gradient."""
    assert gradient is not None
    squares[rows] += gradient.square()
    entities[rows] -= rate * gradient / (squares[rows].sqrt() + 1e-10)


def _cubed(rows: Tensor, config: TripleConfig) -> Tensor:
    """Sum the cubed moduli of each row."""
    if config.decoder in COMPLEX:
        squared = rows[:, 0::2].square() + rows[:, 1::2].square()
        return (squared + 1e-20).pow(1.5).sum(dim=1)
    return rows.abs().pow(3).sum(dim=1)


def _scorer(entities: Tensor, decoder: Decoder) -> Score:
    @torch.no_grad()
    def score(entity: IntArray, relation: IntArray) -> np.ndarray:
        query = decoder.queries(entities[torch.from_numpy(entity)], torch.from_numpy(relation))
        return np.asarray(decoder.against(query, entities).numpy())

    return score


def _sample(triples: IntArray, draws: np.random.Generator) -> IntArray:
    return draws.permutation(triples)[:VALID_SAMPLE]


def _improves(history: list[float], patience: int) -> bool:
    return not history or len(history) - 1 - history.index(max(history)) < patience
