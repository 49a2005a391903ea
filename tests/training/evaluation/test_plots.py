import itertools
import re
import warnings

import pytest

from training.evaluation.plots import curves, metric_bars, reliability, scatter

BARS = {
    "isthmus": {"mean": 0.04, "low": 0.03, "high": 0.05},
    "popularity": {"mean": 0.02, "low": 0.01, "high": 0.025},
}


def bar_ends(svg: str, colour: str) -> list[float]:
    """Return the widths of filled rectangles of a colour, in drawing units."""
    paths = re.findall(rf'<path d="([^"]+)"[^>]*fill: var\(--{colour}\)', svg)
    numbers = [[float(x) for x, _ in re.findall(r"([-\d.]+) ([-\d.]+)", path)] for path in paths]
    return [max(xs) - min(xs) for xs in numbers]


def test_bars_are_as_long_as_the_means_and_carry_their_values():
    svg = metric_bars("NDCG@10", BARS, "isthmus")
    (model,), (floor,) = bar_ends(svg, "model"), bar_ends(svg, "floor")
    assert model == pytest.approx(2 * floor)
    assert ">4.00<" in svg
    assert ">2.00<" in svg
    assert ">popularity<" in svg


@pytest.mark.parametrize(
    "svg",
    [
        metric_bars("m", BARS, "isthmus"),
        curves("c", {"loss": [(1, 2.0), (2, 1.0)], "part": [(1, 1.0)]}, "loss"),
        scatter("s", {"books": [[0, 1], [2, 3]], "films": [[1, 1]]}, ["books", "films"]),
        reliability("r", [(0.01, 0.02), (1, 0.5), (2, 0)]),
    ],
    ids=["bars", "curves", "scatter", "reliability"],
)
def test_colours_and_fonts_are_left_to_the_page(svg):
    assert svg.startswith("<svg ")
    assert svg.rstrip().endswith("</svg>")
    assert "var(--" in svg
    assert not re.search(r"(fill|stroke): #", svg)
    assert "font-family" not in svg
    assert "<style" not in svg
    assert "http" not in svg
    used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
    assert used <= set(re.findall(r'id="([^"]+)"', svg))


def test_names_are_text_not_markup_nor_mathematics():
    name = 'x <b>$a_1$</b> "quoted" 書'
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = metric_bars(name, {name: BARS["isthmus"]}, name)
    assert "<b>" not in svg
    assert '>x &lt;b&gt;$a_1$&lt;/b&gt; "quoted" 書</text>' in svg
    assert 'aria-label="x &lt;b&gt;$a_1$&lt;/b&gt; &quot;quoted&quot; 書' in svg


def test_each_domain_is_one_path_of_its_colour_with_every_point():
    points = {"books": [[0.0, 0.0]] * 3 + [[1.0, 2.0]], "films": [[0.5, 0.5]] * 2}
    svg = scatter("s", points, ["games", "books", "films"])
    paths = dict(re.findall(r'<path d="([^"]+)"[^>]*stroke: var\(--domain-(\d)\)', svg))
    strokes = {domain: path.count("M") for path, domain in paths.items()}
    assert strokes == {"1": 4, "2": 2}


def test_the_same_drawing_twice_and_ids_apart_between_drawings():
    assert metric_bars("a", BARS, "isthmus") == metric_bars("a", BARS, "isthmus")
    ids = [set(re.findall(r'id="([^"]+)"', metric_bars(m, BARS, "isthmus"))) for m in "ab"]
    assert ids[0]
    assert not ids[0] & ids[1]


@pytest.mark.parametrize(
    "series", [{}, {"loss": []}, {"loss": [(1, 0.5)]}, {"loss": [(1, 1.0), (2, 1.0)]}]
)
def test_few_points_still_give_a_drawing(series):
    assert curves("c", series, "loss").startswith("<svg ")


def test_labels_of_line_ends_do_not_overlap():
    series = {f"part {i}": [(1, 1.0), (2, 0.5 + 1e-4 * i)] for i in range(6)} | {"z": [(1, 0.0)]}
    svg = curves("c", series, "part 0")
    heights = sorted(float(y) for y, name in re.findall(r' y="([\d.]+)"[^>]*>(part \d)<', svg))
    assert len(heights) == 6
    assert min(b - a for a, b in itertools.pairwise(heights)) > 9
