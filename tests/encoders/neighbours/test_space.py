import numpy as np
import pytest

from encoders.neighbours.edges import TextEdgeConfig
from encoders.neighbours.space import TextSpace

NAMES = ["emma", "persuasion", "dune", "ulysses", "heat", "tar"]
DOMAINS = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.bool_)
WARM = np.array([1, 1, 1, 0, 1, 0], dtype=np.bool_)
ANGLES = {"emma": 0, "persuasion": 10, "dune": 60, "ulysses": 5, "heat": 1, "tar": 2}


def on_a_circle(angles):
    """Return unit vectors at these degrees; items without one have no text."""
    vectors = np.zeros((len(NAMES), 2), dtype=np.float32)
    for item, angle in angles.items():
        vectors[NAMES.index(item)] = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return vectors


def chosen(found):
    assert found.rows.shape == found.similarity.shape
    assert ((found.rows >= 0) == (found.similarity > 0)).all()
    return {
        name: [NAMES[row] for row in found.rows[place] if row >= 0]
        for place, name in enumerate(NAMES)
    }


def within(angles=ANGLES, domains=DOMAINS, texts=None, **settings):
    space = TextSpace(on_a_circle(angles), texts, TextEdgeConfig(**settings))
    return space.within(domains, WARM)


def test_neighbours_are_the_nearest_warm_items_of_the_same_domain():
    assert chosen(within(k=1)) == {
        "emma": ["persuasion"],  # neither itself nor ulysses, which has nothing to lend
        "persuasion": ["emma"],
        "dune": ["persuasion"],
        "ulysses": ["emma"],  # of two that are equally near, the first
        "heat": [],
        "tar": ["heat"],
    }


def test_where_there_are_fewer_the_rest_is_empty():
    found = within(k=5)

    assert chosen(found)["emma"] == ["persuasion", "dune"]
    np.testing.assert_allclose(found.similarity[0], [0.985, 0.5, 0, 0, 0], atol=1e-3)
    assert chosen(found)["ulysses"] == ["emma", "persuasion", "dune"]


def test_an_item_without_text_is_nobodys_neighbour_and_has_none():
    found = chosen(within({"emma": 0, "dune": 60, "ulysses": 5}, k=3))

    assert found["persuasion"] == []
    assert found["ulysses"] == ["emma", "dune"]


def test_across_domains_neighbours_are_of_the_others():
    space = TextSpace(on_a_circle(ANGLES), None, TextEdgeConfig(across=2))
    found = chosen(space.across(DOMAINS, WARM))

    assert found["emma"] == ["heat"]
    assert found["tar"] == ["emma", "persuasion"]
    assert found["ulysses"] == ["heat"]


def test_an_item_of_two_domains_finds_neighbours_in_both_and_each_once():
    domains = DOMAINS.copy()
    domains[NAMES.index("ulysses")] = domains[NAMES.index("emma")] = True
    found = within(domains=domains, k=3)

    assert chosen(found)["ulysses"] == ["heat", "emma", "persuasion"]


def test_words_in_common_make_neighbours():
    texts = ["regency ball", "ball", "desert worms", "a day with worms", "heist", "orchestra"]
    far = within(k=1, lexical=0.0, texts=texts)
    near = within(k=1, lexical=0.9, texts=texts)

    assert chosen(far)["ulysses"] == ["emma"]
    assert chosen(near)["ulysses"] == ["dune"]
    worms = on_a_circle(ANGLES)[2] @ on_a_circle(ANGLES)[3]
    assert near.similarity[3, 0] > 0.1 * worms


def test_a_threshold_leaves_out_what_is_far():
    assert chosen(within(k=3, threshold=0.9))["emma"] == ["persuasion"]


def test_reciprocal_neighbours_choose_each_other():
    # Emma and persuasion are each other's nearest; dune's nearest is persuasion, not the reverse.
    found = chosen(within({"emma": 0, "persuasion": 10, "dune": 60}, k=1, reciprocal=True))

    assert found["emma"] == ["persuasion"]
    assert found["persuasion"] == ["emma"]
    assert found["dune"] == []


def test_no_text_at_all_gives_no_neighbours():
    assert not (within({}, k=3).rows >= 0).any()


@pytest.mark.parametrize("setting", [{"k": -1}, {"across": -1}, {"lexical": 1.5}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        TextEdgeConfig(**setting)


@pytest.mark.parametrize("settings", [{}, {"reciprocal": True}, {"lexical": 0.5}])
def test_later_items_find_what_they_would_have_found(settings):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 4)).astype(np.float32)
    words = [" ".join(rng.choice(list("abcdefgh"), 4)) for _ in range(40)]
    domains = rng.random((40, 2)) < 0.7
    warm = np.arange(40) < 30  # the last are cold, and nobody's neighbours
    config = TextEdgeConfig(k=4, across=2, **{"lexical": 0.0, **settings})
    whole = TextSpace(vectors, words, config)
    old = 39 if config.reciprocal else 36  # later ones do not vie with each other for a neighbour
    for find in ("within", "across"):
        expected = getattr(whole, find)(domains, warm)
        if not config.lexical:
            first = TextSpace(vectors[:old], words[:old], config).with_more(
                vectors[old:], words[old:]
            )
        else:  # of the same words
            first = whole
        found = getattr(first, find)(domains, warm, asking=old)
        assert np.array_equal(found.rows[old:], expected.rows[old:])
        np.testing.assert_allclose(found.similarity[old:], expected.similarity[old:], rtol=1e-6)
        assert (found.rows[:old] == -1).all()


def test_more_items_do_not_change_what_words_weigh():
    texts = ["blue pan", "blue pot", "red pot"]
    config = TextEdgeConfig(lexical=0.5)
    space = TextSpace(np.eye(3, dtype=np.float32), texts, config)
    larger = space.with_more(np.eye(3, dtype=np.float32)[:1], ["blue blue green"])
    assert (larger.words[:3] != space.words).nnz == 0
    assert larger.words[3].nnz == 1  # green is unknown
