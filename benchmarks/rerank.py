"""What a language model that reorders the first candidates changes, on the valid part.

    python benchmarks/rerank.py RUN --model NAME_OR_FOLDER
    python benchmarks/rerank.py RUN --model NAME --endpoint http://localhost:8000/v1

For users of the valid part, drawn with a seed, the first candidates are reordered with several
weights of the language model; weight 0 is the model of the run alone, and `order by chance` is what
a language model without any idea would do. NDCG@10 is over the user's valid items, those that are
not among the candidates included. Costs are of asking for the first time; nothing is kept.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import called, machine

from kg.files import write_json
from kg.progress import progress
from queries.llm.base import Cost
from queries.recommender import Recommender
from queries.rerank.reranker import Reranker, mix, orderer_of
from training.evaluation.metrics import Relevant, ndcg_at
from training.evaluation.statistics import bootstrap_interval

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 1.0)


def main() -> None:
    """Measure, print, and write where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--model", required=True, help="causal language model, or its name there")
    parser.add_argument("--endpoint", help="chat endpoint that orders lists")
    parser.add_argument("--endpoint-key", default="", help="environment variable with its key")
    parser.add_argument("--protocol", help="which of its models; the first")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--top", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON to write")
    asked = parser.parse_args()
    recommender = Recommender.open(asked.run, asked.protocol)
    split = recommender.split
    if split is None:
        parser.error("the run has no split: there is no valid part")
    about = machine("numpy", "transformers")
    rng = np.random.default_rng(asked.seed)
    users = np.unique(split.valid.users)
    users = np.sort(rng.choice(users, min(asked.users, len(users)), replace=False))
    orderer = orderer_of(asked.model, endpoint=asked.endpoint, endpoint_key=asked.endpoint_key)
    reranker = Reranker(recommender, orderer)
    found: dict[str, list[float]] = {f"weight {weight}": [] for weight in WEIGHTS}
    found["order by chance"] = []
    cost, seconds = Cost(), []
    with progress("rerank", len(users)) as bar:
        for row in users:
            user = recommender.graph.users.vocab.id(int(row))
            relevant = set(
                recommender.graph.items.vocab.to_ids(split.valid.items[split.valid.users == row])
            )
            ids, scores = recommender.recommend(user, domain=split.target, k=asked.top)
            began = time.perf_counter()
            values, spent = reranker.values(user, ids.tolist())
            seconds.append(time.perf_counter() - began)
            cost += spent
            for weight in WEIGHTS:
                order = np.argsort(-mix(scores, values, weight), kind="stable")
                found[f"weight {weight}"].append(ndcg(ids[order], relevant))
            by_chance = [ndcg(rng.permutation(ids), relevant) for _ in range(20)]
            found["order by chance"].append(statistics.fmean(by_chance))
            bar.advance(1)
    base = np.asarray(found["weight 0.0"])
    rows: dict[str, Any] = {}
    for name, values in found.items():
        change = bootstrap_interval(np.asarray(values) - base, rng=rng, resamples=2_000)
        rows[name] = {
            "NDCG@10": round(float(np.mean(values)), 4),
            "change": round(change.mean, 4),
            "change 95%": [round(change.low, 4), round(change.high, 4)],
        }
        print(
            f"{name:16} NDCG@10 {np.mean(values):.4f}, change {change.mean:+.4f} "
            f"({change.low:+.4f} to {change.high:+.4f})"
        )
    print(
        f"{len(users)} users, {asked.top} candidates each; {statistics.median(seconds):.1f} s and "
        f"{cost.prompt_tokens / len(users):.0f} tokens read for a user"
    )
    if asked.out is not None:
        write_json(
            asked.out,
            {
                "command": called(),
                "machine": about,
                "protocol": split.protocol,
                "target": split.target,
                "part": "valid",
                "model": Path(asked.model).name,
                "how": "listwise" if asked.endpoint else "yes or no",
                "users": len(users),
                "candidates": asked.top,
                "results": rows,
                "seconds_per_user": round(statistics.median(seconds), 2),
                "requests": cost.requests,
                "prompt_tokens": cost.prompt_tokens,
                "completion_tokens": cost.completion_tokens,
            },
        )


def ndcg(ranked: Sequence[str], relevant: set[str]) -> float:
    """Return NDCG@10 of items in order, of which relevant ones may be missing."""
    place = {item: rank for rank, item in enumerate(ranked, 1)}
    ranks = [place.get(item, np.inf) for item in relevant]
    return float(ndcg_at(Relevant.of(ranks, [0] * len(ranks)), 10)[0])


if __name__ == "__main__":
    main()
