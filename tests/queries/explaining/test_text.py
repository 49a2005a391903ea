import io
import json

from rich.console import Console

from queries.explaining.text import NOBODY, lines, print_explanation, reason
from queries.recommender import Recommender


def printed(explanation, **options):
    console = Console(file=io.StringIO(), width=100)
    print_explanation(console, explanation, **options)
    return console.file.getvalue()


def test_lines_tell_paths_then_parts_then_the_score(ranked):
    found = ranked("user-cold").explain("u00", "f03", limit=2)
    told = list(lines(found))
    assert told[0].startswith(f"{found.paths[0].share:4.0%}  u00 likes ")
    assert told[2].endswith(f"{found.num_paths - 2} more paths")
    middle = told.index("")
    assert told[-1].split()[0] == f"{found.score:.3f}"
    numbers = [float(line.split()[1 if "%" in line else 0]) for line in told[middle + 1 : -1]]
    assert abs(sum(numbers) - found.score) < 0.01


def test_the_reason_is_what_adds_most(ranked):
    recommender = ranked("user-cold")
    found = recommender.explain("u00", "f03", limit=50)
    best = max(found.paths, key=lambda path: path.contribution)
    assert reason(found).startswith(f'u00 likes "{best.nodes[1].title}"')


def test_there_is_always_a_reason(graph, bundle):
    recommender = Recommender(graph, bundle)
    assert reason(recommender.explain("dan", "f1")) == NOBODY
    assert NOBODY in lines(recommender.explain("dan", "f1"))
    for item in ("f1", "f2", "f3"):
        assert reason(recommender.explain("cyd", item))


def test_titles_are_not_markup_and_move_no_cursor(make_graph, bundle):
    titles = {"b1": "[red]Dune[/red] \x1b[2J\n[/]", "f1": "[bold]x"}
    graph = make_graph([("ada", "b1")], {"b1": "books", "f1": "films", "f2": "films"}, texts=titles)
    z = {"user": bundle.z["user"][:1], "item": bundle.z["item"][:3]}
    small = type(bundle)(z=z, item_bias=bundle.item_bias[:3], weights={}, about={})
    text = printed(Recommender(graph, small).explain("ada", "f1"), as_json=False)
    assert '"[red]Dune[/red] [2J [/]" (books)' in text
    assert '"[bold]x" (films)' in text
    assert "\x1b" not in text


def test_json_is_one_line_and_sums(ranked):
    found = ranked("item-cold").explain("u00", "f03")
    text = printed(found, as_json=True)
    assert text.count("\n") == 1
    told = json.loads(text)
    assert abs(sum(part["contribution"] for part in told["parts"]) - told["score"]) < 1e-4
    assert told["paths"][0]["path"] in "\n".join(lines(found))
