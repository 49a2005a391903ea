"""Being asked to stop, by Ctrl-C or SIGTERM: at once, or when a step is done."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Somebody asked to stop; the message says what was kept, if anything.

    Attributes:
        signum: the signal, `SIGINT` for Ctrl-C.
    """

    def __init__(self, signum: int, kept: str = "") -> None:
        super().__init__(kept)
        self.signum = signum


@dataclass
class StopRequest:
    """Whether somebody has asked to stop; `signum` is None until then."""

    signum: int | None = None


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM leave the block as Ctrl-C does, by an exception, so that it can tidy up."""

    def leave(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    with _handling(leave, signal.SIGTERM):
        yield


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Only note a Ctrl-C or SIGTERM inside the block; a second one leaves it at once.

    Outside the main thread, which signals do not reach, nothing is noted.

    Raises:
        Interrupted: the block came to its end without heeding the request.
    """
    request = StopRequest()

    def note(signum: int, frame: FrameType | None) -> None:
        if request.signum is not None:
            raise Interrupted(signum)
        request.signum = signum

    with _handling(note, signal.SIGINT, signal.SIGTERM):
        yield request
    if request.signum is not None:
        raise Interrupted(request.signum)


@contextmanager
def _handling(handler: Callable[[int, FrameType | None], Any], *signums: int) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [s for s in signums if signal.getsignal(s) is not signal.SIG_IGN]  # as under nohup
    before = {signum: signal.signal(signum, handler) for signum in heard}
    try:
        yield
    finally:
        for signum, previous in before.items():
            signal.signal(signum, signal.SIG_DFL if previous is None else previous)
