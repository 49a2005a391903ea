"""Files to a first mapping and job."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kg.errors import InputError
from kg.files import write_file
from kg.progress import progress
from kg.start.domains import plan_domains
from kg.start.files import look_at
from kg.start.interactions import Context
from kg.start.job import write_job
from kg.start.plan import LeftOut, Plan
from kg.start.rdf_plan import plan_rdf
from kg.start.rdf_sample import RdfSample
from kg.start.table_sample import Table, sample_table
from kg.start.tables import ITEM, USER, Planner
from kg.start.write import write_mapping

MAPPING, JOB = "mapping.toml", "job.toml"


@dataclass(frozen=True)
class Start:
    """The texts of a first mapping and job, and what they are made of."""

    mapping: str
    job: str
    plan: Plan


def look(paths: Sequence[Path], folder: Path) -> Start:
    """Look at samples of files and return a mapping and a job that would be in `folder`.

    Raises:
        InputError: a file is missing or damaged, or none of them can be read.
    """
    plan = Plan()
    tables, rdf = _samples(paths, plan)
    if not tables and not rdf.files:
        why = "; ".join(f"{out.path}: {out.why}" for out in plan.left_out)
        raise InputError(f"no file that can be imported: {why or 'none was named'}")
    context = Context(tables, rdf)
    planner = Planner(context, plan)
    planner.place()
    plan_rdf(context, planner, plan)
    plan_domains(planner, plan)
    plan.missing = _missing(plan)
    return Start(write_mapping(plan, folder), write_job(plan, folder, MAPPING), plan)


def start(paths: Sequence[Path], folder: Path, *, force: bool = False) -> Start:
    """Write `mapping.toml` and `job.toml` for some files into a folder.

    Raises:
        InputError: as `look`; or one of the two is there already and `force` is not given.
    """
    for name in (MAPPING, JOB):
        if (folder / name).exists() and not force:
            raise InputError(f"{folder / name} exists: --force overwrites it, --out names a folder")
    found = look(paths, folder)
    for name, text in ((MAPPING, found.mapping), (JOB, found.job)):
        with write_file(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    return found


def _samples(paths: Sequence[Path], plan: Plan) -> tuple[list[Table], RdfSample]:
    tables: list[Table] = []
    rdf = RdfSample()
    with progress("looking", total=len(paths)) as bar:
        for path in dict.fromkeys(paths):
            file = look_at(path)
            if file.problem or file.format is None:
                plan.left_out.append(LeftOut(path, file.problem))
            elif file.rdf:
                rdf.add(file)
            else:
                tables.append(sample_table(file))
            bar.advance(note=path.name)
    plan.left_out += [LeftOut(file.path, why) for file, why in rdf.problems]
    return tables, rdf


def _missing(plan: Plan) -> str:
    if not any(edges.src.type == USER and edges.dst.type == ITEM for edges in plan.edges):
        return "no file says who used what: a table with a column of users and one of items"
    types = {nodes.type for nodes in plan.nodes}
    types |= {rule.type for rule in plan.rdf.classes} if plan.rdf else set()
    if ITEM not in types:
        return "nothing says which nodes are items: a table of them, or a class in [rdf.types]"
    return ""
