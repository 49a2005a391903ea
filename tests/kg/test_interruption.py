import os
import signal
import threading

import pytest

from kg.interruption import Interrupted, interruptible, stop_requests


@pytest.fixture(autouse=True)
def _handlers():
    """Every test leaves the handlers as it found them."""
    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    yield
    assert {s: signal.getsignal(s) for s in before} == before


def send(signum):
    os.kill(os.getpid(), signum)


def test_sigterm_is_an_exception():
    with pytest.raises(Interrupted) as caught, interruptible():
        send(signal.SIGTERM)

    assert caught.value.signum == signal.SIGTERM
    assert isinstance(caught.value, KeyboardInterrupt)  # which `except Exception` lets pass


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_leaves_at_once(signum):
    def work():
        with stop_requests() as stop:
            assert stop.signum is None
            send(signal.SIGTERM)
            assert stop.signum == signal.SIGTERM
            send(signum)
            pytest.fail("went on")

    with pytest.raises(Interrupted) as caught:
        work()

    assert caught.value.signum == signum


def test_a_request_that_nobody_heeded_is_not_lost():
    reached = []

    def work():
        with stop_requests():
            send(signal.SIGTERM)
            reached.append(True)

    with pytest.raises(Interrupted) as caught:
        work()

    assert reached
    assert caught.value.signum == signal.SIGTERM


def test_what_was_ignored_before_is_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_requests() as stop:
            send(signal.SIGINT)
            assert stop.signum is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_has_no_signals_and_goes_on():
    seen = []

    def work():
        with stop_requests() as stop, interruptible():
            seen.append(stop.signum)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [None]
