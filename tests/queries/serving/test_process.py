import gc
import sys
import weakref

from queries.serving.process import replaced, steady


class Ring:
    def __init__(self):
        self.itself = self


def test_what_stays_is_passed_over_and_what_was_replaced_is_collected():
    interval = sys.getswitchinterval()
    try:
        old = Ring()
        gone = weakref.ref(old)
        replaced()
        assert gc.get_freeze_count() == 0  # nothing was passed over, so nothing is to be done
        steady()
        assert gc.get_freeze_count() > 0
        del old
        gc.collect()
        assert gone() is not None
        replaced()
        assert gone() is None
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        sys.setswitchinterval(interval)
