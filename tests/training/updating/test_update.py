"""An updated run against one forward pass of the same weights, written out by hand."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from encoders.channels.features import encode_graph, load_features
from encoders.models.hashing import HashingEncoder
from encoders.neighbours.edges import Neighbours
from gnn.data import NEAR
from kg.errors import ArtefactError, InputError
from kg.store import load_graph, load_imported
from queries.opened import open_run
from queries.recommender import Recommender
from queries.serving.journal import Journal
from queries.serving.models import Models
from queries.serving.settings import ServeSettings
from training.bundle import load_bundle
from training.evaluation.split_files import load_split
from training.jobs import load_config
from training.prepare import prepare
from training.ranking.signals import Signals
from training.ranking.world import World
from training.repeats import without_repeats
from training.run_folder import RunFolder
from training.updating import folder as updating_folder
from training.updating import update as updating
from training.updating.update import update_run

PROTOCOLS = ("user-cold", "item-cold")


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_embeddings_are_those_of_one_pass_over_the_larger_graph(updated, protocol):
    before, after = updated
    job, graph = load_config(after), load_graph(after.graph)
    old_graph = load_graph(before.graph)
    task = after.task(protocol)
    old = load_bundle(before.task(protocol).model, old_graph)
    new, split = load_bundle(task.model, graph), load_split(task.split, graph)
    stage = new.second_stage
    near = {NEAR: Neighbours(rows=stage.near, similarity=stage.similarity)}
    features = encode_graph(graph, HashingEncoder(dim=16), job.texts)
    objective = prepare(
        job, split, features, torch.device("cpu"), neighbours=near, fitted=old.channels
    )
    rows = graph.items.vocab.index(old_graph.items.vocab.ids)
    weights = {name: torch.from_numpy(np.array(w)) for name, w in old.weights.items()}
    for name in ("inputs.of_item.residual", "item_bias"):
        grown = torch.zeros(len(graph.items), *weights[name].shape[1:])
        grown[rows] = weights[name]
        weights[name] = grown
    objective.model.load_state_dict(weights)
    wanted = objective.embed()
    for kind, z in wanted.z.items():
        if kind == "user":
            z = objective.model.decoder.queries(z)
        np.testing.assert_allclose(new.z[kind], z.detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(new.item_bias, wanted.item_bias.detach().numpy(), atol=1e-6)
    assert new.about["updates"] == 1
    np.testing.assert_array_equal(
        load_features(after.features, graph).vectors["item"], features.vectors["item"]
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_signals_are_made_of_the_larger_graph_with_the_weights_as_learned(updated, protocol):
    before, after = updated
    graph = load_graph(after.graph)
    task = after.task(protocol)
    bundle, split = load_bundle(task.model, graph), load_split(task.split, graph)
    old = load_bundle(before.task(protocol).model, load_graph(before.graph))
    assert bundle.second_stage.ranker.to_json() == old.second_stage.ranker.to_json()
    stage = bundle.second_stage
    world = World(
        split=replace(split, train=without_repeats(split.train)),
        text=stage.text,
        channel=stage.channel,
        near=stage.near,
        similarity=stage.similarity,
        network=bundle.scorer(graph),
    )
    users, items = np.arange(5), np.flatnonzero(graph.item_mask("films"))
    made, kept = Signals(world, stage.seed), Signals(world, stage.seed, stage.kept)
    wanted = made(users, items)
    for name, values in kept(users, items).items():
        np.testing.assert_allclose(values, wanted[name], rtol=1e-3, atol=1e-3)


def test_what_new_edges_cannot_reach_stays(run, table, tmp_path):
    """Two hops and the text neighbours of those: who is further off is what they were."""
    before = tmp_path / "before"
    shutil.copytree(run, before)
    nodes = table("nodes", "type,id,title,text,domain", "item,new,zzz,zzz,books", ",lonely,,,")
    edges = table("edges", "src,dst", "lonely,new")
    update_run(run, nodes=[nodes], edges=[edges], judge=False)
    graph, old_graph = load_graph(run / "graph"), load_graph(before / "graph")
    old = load_bundle(before / "user-cold" / "model", old_graph)
    new = load_bundle(run / "user-cold" / "model", graph)
    for kind, nodes in old_graph.nodes.items():
        rows = graph.nodes[kind].vocab.index(nodes.vocab.ids)
        np.testing.assert_allclose(new.z[kind][rows], old.z[kind], rtol=1e-4, atol=1e-5)
    assert new.z["user"][graph.users.vocab.index(["lonely"])].any()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_was_held_out_stays_so_and_no_new_node_is_in_an_old_test(updated, protocol):
    before, after = updated
    graph, old_graph = load_graph(after.graph), load_graph(before.graph)
    old = load_split(before.task(protocol).split, old_graph)
    new = load_split(after.task(protocol).split, graph)
    for part in ("valid", "test"):
        one, other = getattr(old, part), getattr(new, part)
        for name, nodes in (("users", "users"), ("items", "items"), ("candidates", "items")):
            assert getattr(graph, nodes).vocab.to_ids(getattr(other, name)) == (
                getattr(old_graph, nodes).vocab.to_ids(getattr(one, name))
            )
    edges = new.train.interaction_edges
    pairs = set(
        zip(graph.users.vocab.to_ids(edges.src), graph.items.vocab.to_ids(edges.dst), strict=True)
    )
    assert ("new-user-0", "a-film-0") in pairs


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_new_interactions_of_nodes_that_are_kept_cold_are_held_out_with_them(run, table, protocol):
    graph = load_graph(run / "graph")
    split = load_split(run / protocol / "split", graph)
    edges = graph.interaction_edges
    films = np.flatnonzero(graph.item_mask("films"))
    known = set(zip(edges.src.tolist(), edges.dst.tolist(), strict=True))
    if protocol == "user-cold":
        user = int(split.cold_users[0])
        item = next(int(film) for film in films if (user, int(film)) not in known)
    else:
        item = int(split.cold_items[0])
        user = next(u for u in range(40) if (u, item) not in known)
    ids = graph.users.vocab.id(user), graph.items.vocab.id(item)
    done = update_run(run, edges=[table("edges", "src,dst", ",".join(ids))], judge=False)
    assert done.report["models"][protocol]["withheld"] == 1
    graph = load_graph(run / "graph")
    split = load_split(run / protocol / "split", graph)
    place = [graph.users.vocab.index([ids[0]])[0], graph.items.vocab.index([ids[1]])[0]]
    assert place in split.unranked.T.tolist()
    assert (
        place
        not in np.stack(
            [split.train.interaction_edges.src, split.train.interaction_edges.dst], axis=1
        ).tolist()
    )


def test_every_question_is_answered_about_new_and_old_nodes(updated):
    _, after = updated
    recommender = Recommender.open(after.path)
    ids, scores = recommender.recommend(["new-user-0", "user-03"], domain="films", k=3)
    assert ids.shape == (2, 3)
    assert np.isfinite(scores).all()
    assert "film-01" not in ids[0]
    why = recommender.explain("new-user-0", "z-film-0")
    assert np.isfinite(why.score)
    assert "a-film-0" not in recommender.similar("a-film-0", k=2)[0]
    open_run(after.path, "item-cold")


def test_two_updates_are_one(run, arrivals, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    first, second = arrivals(0), arrivals(1)
    update_run(run, **first, judge=False)
    done = update_run(run, **second, judge=False)
    both = update_run(
        other,
        nodes=[*first["nodes"], *second["nodes"]],
        edges=[*first["edges"], *second["edges"]],
        judge=False,
    )
    graph = load_graph(run / "graph")
    assert graph.fingerprint == load_graph(other / "graph").fingerprint
    for protocol in PROTOCOLS:
        one, two = (load_bundle(path / protocol / "model", graph) for path in (run, other))
        for kind in one.z:
            np.testing.assert_allclose(one.z[kind], two.z[kind], rtol=1e-4, atol=1e-5)
    assert done.report["number"] == 2
    assert done.report["since_training"] == both.report["since_training"]
    assert done.report["popularity"]["divergence"] == pytest.approx(
        both.report["popularity"]["divergence"]
    )
    assert (run / "updates" / "001" / "drift.json").is_file()
    assert json.loads((run / "updates" / "002" / "drift.json").read_text()) == done.report


def test_a_copy_leaves_the_run_as_it_was(run, arrivals, tmp_path):
    before = contents(run)
    done = update_run(run, **arrivals(), out=tmp_path / "copy", judge=False)
    assert contents(run) == before
    assert done.rejects.num_rows == 0
    assert Recommender.open(done.run).recommend("new-user-0", domain="films", k=1)[0].size == 1
    with pytest.raises(InputError, match="is there already"):
        update_run(run, **arrivals(), out=tmp_path / "copy")


@pytest.mark.parametrize("step", ["update_model", "carry_over", "save_features"])
def test_an_interrupted_update_leaves_the_old_run(run, arrivals, monkeypatch, step):
    before = contents(run)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(updating, step, interrupt)
    with pytest.raises(KeyboardInterrupt):
        update_run(run, **arrivals(), judge=False)
    assert contents(run) == before
    assert [path.name for path in run.parent.iterdir() if path.name.startswith(".")] == []


def test_what_was_made_of_the_old_model_goes(run, arrivals):
    task = RunFolder(run).task("user-cold")
    task.answers.mkdir()
    (task.answers / "items.npy").write_bytes(b"")
    task.results.write_text("{}")
    (run / "report.html").write_text("")
    (run / "mine.txt").write_text("kept")
    done = update_run(run, **arrivals(), judge=False)
    assert {"report.html", "user-cold/answers", "user-cold/results.json"} <= set(done.dropped)
    assert not task.answers.exists()
    assert not task.results.exists()
    assert not task.checkpoints.exists()
    assert task.metrics.is_file()
    assert (run / "updates" / "001" / "user-cold" / "results.json").read_text() == "{}"
    assert (run / "mine.txt").read_text() == "kept"
    assert not set(updating_folder.FORGOTTEN) & {path.name for path in task.path.iterdir()}


def test_updates_are_no_reason_to_train_until_they_are_many(run, table):
    few = table("few", "src,dst", "user-01,book-16", "user-02,film-16")
    done = update_run(run, edges=[few], judge=False)
    assert not done.report["due"]
    assert done.report["sentence"].startswith("No full retrain is due")
    pairs = [(user, half) for user in range(40) for half in ("book", "film")]
    rows = [f"new-{user:02d},{half}-{user % 18:02d}" for user, half in pairs]
    done = update_run(run, edges=[table("many", "src,dst", *rows)], judge=False)
    assert done.report["due"]
    assert done.report["sentence"].startswith("A full retrain is due because there are ")
    assert "more interactions than it was trained on" in done.report["reasons"][0]


def test_bad_rows_are_kept_with_the_graph(run, table):
    path = table("edges", "src,dst", "user-01,nope", "user-01,book-02", "nobody,film-00")
    done = update_run(run, edges=[path], judge=False)
    [reject] = done.rejects.to_pylist()
    assert (reject["file"], reject["line"], reject["reason"]) == (str(path), 2, "unknown item")
    assert done.report["rejected"] == 1
    assert load_imported(run / "graph").rejects.num_rows == 1


def test_what_is_known_already_changes_nothing(run, table):
    before = contents(run)
    edge = load_graph(run / "graph").interaction_edges.take(np.array([0]))
    graph = load_graph(run / "graph")
    ids = graph.users.vocab.id(int(edge.src[0])), graph.items.vocab.id(int(edge.dst[0]))
    done = update_run(run, edges=[table("edges", "src,dst,weight", f"{ids[0]},{ids[1]},0")])
    assert done.report is None
    assert contents(run) == before


def test_a_known_item_that_says_more_is_read_again(run, table):
    path = table("nodes", "type,id,title,text", "item,film-03,robot dragon,robot dragon war")
    before = load_graph(run / "graph")
    old = load_features(run / "features", before).vectors["item"]
    update_run(run, nodes=[path], judge=False)
    graph = load_graph(run / "graph")
    row = graph.items.vocab.index(["film-03"])[0]
    assert graph.items.text[row].as_py() == "robot dragon war"
    new = load_features(run / "features", graph).vectors["item"]
    assert (new[row] != old[row]).any()
    np.testing.assert_array_equal(np.delete(new, row, 0), np.delete(old, row, 0))


def test_what_cannot_be_updated_is_refused(run, arrivals, tmp_path):
    with pytest.raises(InputError, match="nothing to add"):
        update_run(run)
    with pytest.raises(ArtefactError, match="no such run"):
        update_run(tmp_path / "none", **arrivals())
    shutil.rmtree(run / "features")
    with pytest.raises(ArtefactError, match="has no features"):
        update_run(run, **arrivals())


def test_a_server_takes_the_updated_run_up(run, arrivals, tmp_path):
    models = Models(ServeSettings(run=run), Journal(tmp_path / "added.jsonl"))
    assert "new-user-0" not in models.now.graph.users.vocab
    update_run(run, **arrivals(), judge=False)
    assert models.changed()
    served = models.reload()
    assert served.recommender.recommend("new-user-0", domain="films", k=1)[0].size == 1
    assert not models.changed()
