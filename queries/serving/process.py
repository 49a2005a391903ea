"""What keeps a process from pausing while it answers."""

import gc
import sys

SWITCH_SECONDS = 0.0005


def steady() -> None:
    """Let threads give way sooner, and garbage collection pass over what is there to stay.

    A thread that computes gives way to the one that answers after so long, not after 5 ms. And a
    full collection looks at every object, which takes a tenth of a second with a model in memory.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()


def replaced() -> None:
    """Collect a model that was replaced, where `steady` had it passed over."""
    if gc.get_freeze_count():
        gc.unfreeze()
        gc.collect()
        gc.freeze()
