"""Memory of encoding a million texts through the cache, and the speed of reading them back.

    python benchmarks/encoding_memory.py [--texts 1000000] [--storage float32]

The model is a random BERT of one layer and the width of all-MiniLM-L6-v2, so that a million texts
take minutes: what is held beside the model does not depend on its depth. There are two processes:
one encodes into an empty cache, and one reads the full cache three times, for the speed. What
counts is the peak of resident memory over what was resident when the model was loaded and the
texts were made. It must stay within 2 GB for a million texts; the vectors alone are 1.54 GB.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import called, machine
from transformers import AutoTokenizer, BertConfig, BertModel

from encoders.cache.cached import CachedEncoder
from encoders.load import packaged_minilm
from encoders.models.sentence import SentenceEncoder
from kg.files import read_json, write_json

RESULT = Path(__file__).parent / "results" / "encoding-memory.json"
WIDTH = 384
ALLOWED_BYTES = 2_000_000_000


def main() -> int:
    """Measure, print, write; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--storage", default="float32", choices=["float32", "float16", "int8"])
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--step", choices=["cold", "warm"], help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        found = measure(arguments.work, arguments.texts, arguments.storage, arguments.step)
        write_json(arguments.work / f"{arguments.step}.json", found)
        return 0
    about = machine("torch", "numpy", "pyarrow", "transformers")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_model(work / "model")
        steps: dict[str, Any] = {}
        for step in ("cold", "warm"):
            command = [sys.executable, __file__, "--texts", str(arguments.texts)]
            command += ["--storage", arguments.storage, "--step", step, "--work", folder]
            subprocess.run(command, check=True)
            steps[step] = read_json(work / f"{step}.json")
    allowed = ALLOWED_BYTES if arguments.texts <= 1_000_000 else None
    result = {
        "command": called(),
        "machine": about,
        "texts": arguments.texts,
        "width": WIDTH,
        "storage": arguments.storage,
        "vectors_bytes": arguments.texts * WIDTH * 4,
        "allowed_bytes": allowed,
        **steps,
    }
    write_json(arguments.out, result)
    for step, found in steps.items():
        print(
            f"{step}: {found['over_bytes'] / 1e9:.2f} GB beyond the model and the texts, of which "
            f"{result['vectors_bytes'] / 1e9:.2f} GB are the vectors; "
            f"{found['texts_per_second']:,} texts/s, {found['files']} files"
        )
    over = [step for step, found in steps.items() if allowed and found["over_bytes"] > allowed]
    for step in over:
        print(f"{step} went over {allowed:,} bytes", file=sys.stderr)
    return 1 if over else 0


def measure(work: Path, num_texts: int, storage: Any, step: str) -> dict[str, Any]:
    """Encode, or read what was encoded; return memory, speed and files."""
    encoder = SentenceEncoder(work / "model", dtype="float32", device="cpu")
    encoder.encode([f"warm {number} up" for number in range(1_024)])
    cached = CachedEncoder(encoder, work / "cache", storage=storage, name="random BERT")
    texts = make_texts(num_texts)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak so far
    began = time.process_time()
    before, start = resident_bytes("VmRSS"), time.perf_counter()
    vectors = cached.encode(texts)
    seconds, cpu_seconds = [time.perf_counter() - start], [time.process_time() - began]
    over = resident_bytes("VmHWM") - before
    if step == "cold":
        np.save(work / "some.npy", vectors[:1_000])
    else:
        np.testing.assert_array_equal(vectors[:1_000], np.load(work / "some.npy"))
        for _ in range(2):  # the files are in memory now, if there is room for them
            del vectors
            start, began = time.perf_counter(), time.process_time()
            vectors = cached.encode(texts)
            seconds.append(time.perf_counter() - start)
            cpu_seconds.append(time.process_time() - began)
    return {
        "over_bytes": over,
        "seconds": [round(taken, 2) for taken in seconds],
        "cpu_seconds": [
            round(taken, 2) for taken in cpu_seconds
        ],  # what a busy machine leaves alone
        "texts_per_second": round(num_texts / min(seconds)),
        "files": len(list((work / "cache").rglob("*.parquet"))),
    }


def make_model(folder: Path) -> None:
    """Save a random BERT of one layer, with the tokenizer of all-MiniLM-L6-v2."""
    tokenizer = AutoTokenizer.from_pretrained(packaged_minilm(), local_files_only=True)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=12,
        intermediate_size=WIDTH,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_texts(num: int) -> list[str]:
    """Return titles of three to twelve words, no two alike."""
    words = ["red", "old", "small", "steel", "garden", "kitchen", "night", "river", "of", "the"]
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 12, num)
    drawn = rng.integers(len(words), size=(num, 11))
    return [
        " ".join([*(words[word] for word in drawn[row, : lengths[row]]), str(row)])
        for row in range(num)
    ]


def resident_bytes(which: str) -> int:
    """Return `VmRSS`, what is resident, or `VmHWM`, the most that ever was."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1_024
    raise SystemExit("this benchmark reads /proc, and needs Linux")


if __name__ == "__main__":
    sys.exit(main())
