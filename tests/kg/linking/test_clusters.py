import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.linking.clusters import cluster

quick = settings(deadline=None, max_examples=25)

NODES = 12
pairs = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def clusters(links, limit=NODES, priority=None):
    source, target = np.array(links, dtype=np.int64).reshape(-1, 2).T
    priority = np.arange(NODES) if priority is None else np.array(priority)
    return cluster(source, target, np.full(len(links), limit), priority)


def components(links):
    graph = nx.Graph(links)
    graph.add_nodes_from(range(NODES))
    return list(nx.connected_components(graph))


@quick
@given(pairs, st.permutations(range(NODES)))
def test_clusters_are_the_components_of_networkx(links, priority):
    found = clusters(links, priority=priority)
    for component in components(links):
        first = min(component, key=lambda node: priority[node])
        assert {int(found.of[node]) for node in component} == {first}


@quick
@given(pairs, st.integers(2, 5))
def test_no_cluster_is_larger_than_allowed(links, limit):
    found = clusters(links, limit)
    size = {node: len(part) for part in components(links) for node in part}
    for node in range(NODES):
        if size[node] > limit:
            assert found.of[node] == node
    assert found.too_large.tolist() == [size[source] > limit for source, _ in links]
    assert found.sizes.tolist() == [size[source] for source, _ in links]


def test_the_strictest_rule_of_a_cluster_counts():
    source, target = np.array([0, 1, 4]), np.array([1, 2, 5])
    found = cluster(source, target, np.array([2, 10, 10]), np.arange(6))
    assert found.of.tolist() == [0, 1, 2, 3, 4, 4]
    assert found.too_large.tolist() == [True, True, False]
