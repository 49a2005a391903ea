import json

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

import isthmus
from kg.errors import ConfigError
from training.triples.config import TripleConfig, triple_config
from training.triples.facts import Triples
from training.triples.results import links_table, predict_links


@pytest.fixture(scope="module")
def triples():
    """Ten families of four: everyone is kin of, and a friend of, the other three."""
    rows = [
        (a, relation, b)
        for a in range(40)
        for b in range(40)
        for relation in range(2)
        if a != b and a // 4 == b // 4
    ]
    names = tuple(f"n{i:02}" for i in range(40))
    return Triples(
        entities=names,
        relations=("friend", "kin"),
        rows=np.array(sorted(rows)),
        left_out={"literals": 3},
    )


@pytest.fixture(scope="module")
def results(triples):
    settings = {"width": 16, "batch_size": 20, "epochs": 10, "patience": 10}
    return predict_links(triples, TripleConfig(**settings))


def test_the_record_adds_up_and_is_json(results, triples):
    about = results["triples"]

    assert about["train"] + about["valid"] + about["test"] == about["all"] == len(triples)
    assert about["left_out"] == {"literals": 3}
    metrics = json.loads(json.dumps(results))["metrics"]["complex"]
    assert sum(metrics[s]["triples"] for s in ("linked", "unlinked") if s in metrics) == 24
    both = (metrics["tails"]["MRR"] + metrics["heads"]["MRR"]) / 2
    assert metrics["all"]["MRR"] == pytest.approx(both)
    by_relation = [metrics[f"relation {name}"] for name in ("friend", "kin")]
    assert sum(part["triples"] for part in by_relation) == 24


def test_the_model_is_shown_beside_its_floor(results):
    console = Console(width=120)
    with console.capture() as capture:
        console.print(links_table(results))

    text = capture.get()
    assert "24 of 240 triples, 40 entities" in text
    assert text.count("frequency") == text.count("complex") >= 2
    learned, floor = (results["metrics"][name]["all"]["MRR"] for name in ("complex", "frequency"))
    assert learned > 3 * floor


def test_a_mistyped_setting_is_guessed():
    assert triple_config(["width=64", "decoder=rotate"]) == TripleConfig(width=64, decoder="rotate")
    with pytest.raises(ConfigError, match='did you mean "epochs"'):
        triple_config(["epoch=3"])


def test_the_command_reads_rdf_prints_a_table_and_writes_a_record(tmp_path, triples):
    lines = [
        f"<http://x.org/{h}> <http://x.org/r{r}> <http://x.org/{t}> ." for h, r, t in triples.rows
    ]
    (tmp_path / "family.nt").write_text("\n".join(lines))
    out = tmp_path / "links.json"

    arguments = ["triples", str(tmp_path / "family.nt"), "--out", str(out)]
    done = CliRunner().invoke(isthmus.app, [*arguments, "--set", "epochs=1"])

    assert done.exit_code == 0, done.output
    assert "MRR" in done.output
    assert json.loads(out.read_text())["settings"]["epochs"] == 1
