"""Speed of encoding beside a plain sentence-transformers loop, on titles; about half a minute.

    python benchmarks/encoding.py

Both encode the same texts with the same weights on the same machine, in turns. The ratio is the
median over rounds, and its spread says how quiet the machine was. The titles are made up: lengths
are log-normal (median 9 words, as product titles have), words follow Zipf's law, one text in ten
is a repetition.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
import transformers

from encoders.base import FloatArray
from encoders.load import packaged_minilm
from encoders.sentence import SentenceEncoder

RESULT = Path(__file__).parent / "results" / "encoding.json"
MAX_LENGTH = 64


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


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cpu_isa": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 2),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sentence_transformers": sentence_transformers.__version__,
    }


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


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    about = machine()
    texts = make_titles(arguments.texts)
    ours = SentenceEncoder(packaged_minilm(), max_length=MAX_LENGTH)
    plain = sentence_transformers.SentenceTransformer(
        str(packaged_minilm()), device=str(ours.device), local_files_only=True
    )
    plain.max_seq_length = MAX_LENGTH
    runs = {
        "ours": lambda: ours.encode(texts),
        "plain": lambda: plain.encode(texts, batch_size=32, show_progress_bar=False),
    }
    for encode in (ours.encode, plain.encode):
        encode(texts[:64])  # load and warm up
    seconds, vectors = time_in_turns(runs, arguments.rounds)
    speed = {name: round(len(texts) / min(taken), 1) for name, taken in seconds.items()}
    ratios = np.divide(seconds["plain"], seconds["ours"])
    ratio = round(float(np.median(ratios)), 2)
    result = {
        "command": " ".join(["python", "benchmarks/encoding.py", *sys.argv[1:]]),
        "machine": about,
        "model": "all-MiniLM-L6-v2",
        "max_length": MAX_LENGTH,
        "texts": len(texts),
        "distinct_texts": len(set(texts)),
        "median_words": float(np.median([len(text.split()) for text in texts])),
        "dtype": str(ours.dtype).removeprefix("torch."),
        "device": str(ours.device),
        "best_texts_per_second": {
            "isthmus": speed["ours"],
            "SentenceTransformer.encode(batch_size=32), float32": speed["plain"],
        },
        "ratio": ratio,
        "ratio_by_round": [round(float(value), 2) for value in ratios],
        "worst_cosine": round(float((vectors["ours"] * vectors["plain"]).sum(axis=1).min()), 6),
    }
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(
        f"{speed['ours']:,.0f} texts/s ({result['dtype']}, {ours.device}) beside "
        f"{speed['plain']:,.0f} of SentenceTransformer.encode: {ratio} times "
        f"(rounds: {ratios.min():.2f} to {ratios.max():.2f})"
    )


if __name__ == "__main__":
    main()
