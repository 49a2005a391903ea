import numpy as np
import pytest
import torch

from gnn.sampling.csr import NeighbourIndex
from gnn.sampling.neighbours import sample
from gnn.sampling.storage import open_indexes, write_indexes
from kg.errors import ArtefactError, InputError


@pytest.fixture
def indexes(data):
    found = {
        e: NeighbourIndex.from_edges(
            *data[e].edge_index,
            data[e[0]].num_nodes,
            data[e[2]].num_nodes,
            time=data[e].time if e[1].endswith("likes") else None,
        )
        for e in data.edge_types
    }
    none = torch.empty(0, dtype=torch.long)
    found["user", "knows", "user"] = NeighbourIndex.from_edges(none, none, 40, 40)
    return found


def test_mapped_indexes_are_those_that_were_written(tmp_path, indexes):
    write_indexes(tmp_path / "indexes", indexes)
    opened = open_indexes(tmp_path / "indexes")
    assert list(opened) == list(indexes)
    for edge_type, index in indexes.items():
        mapped = opened[edge_type]
        assert (mapped.num_src, mapped.num_dst, len(mapped)) == (
            index.num_src,
            index.num_dst,
            len(index),
        )
        seeds = torch.arange(index.num_dst)
        pairs = (index.columns[:3].long(), torch.zeros(3, dtype=torch.long))
        for one, other in (
            (index, mapped),
            (index.without_pairs(*pairs), mapped.without_pairs(*pairs)),
        ):
            draws = [
                sample(i, seeds, 3, generator=torch.Generator().manual_seed(0))
                for i in (one, other)
            ]
            for ours, theirs in zip(*draws, strict=True):
                assert torch.equal(ours, theirs)
        for name in ("time", "by_column"):
            ours, theirs = getattr(index, name), getattr(mapped, name)
            assert (ours is None) == (theirs is None)
            assert ours is None or torch.equal(ours, theirs)


def test_arrays_stay_on_disk(tmp_path, indexes):
    write_indexes(tmp_path / "indexes", indexes)
    file = tmp_path / "indexes" / "0" / "columns.npy"
    opened = open_indexes(tmp_path / "indexes")["user", "likes", "book"]
    array = np.lib.format.open_memmap(file, mode="r+")
    array[7] = 31  # what the file says is what is read
    array.flush()
    assert opened.columns[7] == 31


def test_only_a_folder_of_indexes_is_opened_and_only_a_whole_graph_written(tmp_path, indexes):
    (tmp_path / "other").mkdir()
    with pytest.raises(ArtefactError, match="is not a neighbour indexes folder"):
        open_indexes(tmp_path / "other")
    write_indexes(tmp_path / "indexes", indexes)
    (tmp_path / "indexes" / "1" / "rows.npy").unlink()
    with pytest.raises(ArtefactError, match=r"1/rows\.npy is missing"):
        open_indexes(tmp_path / "indexes")
    key = ("user", "likes", "book")
    less = indexes[key].without_pairs(torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(InputError, match="before edges are hidden"):
        write_indexes(tmp_path / "less", {key: less})
