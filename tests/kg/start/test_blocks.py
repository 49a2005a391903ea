import gzip

import pytest

from kg.start import blocks
from kg.start.blocks import read_blocks


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 100)
    monkeypatch.setattr(blocks, "MOST_BLOCKS", 5)


LINES = b"".join(b"line %04d\n" % i for i in range(1000))


@pytest.mark.parametrize("name", ["lines.txt", "lines.txt.gz"])
def test_a_sample_is_whole_lines_from_all_over_the_file(small, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(LINES) if name.endswith(".gz") else LINES)
    found = read_blocks(path)
    assert 2 <= len(found.parts) <= 5
    assert found.parts[0].startswith(b"line 0000\n")
    assert int(found.parts[-1].split()[1]) > 600
    lines = b"".join(found.parts).splitlines()
    assert all(len(line) == 9 for line in lines)
    assert found.share == pytest.approx(len(lines) / 1000, abs=0.01)


def test_a_small_file_is_all_there(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(LINES + b"no newline")
    assert read_blocks(path).parts == (LINES + b"no newline",)
    assert read_blocks(path).complete


def test_no_more_is_unpacked_than_the_budget(small, monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "BUDGET", 1000)
    for name in ("lines.txt", "lines.txt.gz"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(LINES) if name.endswith(".gz") else LINES)
        assert not read_blocks(path).complete
    # a plain file can be entered anywhere
    assert b"line 0999" in read_blocks(tmp_path / "lines.txt").parts[-1]


def test_lines_that_are_watched_for_are_found_outside_the_sample(small, tmp_path):
    path = tmp_path / "lines.txt"
    path.write_bytes(LINES)
    found = read_blocks(path, watch=(b" 0437", b" 0438"))
    assert set(found.watched) <= {b"line 0437\n", b"line 0438\n"}
    assert found.watched
