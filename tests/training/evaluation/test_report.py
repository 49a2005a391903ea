import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kg.graph import Edges, KnowledgeGraph, Nodes
from kg.vocab import Vocab
from training.evaluation.projection import project
from training.evaluation.report import write_report
from training.evaluation.report_training import training_part
from training.run_folder import RunFolder

EVIL = '<script>alert("1")</script>&'


def interval(mean: float) -> dict[str, float]:
    return {"mean": mean, "low": 0.9 * mean, "high": 1.1 * mean}


def scorer(level: float) -> dict[str, Any]:
    return {
        "full": {
            name: interval(level) for name in ("NDCG@10", "NDCG@20", "Recall@10", "Recall@20")
        },
        "sampled": {name: interval(2 * level) for name in ("MRR", "NDCG@10", "HR@10")},
        "coverage@10": 0.25,
        "diversity@10": 0.5,
        "slices": {"source history 1": {"num_users": 7, "NDCG@10": interval(3 * level)}},
    }


def results(protocol: str, **more: Any) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "sources": ["books"],
        "target": "films",
        "part": "test",
        "num_users": 940,
        "num_rows": 6800,
        "num_candidates": 22109,
        "num_negatives": 999,
        "seed": 0,
        "model": "isthmus",
        "scorers": {
            "isthmus": scorer(0.0412),
            "popularity": scorer(0.0108),
            "user-kNN": scorer(0.0206),
        },
        "comparisons": {
            "popularity": {
                "NDCG@10": {"difference": 0.0304, "low": 0.01, "high": 0.05, "p_holm": 0.0002}
            },
            "user-kNN": {
                "NDCG@10": {"difference": 0.0206, "low": -0.01, "high": 0.04, "p_holm": 0.31}
            },
        },
        **more,
    }


def graph(title: str = "books") -> KnowledgeGraph:
    def nodes(kind: str, texts: list[str], domains: list[list[bool]]) -> Nodes:
        column = pa.array(texts, pa.string())
        return Nodes(
            vocab=Vocab.from_values([f"{kind}{row}" for row in range(len(texts))]),
            title=column,
            text=column,
            domains=np.array(domains),
            attributes=pa.table({}),
        )

    src, dst = np.array([0, 0, 1, 2, 2]), np.array([0, 2, 1, 2, 3])
    return KnowledgeGraph(
        domains=(title, "films"),
        nodes={
            "user": nodes("u", [""] * 3, [[False, False]] * 3),
            "item": nodes(
                "i",
                ["a", "", "c", "d"],
                [[True, False], [True, False], [True, True], [False, True]],
            ),
        },
        edges={
            ("user", "interacts", "item"): Edges(src=src, dst=dst, weight=np.ones(5, np.float32))
        },
        interactions=("user", "interacts", "item"),
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return a whole run: two protocols, everything there."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    config = {"name": "A job", "task": {"target": "films", "sources": ["books"]}, "seed": 7}
    folder.config.write_text(json.dumps(config))
    rng = np.random.default_rng(0)
    for protocol in ("user-cold", "item-cold"):
        task = folder.task(protocol)
        task.model.mkdir(parents=True)
        task.results.write_text(json.dumps(results(protocol)))
        records = [
            {"epoch": e, "loss": 5 / e, "loss_alignment": 1 / e, "seconds": 60.0}
            | {"valid": {"NDCG@10": 0.01 * e if e < 3 else 0.015}}
            for e in range(1, 5)
        ]
        task.metrics.write_text("".join(json.dumps(record) + "\n" for record in records))
        (task.model / "model.json").write_text(json.dumps({"versions": {"torch": "9.8.7"}}))
        vectors = {"books": rng.normal(size=(20, 4)), "films": rng.normal(size=(30, 4))}
        (task.path / "projection.json").write_text(json.dumps(project(vectors, vectors, rng)))
    return folder


class Page(HTMLParser):
    """Tags, attributes and text of a page, with a check that tags close in order."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += " " + data


def rows(page: str, after: str) -> list[str]:
    """Return the text of each body row of the first table after some text."""
    body = re.search(r"<tbody>(.*?)</tbody>", page[page.index(after) :], re.DOTALL)
    assert body
    return [
        " ".join(re.sub(r"<[^>]+>|&[a-z]+;", " ", row).split())
        for row in re.findall(r"<tr.*?</tr>", body[1], re.DOTALL)
    ]


def test_loads_nothing_and_runs_nothing(run):
    page = write_report(run, graph()).read_text()
    found = Page(page)
    assert not re.search(r"https?://|url\((?!#)|@import|data:", page)
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "form"}
    assert all(value.startswith("#") for name, value in found.attributes if name in ("href", "src"))
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_model_stands_beside_its_floors(run):
    page = write_report(run, graph()).read_text()
    table = rows(page, 'id="user-cold"')
    assert table[0].startswith("isthmus 4.12 3.71 4.53 4.12 3.71 4.53 8.24 7.42 9.06")
    assert table[1].startswith("popularity 1.08")
    assert table[1].endswith("25.00 50.00 +3.04 p 0.001")
    assert table[2].endswith("25.00 50.00 +2.06 p = 0.310")
    assert "<b>4.12</b>" in page
    assert "<b>1.08</b>" not in page
    assert "<b>+3.04</b>" in page  # significant
    assert "<b>+2.06</b>" not in page
    # the verdict is against the strongest floor, not the weakest
    assert re.search(r"2\.00&times; <small>user-kNN</small>", page)
    assert "best NDCG@10 2.00 at epoch 2" in page
    assert "4 epochs in 4 minutes" in page
    assert rows(page, "By group of users")[0].startswith("source history 1 7 12.36")
    assert "9.8.7" in page
    assert ">seed</code></td><td><code>7<" in page


def test_ties_are_all_bold(run):
    tied = results("user-cold")
    tied["scorers"]["user-kNN"] = tied["scorers"]["isthmus"]
    run.task("user-cold").results.write_text(json.dumps(tied))
    run.task("item-cold").results.unlink()
    page = write_report(run, graph()).read_text()
    first = page[
        page.index('id="user-cold"') : page.index("</table>", page.index('id="user-cold"'))
    ]
    assert first.count("<b>4.12</b>") == 4  # two scorers, NDCG@10 and Recall@20


def test_data_at_a_glance(run):
    page = write_report(run, graph()).read_text()
    assert rows(page, 'id="data"') == [
        "books 3 3 4 44.444% 67%",
        "films 2 2 3 75.000% 100%",
    ]
    assert "<b>books</b> and <b>films</b> share 2 users and 1 items." in page


def test_everything_from_data_is_escaped(run):
    config = {
        "name": EVIL,
        "task": {"target": EVIL, "sources": [EVIL, "b"]},
        EVIL: {"path": EVIL},
    }
    run.config.write_text(json.dumps(config))
    for protocol in ("user-cold", "item-cold"):
        task = run.task(protocol)
        evil = results(protocol, sources=[EVIL], target=EVIL, model=EVIL, part=EVIL)
        evil["scorers"] = {
            EVIL: {
                **scorer(0.1),
                "full": {f"NDCG@{EVIL}": interval(0.1)},
                "slices": {EVIL: {"num_users": 1, f"NDCG@{EVIL}": interval(0.1)}},
            },
            f"floor {EVIL}": {**scorer(0.05), "full": {f"NDCG@{EVIL}": interval(0.05)}},
        }
        evil["ablations"] = {f"without {EVIL}": scorer(0.05)}
        task.results.write_text(json.dumps(evil))
        record = {"epoch": 1, "loss": 1.0, f"loss_{EVIL}": 2.0, "valid": {EVIL: 0.1}}
        task.metrics.write_text(json.dumps(record) + "\n")
        points = {EVIL: [[0, 1], [1, 0]]}
        (task.path / "projection.json").write_text(json.dumps({"before": points, "after": points}))
        (task.model / "model.json").write_text(json.dumps({EVIL: EVIL}))
    page = write_report(run, graph(EVIL)).read_text()
    found = Page(page)
    assert "script" not in found.tags
    assert "<script" not in page
    assert found.text.count(EVIL) > 20


def _nothing(run: RunFolder) -> None:
    for file in run.path.rglob("*"):
        if file.is_file():
            file.unlink()


def _one_protocol(run: RunFolder) -> None:
    for file in (run.task("item-cold").results, run.task("item-cold").metrics):
        file.unlink()


def _only_training(run: RunFolder) -> None:
    for protocol in ("user-cold", "item-cold"):
        run.task(protocol).results.unlink()


def _cut_short(run: RunFolder) -> None:
    path = run.task("user-cold").metrics
    path.write_text(path.read_text() + '{"epoch": 5, "lo')


def _without_floors(run: RunFolder) -> None:
    alone = results("user-cold", comparisons={}, num_negatives=0)
    alone["scorers"] = {"isthmus": {**scorer(0.1), "sampled": {}, "slices": {}}}
    del alone["scorers"]["isthmus"]["diversity@10"]
    run.task("user-cold").results.write_text(json.dumps(alone))


@pytest.mark.parametrize(
    ("change", "has", "lacks"),
    [
        (_nothing, ["Settings and versions"], ["Cold users", "Beside the floors"]),
        (_one_protocol, ["Cold users", "ties rank"], ["Cold items"]),
        (_only_training, ["Cold users", "Not evaluated yet", "4 epochs"], ["Beside the floors"]),
        (_cut_short, ["4 epochs", "Cold items"], []),
        (_without_floors, ["no floor beside it", "10.00"], []),
        (
            lambda run: [p.unlink() for p in run.path.rglob("projection.json")],
            ["4 epochs"],
            ["Domains"],
        ),
        (
            lambda run: [p.unlink() for p in run.path.rglob("metrics.jsonl")],
            ["Domains"],
            ["epochs"],
        ),
        (lambda run: run.config.unlink(), ["Cold users"], ["seed</code>"]),
    ],
)
def test_what_is_missing_is_left_out(run, change, has, lacks):
    change(run)
    page = write_report(run).read_text()
    Page(page)
    assert not [piece for piece in has if piece not in page]
    assert not [piece for piece in lacks if piece in page]


def test_ablations_stand_beside_the_model(run):
    ablations = {"without alignment": {"full": {"NDCG@10": interval(0.0333)}}}
    run.task("user-cold").results.write_text(json.dumps(results("user-cold", ablations=ablations)))
    page = write_report(run, graph()).read_text()
    table = rows(page, "<h3>Ablations</h3>")
    assert table[0].startswith("isthmus 4.12")
    assert table[1].startswith("without alignment 3.33 3.00 3.66")


def test_the_same_folder_gives_the_same_bytes(run):
    first = write_report(run, graph()).read_bytes()
    assert write_report(run, graph()).read_bytes() == first


def test_one_epoch_is_told_and_not_drawn():
    records = [
        {"epoch": 0, "valid": {"NDCG@10": 0.1}},
        {"epoch": 1, "loss": 2.5, "loss_knowledge": 1.25, "valid": {"NDCG@10": 0.2}},
    ]
    part = training_part("films", records)
    assert "1 epoch; loss 2.500, knowledge 1.250." in part
    assert "training loss by epoch" not in part
    assert "valid metrics by epoch" in part
