import pytest
import torch

from gnn.sampling.numbering import Numbering, Tables


def test_nodes_are_numbered_as_they_arrive():
    tables = Tables({"user": 10})
    numbering = Numbering(
        torch.tensor([7, 2, 7]), 10, table=tables.take("user", torch.device("cpu")), subgraphs=None
    )
    assert numbering.number(torch.tensor([2, 9, 7, 9, 4]), None).tolist() == [1, 3, 0, 3, 4]
    assert numbering.newest[0] == 3
    assert numbering.newest[1].tolist() == [9, 4]
    numbering.nobody()
    assert numbering.number(torch.tensor([4, 0]), None).tolist() == [4, 5]
    assert numbering.nodes.tolist() == [7, 2, 7, 9, 4, 0]
    assert numbering.counts == [3, 2, 0, 1]


def test_each_subgraph_numbers_its_own():
    numbering = Numbering(
        torch.tensor([7, 2, 7]), 10, table=None, subgraphs=torch.tensor([0, 1, 2])
    )
    rows = numbering.number(torch.tensor([7, 7, 2, 5, 5, 5]), torch.tensor([0, 1, 1, 0, 2, 0]))
    assert rows.tolist() == [0, 3, 1, 4, 5, 4]
    numbering.nobody()
    assert numbering.nodes.tolist() == [7, 2, 7, 7, 5, 5]
    assert numbering.subgraphs.tolist() == [0, 1, 2, 1, 0, 2]


def test_a_table_comes_back_clear_and_is_never_shared():
    tables, device = Tables({"user": 10}), torch.device("cpu")
    table = tables.take("user", device)
    numbering = Numbering(torch.tensor([3]), 10, table=table, subgraphs=None)
    numbering.number(torch.tensor([8]), None)
    assert tables.take("user", device) is not table  # two threads at a time
    tables.give_back("user", numbering)
    assert tables.take("user", device) is table
    assert len(table.unique()) == 1


@pytest.mark.parametrize("disjoint", [False, True])
def test_numbers_equal_those_of_a_dictionary(disjoint):
    draws = torch.Generator().manual_seed(0)
    seeds = torch.randperm(50, generator=draws)[:8]
    subgraphs = torch.arange(8) if disjoint else None
    table = None if disjoint else Tables({"user": 50}).take("user", torch.device("cpu"))
    numbering = Numbering(seeds, 50, table=table, subgraphs=subgraphs)
    row_of = {(i if disjoint else 0, n): i for i, n in enumerate(seeds.tolist())}
    for _ in range(4):
        nodes = torch.randint(50, (60,), generator=draws)
        of = torch.randint(8, (60,), generator=draws)
        expected = [
            row_of.setdefault((i if disjoint else 0, n), len(row_of))
            for i, n in zip(of.tolist(), nodes.tolist(), strict=True)
        ]
        assert numbering.number(nodes, of if disjoint else None).tolist() == expected
    assert len(numbering.nodes) == len(row_of)
