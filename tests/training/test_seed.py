import subprocess
import sys

import numpy as np
import torch

from training.seed import generator, rng


def test_one_seed_and_purpose_give_one_stream_in_every_process():
    code = "from training.seed import generator, rng; print(rng(5, 'a').integers(10**9), end=' ')"
    code += "; print(generator(5, 'a').initial_seed())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    expected = f"{rng(5, 'a').integers(10**9)} {generator(5, 'a').initial_seed()}"
    assert run.stdout.strip() == expected


def test_purposes_and_seeds_are_told_apart():
    draws = {int(rng(seed, purpose).integers(2**60)) for seed in (0, 1) for purpose in ("a", "b")}
    assert len(draws) == 4


def test_global_generators_are_neither_read_nor_advanced():
    first = torch.rand(3, generator=generator(0, "a")), rng(0, "a").random(3)
    torch.manual_seed(3)
    state = torch.get_rng_state()

    assert torch.equal(torch.rand(3, generator=generator(0, "a")), first[0])
    assert np.array_equal(rng(0, "a").random(3), first[1])
    assert torch.equal(torch.get_rng_state(), state)
