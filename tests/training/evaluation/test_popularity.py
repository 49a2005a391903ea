from training.config import TaskConfig
from training.evaluation.popularity import popularity_buckets
from training.evaluation.split import make_split


def test_buckets_share_the_interactions_in_thirds(make_graph, tmp_path):
    counts = {"f0": 8, "f1": 4, "f2": 4, "f3": 3, "f4": 2, "f5": 2, "f6": 1}
    items = {"b": "books", "cold": "films", **dict.fromkeys(counts, "films")}
    pairs = [(f"u{n}", film) for film, count in counts.items() for n in range(count)]
    pairs += [(f"reader{n}", "b") for n in range(30)]  # popular, but not in the target
    pairs += [("valid", "b"), ("valid", "f0"), ("test", "b"), ("test", "f0")]
    cold = tmp_path / "cold.csv"
    cold.write_text("user,part\nvalid,valid\ntest,test\n")
    config = TaskConfig(target="films", cold_users=cold)
    split = make_split(make_graph(pairs, items), config, "user-cold", seed=0)
    found = popularity_buckets(split, split.train.items.vocab.index([*counts, "cold", "b"]))
    # 24 interactions: thirds begin with the 1st, the 9th and the 17th; f1 and f2 are alike
    assert found.tolist() == [0, 1, 1, 2, 2, 2, 2, 2, 2]
