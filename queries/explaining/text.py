"""Explanations as lines of text, printed."""

import json
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from queries.explaining.explanation import Explanation
from queries.explaining.parts import ANY
from queries.explaining.path import name, render, telling

FEW = 3  # text neighbours that are named
FAINT = 0.005  # of all evidence: parts below are not told

NOBODY = "nothing is known about this user, so what is popular comes first"


def lines(explanation: Explanation) -> Iterator[str]:
    """Yield what people read: paths with their shares, then the parts that sum to the score."""
    for path in explanation.paths:
        yield f"{path.share:4.0%}  {render(path)}"
    more = explanation.num_paths - len(explanation.paths)
    if more > 0:
        ways = "path" if more == 1 else "paths"
        yield f"{explanation.remaining / explanation.evidence:4.0%}  {more:,} more {ways}"
    if not explanation.knows:
        yield NOBODY
    if explanation.neighbours:
        near = [f"{name(one.node)} {one.share:.0%}" for one in explanation.neighbours[:FEW]]
        near += [f"{len(explanation.neighbours) - FEW} more"] * (len(explanation.neighbours) > FEW)
        yield f"through texts near to it: {', '.join(near)}"
    yield ""
    told = 0.0
    for part in explanation.parts:
        if abs(part.share) >= FAINT:
            told += part.contribution
            lost = f" ({part.untraced:+.3f} of it on no path)" * (
                abs(part.untraced) > FAINT * explanation.evidence and part.on_paths
            )
            yield f"{part.share:4.0%}  {part.contribution:+9.3f}  {part.name}{lost}"
    anyway = next(part.contribution for part in explanation.parts if part.name == ANY)
    rest = explanation.score - told - anyway
    if abs(rest) >= 5e-4:
        yield f"{rest / explanation.evidence:4.0%}  {rest:+9.3f}  all else"
    yield f"      {anyway:+9.3f}  {ANY}"
    yield f"      {explanation.score:9.3f}  score of {name(explanation.item)}"


def reason(explanation: Explanation) -> str:
    """Return in one line why: the path that adds most, or what there is instead of one."""
    path = telling(explanation.paths)
    if path is not None:
        return render(path)
    if not explanation.knows:
        return NOBODY
    best = max(explanation.parts, key=lambda part: part.share)
    if best.share <= 0:
        return "nothing speaks for it more than for any item"
    return f"mostly {best.name}: nothing they know adds to it"


def print_explanation(console: Console, explanation: Explanation, *, as_json: bool) -> None:
    """Print an explanation, as lines or as JSON; titles are shown as they are, never as markup."""
    if as_json:
        shown = [json.dumps(explanation.to_json(), ensure_ascii=False)]
    else:
        shown = list(lines(explanation))
    for line in shown:
        console.print(Text(line), soft_wrap=True)
