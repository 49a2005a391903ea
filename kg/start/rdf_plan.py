"""RDF to its section: labels, texts, attributes, classes, and IRIs that tables name."""

from kg.rdf.names import local_name
from kg.rdf.prefixes import DEFAULT_PREFIXES
from kg.start import words
from kg.start.columns import Column
from kg.start.interactions import Context
from kg.start.links import IriLink
from kg.start.node_columns import clip
from kg.start.plan import ClassPlan, NamespacePlan, NodePlan, Plan, RdfPlan
from kg.start.rdf_sample import Predicate, RdfSample
from kg.start.tables import ITEM, Planner

_LABELS = (
    "http://www.w3.org/2000/01/rdf-schema#label",
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "http://schema.org/name",
    "https://schema.org/name",
    "http://xmlns.com/foaf/0.1/name",
    "http://purl.org/dc/terms/title",
    "http://purl.org/dc/elements/1.1/title",
)
# what they say is about pages, pictures and other datasets, not about the things themselves
_NOISE = frozenset(
    (
        "sameAs",
        "depiction",
        "thumbnail",
        "isPrimaryTopicOf",
        "primaryTopic",
        "wikiPageWikiLink",
        "wasDerivedFrom",
        "wikiPageExternalLink",
        "wikiPageRedirects",
        "wikiPageUsesTemplate",
        "homepage",
        "seeAlso",
        "image",
    )
)
MOST_CLASSES = 40


def plan_rdf(context: Context, planner: Planner, plan: Plan) -> None:
    """Add the `[[rdf]]` section for all RDF files."""
    sample = context.rdf
    if not sample.files:
        return
    section = RdfPlan(sample=sample, prefixes=_prefixes(sample))
    plan.rdf = section
    _literals(section)
    items = _items(context, planner, section)
    _classes(section, items)


def _literals(section: RdfPlan) -> None:
    found = section.sample.predicates
    said = {iri: predicate for iri, predicate in found.items() if predicate.literals}
    section.title = [iri for iri in _LABELS if iri in said]
    section.ignore = sorted(
        iri for iri, p in found.items() if p.edges and local_name(iri) in _NOISE
    )
    for iri, predicate in sorted(said.items(), key=lambda pair: -pair[1].literals):
        if iri in section.title:
            continue
        column = _as_column(iri, predicate)
        named = words.says(local_name(iri), words.TITLE)
        if column.kind == "text" or words.says(local_name(iri), words.TEXT):
            section.text.append(iri)
        elif named and not section.title and column.kind == "word":
            section.title.append(iri)
        elif (
            column.kind in ("number", "date")
            or (column.kind == "integer" and not _codes(column))
            or (column.uniqueness <= 0.2 and column.kind == "word")
        ):
            section.attributes.append(iri)
        else:
            section.unused[iri] = (
                f"such as {clip(predicate.values[0])!r}" if predicate.values else ""
            )
    section.text = [*section.title, *section.text]
    section.name_from_iri = not section.title


def _as_column(iri: str, predicate: Predicate) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    safe = [value.encode("utf-8", "replace").decode() for value in predicate.values]
    values = pc.utf8_trim_whitespace(pa.array(safe, pa.string()))
    filled = values.filter(pc.not_equal(values, ""))
    return Column(local_name(iri), filled, len(predicate.values))


def _codes(column: Column) -> bool:
    return column.uniqueness > 0.95 and words.says(column.name, words.IDENTIFIER)


def _items(context: Context, planner: Planner, section: RdfPlan) -> set[str]:
    """Add rules for IRIs that tables name; return the items that no table of nodes has."""
    items: set[str] = set()
    for number, nodes in {**planner.nodes, **planner.named_by_interactions}.items():
        _namespaces(context, section, number, nodes)
    for one in planner.found:
        if any(r.table in planner.nodes for r in context.references[one.table][one.item]):
            continue
        link = context.iris[one.table][one.item]
        if link is not None:
            values = context.tables[one.table].columns[one.item].distinct.to_pylist()
            items.update(_whole(value, link, context.rdf) for value in values)
    return items


def _whole(value: str, link: IriLink, sample: RdfSample) -> str:
    if link.form == "whole":
        return value
    if link.form == "prefix":
        prefix, _, local = value.partition(":")
        return sample.prefixes.get(prefix, "") + local
    return next(iter(link.namespaces)) + value


def _namespaces(context: Context, section: RdfPlan, number: int, nodes: NodePlan) -> None:
    link = context.iris[number][nodes.id]
    if link is None or link.form == "prefix":
        return
    most = max(link.namespaces.values())
    for namespace, hits in sorted(link.namespaces.items()):
        if hits < most / 20 or any(rule.prefix == namespace for rule in section.namespaces):
            continue
        here = len(context.rdf.iris[namespace])
        section.namespaces.append(
            NamespacePlan(
                prefix=namespace,
                type=nodes.type,
                strip=link.form == "namespace",
                otherwise="entity",
                note=f"{hits:,} of {here:,} such IRIs that were seen are in the tables",
            )
        )


def _classes(section: RdfPlan, items: set[str]) -> None:
    sample = section.sample
    counts = sample.classes()
    of_items = {c: n for c, n in _count(sample, items).items() if items and n >= 0.01 * len(items)}
    every = [c for c, n in of_items.items() if n >= 0.9 * sum(of_items.values()) > n]
    kinds = [c for c in of_items if c not in every] or every
    for iri, count in counts.most_common():
        name = words.type_name(local_name(iri))
        if iri in kinds and len(kinds) <= 20:
            domain = name if len(kinds) > 1 else None
            section.classes.append(ClassPlan(iri, ITEM, domain, count))
        elif iri not in of_items:
            kept = f"{name}_node" if name in ("user", ITEM) else name
            section.classes.append(ClassPlan(iri, kept, None, count))
    section.classes.sort(key=lambda rule: rule.type != ITEM)
    del section.classes[MOST_CLASSES:]


def _count(sample: RdfSample, subjects: set[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for subject in subjects:
        for name in sample.class_of.get(subject, ()):
            counts[name] = counts.get(name, 0) + 1
    return counts


def _prefixes(sample: RdfSample) -> dict[str, str]:
    """Return the prefixes that the files declare, and others for vocabularies that they use."""
    known = set(DEFAULT_PREFIXES.values())
    found = {p: ns for p, ns in sorted(sample.prefixes.items()) if ns not in known}
    found = {p: ns for p, ns in found.items() if p not in DEFAULT_PREFIXES and p.isascii()}
    terms = [*sample.predicates, *sample.classes()]
    for namespace in sorted({iri[: len(iri) - len(local_name(iri))] for iri in terms}):
        if namespace and namespace not in known | set(found.values()):
            found.setdefault(_free_prefix(namespace, {*found, *DEFAULT_PREFIXES}), namespace)
    return found


def _free_prefix(namespace: str, taken: set[str]) -> str:
    said = [word for word in words.words(namespace) if word.isascii() and word.isalpha()]
    generic = {"http", "https", "www", "org", "com", "net", "ns", "ontology", "terms", "vocab"}
    name = next((word for word in reversed(said) if word not in generic), "ns")
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}{number}", number + 1
    return free
