import io
import json

from rich.console import Console

from queries.recommender import Recommender
from queries.show import answer_rows, answer_table, closing_show, print_answers, recommended_rows
from training.run_folder import RunFolder


def printed(write):
    console = Console(file=io.StringIO(), width=120)
    write(console)
    return console.file.getvalue()


def test_answers_are_numbered_and_named(graph, bundle):
    recommender = Recommender(graph, bundle)
    ids, scores = recommender.recommend("bob", domain="films")
    [row] = answer_rows(recommender, ids, scores)
    assert row == {"rank": 1, "id": "f2", "title": "Clueless", "score": round(float(scores[0]), 6)}
    lines = printed(lambda console: console.print(answer_table([row], ["new"]))).splitlines()
    assert lines[1].split() == ["1", "Clueless", "f2", f"{scores[0]:.3f}", "new"]


def test_titles_are_not_markup(graph, bundle):
    row = {"rank": 1, "id": "x", "title": "[red]Dune[/red] [/]", "score": 1.0}
    assert "[red]Dune[/red] [/]" in printed(lambda console: console.print(answer_table([row])))


def test_json_is_one_line_however_long(graph, bundle):
    recommender = Recommender(graph, bundle)
    rows = recommended_rows(recommender.recommend_table("dan", domain="films"))
    text = printed(lambda console: print_answers(console, rows, as_json=True))
    assert text.count("\n") == 1
    assert json.loads(text) == rows


def test_control_characters_are_escaped(graph, bundle):
    row = {"rank": 1, "id": "x", "title": "\x1b[31mDune\u202e", "score": 1.0}
    text = printed(lambda console: console.print(answer_table([row])))
    assert "\\x1b[31mDune\\u202e" in text


def test_a_run_ends_with_people_titles_and_paths(run, monkeypatch):
    monkeypatch.setattr("queries.show.read_json", lambda path: path.parent.name)
    monkeypatch.setattr("queries.show.results_table", lambda results: f"table of {results}")
    text = printed(lambda console: closing_show(RunFolder(run), console))
    assert "table of user-cold" in text
    assert 'cyd knows "Emma"\n' in text
    assert [line for line in text.splitlines() if "held out" in line] == [
        line for line in text.splitlines() if "Clueless " in line
    ]
    assert "why the first: cyd likes " in text or "why the first: mostly" in text
    assert text.splitlines()[-1] == f"Report: {run / 'report.html'}"
