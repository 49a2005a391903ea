import hashlib

import pyarrow as pa
import pytest

from kg import digest
from kg.digest import add_counted, add_joined

STRINGS = ["", "a", "ä b", "x" * 300, "", "last"]


@pytest.mark.parametrize("block", [2, 100])
@pytest.mark.parametrize("strings", [[], [""], STRINGS])
def test_columns_are_hashed_as_their_strings_would_be(monkeypatch, block, strings):
    monkeypatch.setattr(digest, "BLOCK", block)
    array = pa.array(["before", *strings, "after"]).slice(1, len(strings))

    counted, joined = hashlib.sha256(), hashlib.sha256()
    add_counted(counted, array)
    add_joined(joined, array)

    expected = b"".join(len(s.encode()).to_bytes(4, "little") + s.encode() for s in strings)
    assert counted.hexdigest() == hashlib.sha256(expected).hexdigest()
    assert joined.hexdigest() == hashlib.sha256("\x00".join(strings).encode()).hexdigest()
