import numpy as np
import pytest

from queries.explaining.faithfulness import curve, scores_of_histories
from queries.newcomers import Newcomers
from queries.recommender import Recommender
from training.config import RankingConfig, TaskConfig
from training.jobs import encode_step, import_step, train_step
from training.run_folder import RunFolder

LINKS = """
[[edges]]
file = "links.csv"
relation = "like"
src = { type = "item", column = "src" }
dst = { type = "item", column = "dst" }
"""
WORDS = ("dark", "comedy", "war", "love", "sea", "murder", "dragon", "robot")


@pytest.fixture(scope="module")
def recommender(write_shop, tiny_job, tmp_path_factory):
    """A run that was trained: people like one of six kinds in books and in films."""
    folder, rng = tmp_path_factory.mktemp("faithful"), np.random.default_rng(0)
    items = [f"{domain}-{row:02d}" for domain in ("book", "film") for row in range(18)]
    titles = [f"{item},{item[:4]}s,{' '.join(rng.choice(WORDS, 3))}" for item in items]
    likes = [
        f"user-{user:02d},{item}"
        for user in range(48)
        for item in items
        if rng.random() < (0.8 if int(item[-2:]) % 6 == user % 6 else 0.1)
    ]
    links = [f"film-{row:02d},book-{row:02d}" for row in range(0, 18, 2)]
    (folder / "links.csv").write_text("\n".join(["src,dst", *links]))
    job = tiny_job(
        write_shop(folder, titles, likes, LINKS),
        TaskConfig(target="films", protocols=("user-cold",)),
        name="faithful",
        ranking=RankingConfig(folds=1, simulated=20, steps=40),
    )
    run = RunFolder(folder / "run")
    import_step(job, run)
    encode_step(job, run)
    train_step(job, run, "user-cold")
    return Recommender.open(run.path)


@pytest.fixture(scope="module")
def losses(recommender):
    """What the top item of each of many pairs is worth, and all of them: lists of losses."""
    split = recommender.split
    users = np.flatnonzero(np.diff(recommender.seen.indptr) >= 3)
    ids = recommender.graph.users.vocab.to_ids(users)
    best, _ = recommender.recommend(ids, domain=split.target, k=2)
    histories = {
        user: recommender.graph.items.vocab.to_ids(recommender.seen[[row]].indices)
        for user, row in zip(ids, users, strict=True)
    }
    grown = recommender.with_newcomers(
        Newcomers.people({f"like {user}": used for user, used in histories.items()})
    )
    found = []
    for user, items in zip(ids, best, strict=True):
        for item in items:
            history = histories[user]
            paths = grown.explain(f"like {user}", item, limit=1000).paths
            top = max(paths, key=lambda path: path.contribution).nodes[1].id
            asked = [history, *([one for one in history if one != left] for left in history)]
            found.append((item, history, top, asked))
    asked = [used for *_, some in found for used in some]
    items = [item for item, *_, some in found for _ in some]
    scores, told, at = scores_of_histories(recommender, asked, items), [], 0
    for _, history, top, some in found:
        lost = scores[at] - scores[at + 1 : at + len(some)]
        told.append((float(lost[history.index(top)]), lost))
        at += len(some)
    return told


def test_deleting_the_top_path_lowers_the_score(losses):
    lowered = np.mean([top > 0 for top, _ in losses])
    assert len(losses) > 80
    assert lowered > 0.9
    assert lowered > np.mean([(lost > 0).mean() for _, lost in losses])


def test_it_costs_more_than_deleting_at_random(losses):
    top = np.array([top for top, _ in losses])
    random = np.array([lost.mean() for _, lost in losses])
    assert top.mean() > 2 * random.mean()
    assert (top > random).mean() > 0.8


def test_newcomers_of_any_kind_are_explained(recommender):
    """The score of a newcomer, or of a new item, is divided as any other."""
    known = recommender.graph.items.vocab.to_ids(np.arange(3))
    new = (
        Newcomers.people({"me": known})
        + Newcomers.text("dark sea murder", "asks")
        + Newcomers.item("film-new", "dragon robot", ["films"], node_type="item")
    )
    grown = recommender.with_newcomers(new)
    for user in ("me", "asks", "user-00"):
        for item in ("film-03", "film-new"):
            found = grown.explain(user, item, limit=1000)
            [score] = grown.score([user], [item])
            told = sum(path.contribution for path in found.paths)
            told += sum(part.untraced for part in found.parts)
            assert told == pytest.approx(score, abs=1e-4)
            for part in found.parts:
                if part.name in ("people like you", "similar texts", "facts: like"):
                    assert part.untraced == pytest.approx(0, abs=2e-4)
    taken = grown.explain("asks", "film-03").paths
    assert {path.relations[0].relation for path in taken} == {"is taken to like"}


def test_equal_histories_are_scored_once(recommender, monkeypatch):
    calls = []
    extended = recommender.with_newcomers

    def counted(newcomers):
        calls.append(len(newcomers))
        return extended(newcomers)

    monkeypatch.setattr(recommender, "with_newcomers", counted)
    histories = [["book-00", "book-01"], ["book-01", "book-00"], [], ["book-02"]]
    scores = scores_of_histories(recommender, histories, ["film-00"] * 4)
    assert calls == [3]
    assert scores[0] == scores[1]
    assert scores[2] != scores[3]


def test_curves_begin_and_end_with_all_and_nothing():
    deleted, inserted = curve(["c", "a", "b"], [0, 1 / 3, 1])
    assert deleted == [["c", "a", "b"], ["a", "b"], []]
    assert inserted == [[], ["c"], ["c", "a", "b"]]
