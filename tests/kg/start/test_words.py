import doctest

import kg.start.words


def test_examples():
    assert doctest.testmod(kg.start.words).failed == 0
