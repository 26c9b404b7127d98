"""The simulated world in short: no promise is broken, and the same seed is the same world everywhere."""

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.sim.kept import kept_seeds
from tests.sim.runs import lived

HASH_SEEDS = ("0", "1", "12345")
DIGESTS = "from tests.sim.runs import lived; print(*(lived(seed, until_s=600).digest for seed in (1, 2, 3)))"


@pytest.mark.parametrize("seed", kept_seeds())
def test_a_seed_that_once_failed_keeps_every_promise(seed: int) -> None:
    ending = lived(seed)
    assert not ending.violation, f"python -m tests.sim --seed {seed} --trace"


def test_the_same_seed_is_the_same_world_in_every_process() -> None:
    found = Counter(
        subprocess.run(
            [sys.executable, "-c", DIGESTS], env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True
        ).stdout
        for hash_seed in HASH_SEEDS
    )
    assert list(found.values()) == [len(HASH_SEEDS)]
    assert len(set(next(iter(found)).split())) == 3
