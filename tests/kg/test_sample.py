from rich.console import Console

from kg.sample import render_sample


def test_a_sample_shows_the_first_nodes_and_edges(write, run):
    write("items.csv", "id,title,year\nb1,Emma [a novel],1815\nb2,Dune,\nb3,,\nb4,,\n")
    write("likes.csv", "user,item\nann,b1\n")
    imported = run(
        '[[nodes]]\nfile = "items.csv"\ntype = "item"\nid = "id"\ntext = "title"\n'
        'domain = "books"\nattributes = ["year"]\n'
        '[[edges]]\nfile = "likes.csv"\nrelation = "interacts"\n'
        'src = { type = "user", column = "user", create = true }\n'
        'dst = { type = "item", column = "item" }\n'
    )
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render_sample(imported.graph, k=3))
    shown = capture.get()
    assert "Emma [a novel]" in shown
    assert "year = 1815.0" in shown
    assert "b3" in shown
    assert "b4" not in shown
    assert "user ann" in shown
