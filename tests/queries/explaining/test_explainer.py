import numpy as np
import pytest

from kg.errors import InputError
from queries.explaining.parts import _PART_OF, ANY, ITSELF, NETWORK, TOGETHER
from queries.recommender import Recommender
from training.ranking.relations import TAKEN

PROTOCOLS = ("user-cold", "item-cold", "warm")


def pairs(recommender, number=6):
    """Return recommended pairs and one that is not, of the target and of the source."""
    for user in recommender.graph.users.vocab.to_ids(np.arange(number)):
        for domain in ("films", "books"):
            ids, _ = recommender.recommend(user, domain=domain, k=3)
            yield from ((user, item) for item in ids[[0, -1]])
        yield user, "f05"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_everything_sums_to_the_score(ranked, protocol):
    recommender = ranked(protocol)
    for user, item in pairs(recommender):
        found = recommender.explain(user, item, limit=3)
        [score] = recommender.score([user], [item])
        assert found.score == pytest.approx(score, abs=1e-6)
        assert sum(part.contribution for part in found.parts) == pytest.approx(score, abs=1e-4)
        on_paths = sum(path.contribution for path in found.paths) + found.remaining
        untraced = sum(part.untraced for part in found.parts)
        assert on_paths + untraced == pytest.approx(score, abs=1e-4)
        assert sum(one.contribution for one in found.history) == pytest.approx(on_paths, abs=1e-6)


@pytest.mark.parametrize(
    ("protocol", "shots"), [*((one, 0) for one in PROTOCOLS), ("user-cold", 2)]
)
def test_what_histories_decide_is_on_paths(ranked, protocol, shots):
    """The strands are made apart from the signals, and sum to them."""
    recommender = ranked(protocol, shots=shots)
    for user, item in pairs(recommender):
        if item in recommender.graph.items.vocab.to_ids(recommender.seen[[int(user[1:])]].indices):
            continue
        for part in recommender.explain(user, item).parts:
            if part.name in ("people like you", "similar texts") or part.name.startswith("facts"):
                assert part.untraced == pytest.approx(0, abs=2e-4), part.name
            elif part.name not in (ANY, ITSELF, NETWORK, TOGETHER, "popularity"):
                raise AssertionError(f"no words for the part {part.name!r}")


def test_used_together_is_on_paths_but_for_least_squares(ranked):
    recommender = ranked("item-cold")  # which has none
    for user, item in pairs(recommender):
        for part in recommender.explain(user, item).parts:
            if part.name == TOGETHER:
                assert part.untraced == pytest.approx(0, abs=2e-4)


def test_shares_are_of_all_evidence(ranked):
    found = ranked("user-cold").explain("u00", "f03", limit=1000)
    untraced = sum(abs(part.untraced) for part in found.parts if part.name != ANY)
    assert sum(abs(path.share) for path in found.paths) * found.evidence == pytest.approx(
        sum(abs(path.contribution) for path in found.paths)
    )
    assert found.evidence == pytest.approx(
        untraced + sum(abs(path.contribution) for path in found.paths)
    )
    assert len(found.paths) == found.num_paths
    assert found.remaining == 0
    sizes = [abs(path.contribution) for path in found.paths]
    assert sizes == sorted(sizes, reverse=True)


def test_paths_lead_through_facts_and_people(ranked):
    recommender = ranked("user-cold")
    item = "f05"
    row = int(recommender.graph.items.vocab.index(["b04"])[0])
    knows = np.flatnonzero(recommender.seen[:, [row]].toarray().ravel())
    user = recommender.graph.users.vocab.id(int(knows[0]))
    paths = recommender.explain(user, item, limit=1000).paths
    kinds = {(path.kind, path.nodes[1].id): path for path in paths if len(path.nodes) < 5}
    direct = kinds["direct", "b04"]
    assert [(hop.relation, hop.forward) for hop in direct.relations] == [
        ("likes", True),
        ("like", False),
    ]
    assert direct.crosses


def test_entities_are_those_that_both_have(ranked):
    recommender = ranked("warm")
    edges = recommender.graph.edges["item", "author", "person"]
    ids = recommender.graph.items.vocab.to_ids(edges.src)
    author = dict(zip(ids, recommender.graph.nodes["person"].vocab.to_ids(edges.dst), strict=True))
    paths = recommender.explain("u03", "f05", limit=1000).paths
    entities = [path for path in paths if path.kind == "entity"]
    assert entities
    for path in entities:
        _, own, person, item = (node.id for node in path.nodes)
        assert author[own] == person == author[item]


def test_cold_items_are_reached_through_their_neighbours(ranked):
    recommender = ranked("item-cold")
    split = recommender.split
    item = recommender.graph.items.vocab.id(int(split.cold_items[0]))
    found = recommender.explain("u01", item)
    near = set(
        recommender.graph.items.vocab.to_ids(
            recommender.engine.bundle.second_stage.near[split.cold_items[0]]
        )
    )
    assert found.neighbours
    assert {one.node.id for one in found.neighbours} <= near


def test_of_people_only_the_number_is_told(ranked):
    recommender = ranked("user-cold")
    others = set(recommender.graph.users.vocab.ids.to_pylist()) - {"u00"}
    text = str(recommender.explain("u00", "f03", limit=1000).to_json())
    assert not any(f"'{user}'" in text for user in others)
    assert "people" in text


def test_what_is_held_out_explains_nothing(ranked):
    recommender = ranked("user-cold")
    test = recommender.split.test
    user, hidden = (int(rows[0]) for rows in (test.users, test.items))
    name = recommender.graph.items.vocab.id(hidden)
    paths = recommender.explain(recommender.graph.users.vocab.id(user), "f03", limit=1000)
    assert name not in {one.node.id for one in paths.history}


def test_a_user_who_did_nothing_gets_what_is_popular(graph, bundle):
    found = Recommender(graph, bundle).explain("dan", "f1")
    assert found.paths == ()
    assert not found.knows
    assert sum(part.contribution for part in found.parts) == pytest.approx(found.score, abs=1e-5)


def test_without_a_second_stage_the_network_and_the_bias_are_all(graph, bundle):
    recommender = Recommender(graph, bundle)
    found = recommender.explain("ada", "f1")
    assert {part.name for part in found.parts} == {"network", "popularity", ANY}
    assert {path.nodes[1].id for path in found.paths} == {"b1", "b3"}
    bias = bundle.item_bias[recommender.graph.items.vocab.index(["f1"])[0]]
    films = recommender.graph.item_mask("films")
    assert found.popularity == pytest.approx(bias - bundle.item_bias[films].mean(), abs=1e-6)


def test_a_limit_is_positive(graph, bundle):
    with pytest.raises(InputError, match="limit = 0"):
        Recommender(graph, bundle).explain("ada", "f1", limit=0)


def test_every_signal_that_is_no_relation_has_a_part():
    assert _PART_OF.keys() == TAKEN
