"""A first job about the mapping: which domain to recommend in, and what is known from the rest."""

from pathlib import Path

from kg.start import words
from kg.start.files import stem
from kg.start.plan import Plan
from kg.start.write import path_name, quoted


def write_job(plan: Plan, folder: Path, mapping: str) -> str:
    """Return the text of a job file in `folder`, beside the mapping of that name."""
    target, cold = _target(plan)
    others = [name for name in plan.domains if name != target]
    name = words.words(folder.absolute().name)
    lines = [
        "# What to learn and what to recommend. `isthmus run JOB` does all of it.",
        f"name = {quoted('-'.join(name) or 'first')}",
        "",
        "[graph]",
        f"mapping = {quoted(mapping)}",
        "",
        "[task]",
    ]
    counts = ", ".join(f"{name} about {count:,}" for name, count in list(plan.domains.items())[:10])
    lines.append(f"target = {quoted(target)}  # the domain to recommend in; items: {counts}")
    if others:
        lines.append(f"sources = [{', '.join(map(quoted, others))}]")
    else:
        lines.append('protocols = "warm"  # cold starts are asked where there are two domains')
    for key, path in cold.items():
        lines.append(f"{key} = {quoted(path_name(path, folder))}")
    left = [p for p in (*plan.cold_users, *plan.cold_items) if p not in cold.values()]
    lines += [f"# of another target: {path_name(path, folder)}" for path in left]
    return "\n".join(lines) + "\n"


def _target(plan: Plan) -> tuple[str, dict[str, Path]]:
    """Return the smallest domain that most tables of cold nodes are named after, and those tables.

    The smallest has the most to gain from the others.
    """
    smallest_first = list(plan.domains)[::-1] or ["items"]
    found = {domain: _cold_files(plan, domain) for domain in smallest_first}
    target = max(smallest_first, key=lambda domain: len(found[domain]))
    return target, found[target] if len(plan.domains) > 1 else {}


def _cold_files(plan: Plan, domain: str) -> dict[str, Path]:
    cold = {}
    for key, paths in (("cold_users", plan.cold_users), ("cold_items", plan.cold_items)):
        named = [path for path in paths if set(words.words(domain)) <= set(words.words(stem(path)))]
        if len(named) == 1:
            cold[key] = named[0]
    return cold
