import os
import re
import shutil
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from kg.errors import ArtefactError
from kg.store import load_graph
from queries.preparing import prepare
from queries.serving import asks
from queries.serving.bodies import Recommend
from queries.serving.journal import Journal
from queries.serving.models import Models
from queries.serving.settings import ServeSettings
from training.bundle import load_bundle, save_bundle
from training.run_folder import RunFolder


@pytest.fixture
def put(run, graph):
    """Put another model in the place of the one that is there."""
    model = RunFolder(run).task("user-cold").model

    def another(number, damaged=False):
        old = load_bundle(model, graph)
        bias = np.zeros(len(graph.items), dtype=np.float32)
        bias[number % len(bias)] = np.nan if damaged else 1_000 + number
        save_bundle(replace(old, item_bias=bias), model, graph)

    return another


@pytest.fixture
def models(run, tmp_path):
    return Models(ServeSettings(run=run, watch=0), Journal(tmp_path / "added.jsonl"))


def wanted(served):
    return asks.wanted(served, Recommend(users=["dan"], k=1))


def test_a_version_is_that_of_the_files(models, put, run, tmp_path):
    first = models.now
    assert not models.changed()
    assert models.reload().version == first.version
    put(0)
    assert models.changed()
    second = models.reload()
    assert second.version != first.version
    assert not models.changed()
    other = Models(ServeSettings(run=run), Journal(tmp_path / "other.jsonl"))
    assert other.now.version == second.version


def test_a_model_that_cannot_be_opened_leaves_the_old_one(models, put):
    first = models.now
    put(1, damaged=True)
    assert models.changed()
    with pytest.raises(ArtefactError, match="NaN"):
        models.reload()
    assert models.now is first
    assert not models.changed()  # the same damage is not tried again and again
    put(2)
    assert models.changed()
    assert models.reload() is models.now is not first


def test_who_began_on_the_old_model_ends_on_it(models, put):
    old = models.now
    rows = old.names.rows(["dan"], "user")
    before = asks.recommend(wanted(old), rows)
    put(int(models.now.names.rows(["f1"], "item")[0]))
    new = models.reload()
    assert asks.recommend(wanted(old), rows) == before
    after = asks.recommend(wanted(new), rows)
    assert after[0][0]["id"] == "f1"


def _items(replies):
    return [item for answers in replies for answer in answers for item in answer["items"]]


def test_answers_made_ahead_are_those_that_would_be_scored(serve, trained, tmp_path):
    run = tmp_path / "prepared"
    shutil.copytree(trained, run)
    ask = [{"users": [f"user-{user:02d}"], "k": 3, "exclude_seen": False} for user in range(4)]
    ask += [{"users": ["user-05"], "k": 2}, {"users": ["user-05"], "k": 2, "probabilities": True}]
    scored = [serve(run=run).post("/recommend", json=one).json()["answers"] for one in ask]
    prepare(run)
    client = serve(run=run)
    found = [client.post("/recommend", json=one).json()["answers"] for one in ask]
    for one, other in zip(_items(found), _items(scored), strict=True):
        assert one["id"] == other["id"]
        assert one["score"] == pytest.approx(other["score"], rel=1e-5)  # sums in another order
        assert one.get("probability") == pytest.approx(other.get("probability"), abs=1e-5)
    ahead = re.search(r"isthmus_answers_ahead_total (\d)", client.get("/metrics").text)
    assert ahead
    assert int(ahead[1]) == 2  # those with another filter go another way

    # A model without its answers would be slower: who looks for a new one waits for both.
    models = client.app.state.server.models
    graph = load_graph(RunFolder(run).graph)
    model = RunFolder(run).task("user-cold").model
    old = load_bundle(model, graph)
    save_bundle(replace(old, about={**old.about, "again": 1}), model, graph)
    assert not models.changed()
    prepare(run)
    assert models.changed()
    models.reload()
    assert models.now.prepared is not None


def test_reload_is_for_this_machine_only(client):
    assert client.post("/reload", json={}).json()["changed"] is False
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        reply = client.post("/reload", json={}, headers={name: "127.0.0.1"})
        assert reply.status_code == 403
    assert client.post("/reload").status_code == 415  # what a page of another site could send


def test_a_damaged_model_is_said_and_counted(serve, put):
    client = serve()
    put(0, damaged=True)
    reply = client.post("/reload", json={})
    assert reply.status_code == 503
    assert "NaN" in reply.json()["error"]
    assert 'isthmus_reloads_total{outcome="failed"} 1.0' in client.get("/metrics").text
    assert client.get("/recommend", params={"user": "ada"}).status_code == 200


def test_a_new_model_is_found_while_everybody_goes_on_asking(serve, put):
    client = serve(watch=0.02)
    seen, wrong, stop = set(), [], threading.Event()

    def ask():
        while not stop.is_set():
            reply = client.post("/recommend", json={"users": ["dan"], "k": 1})
            if reply.status_code != 200 or not reply.json()["answers"][0]["items"]:
                wrong.append(reply.text)
            seen.add((reply.json()["model"], reply.json()["answers"][0]["items"][0]["score"]))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(11):
        deadline = time.monotonic() + 20
        while len(seen) == number and time.monotonic() < deadline:
            time.sleep(0.005)
        if number < 10:
            put(number)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len({model for model, _ in seen}) == 11
    assert len(seen) == 11  # a model and its scores, never a mixture


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signal")
def test_a_signal_opens_the_new_model(run, put, tmp_path):
    import asyncio

    from queries.serving.app import create_app

    app = create_app(ServeSettings(run=run, added=tmp_path / "added.jsonl", watch=0))
    models = app.state.server.models
    first = models.now
    put(0)

    async def live():
        async with app.router.lifespan_context(app):
            os.kill(os.getpid(), signal.SIGHUP)
            for _ in range(500):
                await asyncio.sleep(0.01)
                if models.now is not first:
                    return

    asyncio.run(live())
    assert models.now.version != first.version
