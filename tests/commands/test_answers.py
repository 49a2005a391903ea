"""What people type, the sane and the hostile; one line for each mistake."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import isthmus
from kg.store import save_graph
from queries.recommender import Recommender
from training.bundle import Bundle, save_bundle
from training.evaluation.calibration import Calibration
from training.evaluation.calibration_curves import Platt
from training.run_folder import RunFolder

MEGABYTES = "x" * 10**7


def invoke(*arguments):
    return CliRunner().invoke(isthmus.app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def run(tmp_path_factory, make_graph):
    """Two shops; one film has a title made to take over a terminal."""
    films = {f"f{number}": "films" for number in range(6)}
    graph = make_graph(
        [("ann", "b1"), ("ann", "f0"), ("bob", "b1"), ("bob", "f1"), ("cat", "f2")],
        {"b1": "books", **films},
        texts={"f3": "\x1b[2J\x1b[31mred\u202e", "f4": "The <b>Ring</b>"},
        entities={"person": ["lee"]},
        relations={("item", "director", "person"): [("f3", "lee"), ("f4", "lee")]},
    )
    rng = np.random.default_rng(0)
    z = {kind: rng.normal(size=(len(n), 4)).astype(np.float32) for kind, n in graph.nodes.items()}
    bias = np.zeros(len(graph.items), np.float32)
    folder = RunFolder(tmp_path_factory.mktemp("hostile") / "run")
    save_graph(graph, folder.graph)
    save_bundle(Bundle(z=z, item_bias=bias, weights={}, about={}), folder.task("warm").model, graph)
    return folder.path


def ids(result):
    assert result.exit_code == 0, result.stderr
    return [row["id"] for row in json.loads(result.stdout)]


def recommended(run, *options, user="ann"):
    return ids(invoke("recommend", run, "--user", user, "--domain", "films", *options, "--json"))


def test_what_is_left_out(run, tmp_path):
    assert sorted(recommended(run)) == ["f1", "f2", "f3", "f4", "f5"]
    assert "f0" in recommended(run, "--include-seen")
    assert sorted(recommended(run, "--exclude", "f1,f2", "--exclude", "f5")) == ["f3", "f4"]
    assert sorted(recommended(run, "--allow", "f1,f2")) == ["f1", "f2"]
    assert sorted(recommended(run, "--where", "director=lee")) == ["f3", "f4"]
    before = tmp_path / "before.parquet"
    invoke("recommend", run, "--all-users", "--out", before, "--domain", "films", "-k", 2)
    given = pa.parquet.read_table(before).to_pylist()
    left = recommended(run, "--exclude", before)
    assert sorted([*left, *(row["item"] for row in given if row["user"] == "ann")]) == [
        *("f1", "f2", "f3", "f4", "f5")
    ]


def test_what_reorders(run):
    plain, recommender = recommended(run), Recommender.open(run)
    assert recommended(run, "--diversity", "1") != plain
    assert recommended(run, "--diversity", "1")[0] == plain[0]
    unused = recommended(run, "--popularity-weight", "1000")[:3]
    assert sorted(unused) == ["f3", "f4", "f5"]
    assert recommender.about == {}


def test_lists_with_unknown_items(run, tmp_path):
    (tmp_path / "gone.txt").write_text("f1\nf99\n")
    result = invoke(
        *("recommend", run, "--user", "ann", "--domain", "films"),
        *("--exclude", tmp_path / "gone.txt"),
    )
    assert result.exit_code == 1
    assert "gone.txt, line 2: unknown item id 'f99'" in result.stderr
    assert "f1" not in recommended(run, "--exclude", tmp_path / "gone.txt", "--skip-unknown")


def test_a_probability_is_shown_where_there_is_one(tmp_path, run, graph_of, monkeypatch):
    curve = Platt(slope=1.0, intercept=0.0)
    calibration = Calibration(curve=curve, scale="score", base_rate=0.5, threshold=0.5, losses={})
    monkeypatch.setattr("queries.recommender.open_run", graph_of(calibration))
    result = invoke("recommend", run, "--user", "ann", "--domain", "films")
    assert result.stdout.splitlines()[0].split() == ["title", "id", "score", "probability"]
    rows = invoke("recommend", run, "--user", "ann", "--domain", "films", "--json").stdout
    assert {row["id"]: "probability" in row for row in json.loads(rows)} == {
        **{"f1": True, "f2": True},
        **dict.fromkeys(["f3", "f4", "f5"], False),  # nobody has used them
    }


@pytest.fixture
def graph_of(run):
    """Return what opens the run as if it had been calibrated."""
    from dataclasses import replace

    from queries.opened import open_run
    from training.evaluation.split import HeldOut, Split

    def calibrated(calibration):
        def opened(path, protocol):
            found = open_run(path, protocol)
            nothing = np.empty(0, np.int64)
            part = HeldOut(users=nothing, items=nothing, candidates=nothing)
            split = Split(
                protocol="warm",
                sources=("books",),
                target="films",
                train=found.graph,
                valid=part,
                test=part,
                cold_users=nothing,
                cold_items=nothing,
            )
            bundle = replace(found.bundle, calibration=calibration)
            return replace(found, bundle=bundle, split=split)

        return opened

    return calibrated


def test_control_characters_of_titles_are_escaped(run):
    result = invoke("recommend", run, "--user", "ann", "--domain", "films")
    assert "\\x1b[2J\\x1b[31mred\\u202e" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "The <b>Ring</b>" in result.stdout


def test_k_beyond_the_catalogue_gives_all_of_it(run, tmp_path):
    assert len(recommended(run, "-k", 10**18)) == 5
    similar = invoke("similar", run, "--id", "f1", "-k", 10**18, "--json")
    assert len(ids(similar)) == 6
    out = tmp_path / "out.csv"
    done = invoke("recommend", run, "--all-users", "--domain", "films", "-k", 10**18, "--out", out)
    assert done.stdout == f"3 users, 0 unknown: {out}\n"


HOSTILE_IDS = [
    "",
    " ",
    "nobody",
    "\0",
    "ann\0",
    "ann\n",
    "\x1b[2Jann",
    "\x07\x08\x0b",
    "\u202eann",
    "\udcff",
    "\ud800\udc00",
    "'; DROP TABLE users; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%s%n%x",
    "{0}{user}",
    "-1",
    "0",
    "NaN",
    "null",
    "💥" * 1_000,
    "[bold]ann[/bold]",
    "ann,bob",
    '"ann"',
    MEGABYTES,
    "\x1b" * 10**6,
]
ASKING = {
    "recommend": lambda value: ["recommend", "--user", value, "--domain", "films"],
    "similar": lambda value: ["similar", "--id", value],
    "exclude": lambda value: [
        *("recommend", "--user", "ann", "--domain", "films", "--exclude", f'"{value}x"'),
    ],
    "allow": lambda value: [
        *("recommend", "--user", "ann", "--domain", "films", "--allow", f"{value}x"),
    ],
    "where": lambda value: [
        *("recommend", "--user", "ann", "--domain", "films", "--where", f"director={value}"),
    ],
    "condition": lambda value: [
        *("recommend", "--user", "ann", "--domain", "films", "--where", value),
    ],
    "domain": lambda value: ["recommend", "--user", "ann", "--domain", value],
    "type": lambda value: ["similar", "--id", "f1", "--type", value],
    "protocol": lambda value: ["similar", "--id", "f1", "--protocol", value],
}


def refused(run, command, *options):
    """Ask; the answer must be one short line on standard error that a terminal survives."""
    result = invoke(command, run, *options)
    assert result.exit_code == 1, (result.exit_code, result.exception, result.output[:500])
    assert result.stdout == ""
    line = result.stderr
    assert line.startswith("error: ")
    assert line.count("\n") == 1
    assert len(line) < 2_200
    assert all(character.isprintable() for character in line[:-1]), line
    return line


@pytest.mark.parametrize("value", HOSTILE_IDS, ids=lambda value: ascii(value[:12]))
@pytest.mark.parametrize("asking", ASKING)
def test_hostile_values_are_one_line(run, asking, value):
    command, *options = ASKING[asking](value)
    refused(run, command, *options)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.csv", b""),
        ("users.txt", b""),
        ("users.csv", b"\n\n"),
        ("users.csv", b"\xff\xfe\x00"),
        ("users.csv", b"user,age\nann\n"),
        ("users.csv", b"name,age\nann,1\n"),
        ("users.csv", b'user\n"ann'),
        ("users.csv", b"user\nnobody\n"),
        ("users.csv", b"user\n" + b"x" * 10**6 + b"\n"),
        ("users.txt", b"ann\0\n"),
        ("users.txt", b"\x1b[2J\n"),
        ("users.parquet", b"PAR1"),
        ("users.csv.gz", b"no gzip"),
        ("users.json", b"{}"),
        ("users", b"ann\n"),
    ],
)
def test_hostile_files_of_users_are_one_line(run, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    out = tmp_path / "out.csv"
    asked = ("--users", tmp_path / name, "--out", out, "--domain", "films")
    refused(run, "recommend", *asked)
    assert not out.exists()
    asked = ("--user", "ann", "--domain", "films", "--allow", tmp_path / name)
    if name != "users":  # without a suffix it is an id
        refused(run, "recommend", *asked)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"user\nann\n",
        b"ann,f1\n",
        b"user,item\nann,f99\n",
        b"user,item\nann,\0\n",
        b"\xff,a\n",
    ],
)
def test_hostile_files_of_pairs_are_one_line(run, tmp_path, content):
    (tmp_path / "pairs.csv").write_bytes(content)
    refused(run, "score", "--pairs", tmp_path / "pairs.csv", "--out", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "-1"),
        ("-k", "0"),
        ("-k", "1.5"),
        ("-k", "many"),
        ("--min-probability", "1.1"),
        ("--min-probability", "nan"),
        ("--diversity", "-0.1"),
        ("--diversity", "nan"),
        ("--popularity-weight", "inf"),
        ("--popularity-weight", "x"),
    ],
)
def test_bad_numbers(run, options):
    result = invoke("recommend", run, "--user", "ann", "--domain", "films", *options)
    assert result.exit_code in (1, 2)
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""


@pytest.mark.parametrize("out", ["out.xlsx", "out", "", ".", "x" * 5_000 + ".csv", "f.csv/out.csv"])
def test_places_that_cannot_be_written(run, tmp_path, out):
    (tmp_path / "f.csv").touch()
    refused(run, "recommend", "--all-users", "--domain", "films", "--out", f"{tmp_path}/{out}")


def test_runs_that_are_none(tmp_path):
    refused(tmp_path / "nowhere", "similar", "--id", "f1")
    refused(tmp_path, "similar", "--id", "f1")
    refused(f"{tmp_path}/\x1b[2J", "similar", "--id", "f1")
