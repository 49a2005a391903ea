"""Speed of encoding beside a plain sentence-transformers loop, on titles.

    python benchmarks/encoding.py [--texts N] [--rounds N]

All encode the same texts with the same weights on the same machine, in turns. A ratio is the median
over rounds, and its spread says how quiet the machine was. Measured are float32 on both sides, the
other precisions that this machine has, and a cache that holds every text. The texts are the titles
of food and kitchen where `ISTHMUS_DATA` names the folder of the data: tens of minutes on two cores.
Else they are made up: lengths are log-normal (median 9 words, as product titles have), words follow
Zipf's law, one text in ten is a repetition.
"""

import argparse
import contextlib
import csv
import gzip
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import called, machine
from sentence_transformers import SentenceTransformer

from encoders.base import FloatArray
from encoders.cache.cached import CachedEncoder
from encoders.load import packaged_minilm
from encoders.models.devices import resolve_device, resolve_dtype
from encoders.models.sentence import SentenceEncoder
from kg.errors import ConfigError

RESULT = Path(__file__).parent / "results" / "encoding.json"
MAX_LENGTH = 64
DEVICE = resolve_device("auto")  # one: the peer uses one
PLAIN = "SentenceTransformer.encode(batch_size=32), {}"
WARM = "isthmus, every text cached"


def read_titles(data: Path, num_texts: int | None, seed: int = 0) -> list[str]:
    """Return the titles of food and kitchen, or a sample of them."""
    with gzip.open(data / "food-kitchen" / "items.tsv.gz", "rt", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        titles = [row["title"] for row in rows]
    if num_texts is None or num_texts >= len(titles):
        return titles
    rng = np.random.default_rng(seed)
    return [titles[i] for i in rng.choice(len(titles), num_texts, replace=False)]


def make_titles(num_texts: int, seed: int = 0) -> list[str]:
    """Return title-like texts made of real words, one in ten a repetition of another."""
    vocabulary = (packaged_minilm() / "vocab.txt").read_text(encoding="utf-8").splitlines()
    words = [word for word in vocabulary if word.isascii() and word.isalpha() and len(word) > 2]
    rng = np.random.default_rng(seed)
    distinct = num_texts - num_texts // 10
    lengths = np.clip(np.rint(rng.lognormal(np.log(9), 0.6, distinct)), 1, 60).astype(int)
    ranks = np.minimum(rng.zipf(1.3, lengths.sum()), len(words)) - 1
    titles = [" ".join(words[i] for i in part) for part in np.split(ranks, lengths.cumsum()[:-1])]
    titles += [titles[i] for i in rng.integers(distinct, size=num_texts - distinct)]
    return [titles[i] for i in rng.permutation(num_texts)]


def time_in_turns(
    runs: dict[str, Callable[[], FloatArray]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, FloatArray]]:
    """Return the seconds of each run by round, and what each returned; who is first alternates."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    results: dict[str, FloatArray] = {}
    for turn in range(rounds):
        for name in list(runs)[:: 1 if turn % 2 == 0 else -1]:
            start = time.perf_counter()
            results[name] = runs[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds, results


def plain(dtype: torch.dtype) -> Callable[[list[str]], FloatArray]:
    """Return the plain loop in this precision."""
    model = SentenceTransformer(
        str(packaged_minilm()),
        device=str(DEVICE),
        local_files_only=True,
        model_kwargs={"dtype": dtype},
    )
    model.max_seq_length = MAX_LENGTH

    def encode(texts: list[str]) -> FloatArray:
        vectors: FloatArray = model.encode(texts, batch_size=32, show_progress_bar=False)
        return vectors.astype(np.float32)

    return encode


def ours(dtype: str) -> SentenceEncoder:
    """Return the encoder in this precision."""
    return SentenceEncoder(
        packaged_minilm(), max_length=MAX_LENGTH, dtype=dtype, device=str(DEVICE)
    )


def encoders_here() -> dict[str, Callable[[list[str]], FloatArray]]:
    """Return what is compared: float32, and the other precisions that suit this machine."""
    made = {
        PLAIN.format("float32"): plain(torch.float32),
        "isthmus, float32": ours("float32").encode,
    }
    best = resolve_dtype("auto", [DEVICE])
    if best != torch.float32:
        name = str(best).removeprefix("torch.")
        made |= {PLAIN.format(name): plain(best), f"isthmus, {name}": ours(name).encode}
    with contextlib.suppress(ConfigError):  # a GPU, or a CPU that does not multiply bytes
        made["isthmus, int8"] = ours("int8").encode
    return made


def summary(taken: list[float], peer: list[float], num_texts: int) -> dict[str, Any]:
    """Return speed, and how many times faster than the peer: the median and every round."""
    ratios = np.divide(peer, taken)
    return {
        "best_texts_per_second": round(num_texts / min(taken), 1),
        "ratio_to_plain_float32": round(float(np.median(ratios)), 2),
        "ratio_by_round": [round(float(ratio), 2) for ratio in ratios],
    }


def cosines(vectors: FloatArray, exact: FloatArray) -> dict[str, float]:
    """Return how near the rows are to those of float32, the mean and the worst."""
    exact = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1)
    found = (vectors * exact).sum(axis=1) / np.where(lengths > 0, lengths, 1)
    return {
        "mean_cosine_to_float32": round(float(found.mean()), 6),
        "worst_cosine_to_float32": round(float(found.min()), 6),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, help="a sample; else all, or 1000 that are made up")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    about = machine("torch", "transformers", "sentence-transformers")
    data = os.environ.get("ISTHMUS_DATA")
    texts = (
        read_titles(Path(data), arguments.texts) if data else make_titles(arguments.texts or 1_000)
    )
    made = encoders_here()
    for encode in made.values():
        encode(texts[:64])  # load and warm up
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedEncoder(ours("float32"), Path(folder))
        cached.encode(texts)
        made[WARM] = cached.encode
        runs = {name: lambda encode=encode: encode(texts) for name, encode in made.items()}
        seconds, vectors = time_in_turns(runs, arguments.rounds)
    peer = PLAIN.format("float32")
    measured = {
        name: summary(taken, seconds[peer], len(texts)) | cosines(vectors[name], vectors[peer])
        for name, taken in seconds.items()
    }
    result = {
        "command": called(),
        "machine": about,
        "model": "all-MiniLM-L6-v2",
        "max_length": MAX_LENGTH,
        "device": str(DEVICE),
        "titles": "food and kitchen" if data else "made up",
        "texts": len(texts),
        "distinct_texts": len(set(texts)),
        "median_words": float(np.median([len(text.split()) for text in texts])),
        "measured": measured,
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, found in measured.items():
        rounds = found["ratio_by_round"]
        print(
            f"{found['best_texts_per_second']:>12,.0f} texts/s, "
            f"{found['ratio_to_plain_float32']:.2f} times plain float32 "
            f"({min(rounds):.2f} to {max(rounds):.2f}), cosine "
            f"{found['mean_cosine_to_float32']:.4f}, worst {found['worst_cosine_to_float32']:.4f}"
            f"  {name}"
        )


if __name__ == "__main__":
    main()
