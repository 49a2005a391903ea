"""The documentation says what the code does: settings, commands, links, laws, dependencies."""

import dataclasses
import json
import re
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

import isthmus
from kg.importer import import_graph
from kg.settings import build
from training.config import JobConfig

ROOT = Path(isthmus.__file__).parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
REQUIRED = "required"


def _settings(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key of a job with its default, as the documentation writes it."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        key, hint = prefix + field.name, hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from _settings(hint, key + ".")
        elif field.default_factory is not dataclasses.MISSING:
            yield key, f"`{json.dumps(field.default_factory())}`"
        elif field.default is dataclasses.MISSING:
            yield key, REQUIRED
        elif field.default is None:
            yield key, "none"
        else:
            default = str(field.default) if isinstance(field.default, Path) else field.default
            yield key, f"`{json.dumps(default)}`"


def _table_rows(page: str) -> dict[str, str]:
    """Return first cell -> second cell of the rows that begin with a key in code."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([a-z_]+(?:\.[a-z_]+)*)` \| (.*?) \|", text, flags=re.MULTILINE))


def test_every_setting_is_documented_with_its_default():
    assert _table_rows("jobs.md") == dict(_settings(JobConfig))


def test_defaults_on_the_page_of_the_model_are_those_of_the_code():
    known = dict(_settings(JobConfig))
    rows = {key: value for key, value in _table_rows("model.md").items() if "." in key}
    assert rows
    assert rows == {key: known[key] for key in rows}


def test_every_command_is_mentioned():
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    commands = typer.main.get_command(isthmus.app).commands
    assert [name for name in commands if f"isthmus {name}" not in text] == []


def test_every_command_that_is_mentioned_exists():
    commands = set(typer.main.get_command(isthmus.app).commands)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"^isthmus +([a-z]+)", text, flags=re.MULTILINE))
        assert named <= commands, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_every_law_names_tests_that_exist():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_file_of_the_rooms_is_described():
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for room in ("kg", "encoders", "gnn", "training", "queries", "commands"):
        section = text.split(f"### {room}:")[1].split("\n#")[0]
        inside = "**/*.py" if room == "encoders" else "*.py"
        files = [file.name for file in (ROOT / room).glob(inside) if file.stem != "__init__"]
        assert [name for name in files if f"`{name}`" not in section] == [], room


def test_every_dependency_says_why():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    wanted = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[><=\[; ]", name)[0] for name in wanted} - {project["name"]}
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_files_of_the_readme_work(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    mapping, job = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "mapping.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "items.csv").write_text(
        "id,title,shop\nb,Emma,books\nf,Clueless,films\n", encoding="utf-8"
    )
    (tmp_path / "ratings.csv").write_text("user,item,stars\nada,b,5\nada,f,4\n", encoding="utf-8")
    graph = import_graph(tmp_path / "mapping.toml").graph
    config = build(JobConfig, tomllib.loads(job))
    assert set(graph.domains) == {config.task.target, *config.task.sources}
    assert len(graph.interaction_edges) == 2
    lines = [line for line in (mapping + job).splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 20


def test_every_package_ships():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = ("kg", "encoders", "gnn", "training", "queries", "commands")
    folders = [init.parent for room in rooms for init in (ROOT / room).rglob("__init__.py")]
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert names == set(project["tool"]["setuptools"]["packages"])
