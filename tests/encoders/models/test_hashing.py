import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from encoders.models.hashing import HashingEncoder

TEXTS = ["The night ferry", "the night ferries", "Cast iron pan", "!!", "Ωmega"]
SCRIPT = f"""
import sys
from encoders.models.hashing import HashingEncoder
sys.stdout.buffer.write(HashingEncoder(dim=96).encode({TEXTS!r}).tobytes())
"""


def in_another_process(hash_seed: str) -> bytes:
    root = Path(__file__).parents[3]
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
    ).stdout


def test_two_processes_agree() -> None:
    here = HashingEncoder(dim=96).encode(TEXTS).tobytes()
    assert in_another_process("1") == here
    assert in_another_process("2") == here


def test_values_never_change() -> None:
    # Literal values: a cache written by an older version stays valid while the fingerprint does.
    vector = HashingEncoder(dim=8).encode(["sea"])[0]
    np.testing.assert_allclose(vector, [0.1**0.5, -(0.9**0.5), 0, 0, 0, 0, 0, 0], atol=1e-6)


def test_texts_that_share_words_are_near() -> None:
    ferry, ferries, pan, *_ = HashingEncoder(dim=256).encode(TEXTS)
    assert ferry @ ferries > 0.5
    assert abs(ferry @ pan) < 0.2


def test_case_and_spacing_do_not_matter() -> None:
    one, other = HashingEncoder().encode(["Night  Ferry", "night ferry"])
    np.testing.assert_array_equal(one, other)


def test_text_without_words_is_not_empty() -> None:
    row, other = HashingEncoder().encode(["!!", "??"])
    assert np.linalg.norm(row) == 1
    assert not np.array_equal(row, other)
