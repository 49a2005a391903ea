"""Simulate people who read the books and watch the films of catalogue.ttl.

No real person is behind a row of interactions.csv. Every simulated person gets one taste, and it
holds in both domains: that is what can be carried from books to films.

- A taste is a distribution over genres, one over eras and one over countries, each drawn from a
  Dirichlet distribution centred on the catalogue, plus a few favourite authors and directors.
- Works differ in popularity by a power law; a film is about as popular as the book it adapts.
- A person picks works by `exp(popularity + taste)`, without repetition. Having loved a book makes
  its film likelier; the film is then seen after the book was read.
- Some people are active in both domains, the others in one. They rate what they pick, better
  where it suits their taste.

The same seed gives the same file, byte for byte:

    python simulate.py --seed 7 --people 900 --out interactions.csv
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyoxigraph

FOLDER = Path(__file__).parent
CATALOGUE = FOLDER / "catalogue.ttl"
COLUMNS = ("person", "work", "domain", "rating", "day")

EX = "https://example.org/vocabulary/"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
DOMAINS = {"Book": "books", "Film": "films"}
ERAS = (1900, 1945, 1970, 1990, 2005)  # first years of all eras but the earliest

BOTH = 0.45  # share of people who are active in both domains
ACTIVITY = (5, 25)  # fewest and most works of a person in a domain
DAYS = 730
POPULARITY_SLOPE = 0.65  # popularity falls with rank to the power of this
TASTE = {"genre": 1.8, "era": 0.8, "country": 0.7}  # weight of each part of a taste
SPREAD = {"genre": 2.0, "era": 3.0, "country": 4.0}  # Dirichlet concentration; lower is pickier
FAVOURITE = 1.6  # weight of a favourite author or director
LOVED_BOOK = 2.0  # added to the film of a book rated 4 or 5

FIRST_NAMES = """
Ada Adaeze Ahmed Aiko Aino Alejandra Amara Amina Anahera Ananya Anders Andrzej Anh Aroha Arjun
Astrid Aylin Babak Beatriz Bilal Birgit Bo Carlos Chiara Chidi Clara Dagmar Daniel Dariusz Deepa
Diego Dilnoza Dimitra Efua Eilidh Elena Elif Emre Esi Esther Fatima Felix Fiona Francesca Freya
Gabriel Giorgos Grace Gustav Hana Hassan Helga Hiroshi Ines Ingrid Isaac Itziar Ivan Jamal Jana
Javier Jin Joana Jorge Kaito Kamala Karim Katarina Kofi Kwame Lars Laszlo Layla Leila Lena Liam
Linh Lucia Maarten Mahmoud Maja Malika Marek Mariam Marisol Mateo Mei Mihai Milena Minjun Miriam
Mohan Nadia Naoko Ngozi Niamh Nikolai Nuria Obinna Olga Omar Oskar Paloma Parisa Pedro Petra
Priya Quentin Rafael Rana Ravi Renata Rosa Ruth Salma Samir Sanna Sara Sione Siobhan Sofia Soyeon
Stefan Sunil Svetlana Tadeusz Takeshi Tamar Tariq Tereza Thabo Thandiwe Tomas Tove Uma Valentina
Vera Viktor Wanjiru Wei Wiremu Ximena Yara Yasmin Yosef Yuki Zainab Zanele Zeynep Zhen Zofia
"""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Works:
    """The books and films of the catalogue, sorted by id.

    Attributes:
        ids: prefixed names such as `book:Dune`, `[num_works]`.
        domains: `books` or `films`, `[num_works]`.
        features: shares of each genre, era and country in a work, `[num_works, num_values]` each.
        creators: 0/1, who wrote or directed it or the book behind it, `[num_works, num_people]`.
        book: row of the book that a film adapts, -1 where there is none.
    """

    ids: list[str]
    domains: npt.NDArray[np.str_]
    features: dict[str, Floats]
    creators: Floats
    book: npt.NDArray[np.int64]


def read_works(path: Path = CATALOGUE) -> Works:
    """Read books and films from the Turtle file."""
    facts: dict[str, dict[str, list[str]]] = {}
    for subject, predicate, value, _ in pyoxigraph.parse(path=path):
        name = predicate.value.removeprefix(EX)
        facts.setdefault(subject.value, {}).setdefault(name, []).append(value.value)
    kind_of = {iri: DOMAINS.get(fact[RDF_TYPE][0].removeprefix(EX)) for iri, fact in facts.items()}
    iris = sorted(iri for iri, kind in kind_of.items() if kind)
    works = [facts[iri] for iri in iris]
    row = {iri: i for i, iri in enumerate(iris)}
    book = [row[work["based_on"][0]] if "based_on" in work else -1 for work in works]
    makers = [set(work.get("author", []) + work.get("director", [])) for work in works]
    makers = [own | (makers[b] if b >= 0 else set()) for own, b in zip(makers, book, strict=True)]
    era = [[int(np.searchsorted(ERAS, int(work["year"][0]), side="right"))] for work in works]
    return Works(
        ids=[":".join(iri.rsplit("/", 2)[1:]) for iri in iris],
        domains=np.array([kind_of[iri] for iri in iris]),
        features={
            "genre": _shares([work["genre"] for work in works]),
            "era": _shares(era),
            "country": _shares([work.get("country", []) for work in works]),
        },
        creators=(_shares(makers) > 0).astype(float),
        book=np.array(book),
    )


def _shares(values: list) -> Floats:
    """Return one row per work that spreads 1 over its values (all 0 where it has none)."""
    known = {value: i for i, value in enumerate(sorted({v for row in values for v in row}))}
    shares = np.zeros((len(values), len(known)))
    for i, row in enumerate(values):
        for value in row:
            shares[i, known[value]] = 1 / len(row)
    return shares


def draw_popularity(works: Works, rng: np.random.Generator) -> Floats:
    """Return the log popularity of each work: a power law within each domain."""
    luck = rng.standard_normal(len(works.ids))
    adapted = works.book >= 0
    luck[adapted] = 0.8 * luck[works.book[adapted]] + 0.6 * luck[adapted]
    popularity = np.empty(len(luck))
    for domain in DOMAINS.values():
        rows = np.flatnonzero(works.domains == domain)
        order = rows[np.argsort(-luck[rows])]
        popularity[order] = -POPULARITY_SLOPE * np.log(np.arange(len(order)) + 3)
    return popularity


def draw_taste(works: Works, rng: np.random.Generator) -> Floats:
    """Return how much one person is drawn to each work, `[num_works]`, about 0 on average."""
    taste = np.zeros(len(works.ids))
    for name, shares in works.features.items():
        usual = shares.mean(axis=0) / shares.mean(axis=0).sum()
        own = rng.dirichlet(SPREAD[name] * usual)
        taste += TASTE[name] * shares @ np.log((own + 0.02) / (usual + 0.02))
    # favourites are people whose works this person would like anyway
    appeal = works.creators.T @ np.exp(taste)
    number = rng.integers(0, 5)
    favourites = rng.choice(len(appeal), size=number, replace=False, p=appeal / appeal.sum())
    taste += FAVOURITE * (works.creators[:, favourites].sum(axis=1) > 0)
    return taste - taste.mean()


def pick(utility: Floats, rows: npt.NDArray[np.int64], rng: np.random.Generator) -> list[int]:
    """Return some of `rows`, likelier where utility is high, none twice.

    Adding Gumbel noise and taking the largest is drawing by `exp(utility)` without replacement.
    """
    low, high = ACTIVITY
    number = min(high, low + int(rng.gamma(1.6, 4.0)))
    noisy = utility[rows] + rng.gumbel(size=len(rows))
    return rows[np.argsort(-noisy)[:number]].tolist()


def follow(
    works: Works, popularity: Floats, reads: bool, watches: bool, rng: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Return (work, rating, day) of everything that one person read and watched, by day."""
    taste = draw_taste(works, rng)
    rating = 3.5 + 0.4 * taste / taste.std() + rng.normal(0, 0.6, len(taste))
    rating = np.clip(np.rint(rating), 1, 5).astype(int)
    first = int(rng.integers(0, DAYS // 2))
    utility = popularity + taste
    day: dict[int, int] = {}
    if reads:
        for work in pick(utility, np.flatnonzero(works.domains == "books"), rng):
            day[work] = int(rng.integers(first, DAYS))
        loved = [work for work in day if rating[work] >= 4]
        utility = utility + LOVED_BOOK * np.isin(works.book, loved)
    if watches:
        for work in pick(utility, np.flatnonzero(works.domains == "films"), rng):
            day[work] = int(rng.integers(day.get(int(works.book[work]), first), DAYS))
    return [(work, int(rating[work]), day[work]) for work in sorted(day, key=lambda w: (day[w], w))]


def simulate(works: Works, num_people: int, seed: int) -> list[tuple[str, str, str, int, int]]:
    """Return the rows of interactions.csv, by person and day."""
    rng = np.random.default_rng(seed)
    popularity = draw_popularity(works, rng)
    names = FIRST_NAMES.lower().split()
    one = (1 - BOTH) / 2  # share of people who only read, and of those who only watch
    rows = []
    for number in range(1, num_people + 1):
        person = f"{names[rng.integers(len(names))]}-{number:03d}"
        where = rng.random()
        history = follow(works, popularity, where >= one, where < 1 - one, rng)
        rows += [
            (person, works.ids[work], str(works.domains[work]), rating, day)
            for work, rating, day in history
        ]
    return rows


def write_interactions(out: Path, *, num_people: int = 900, seed: int = 7) -> None:
    """Simulate and write the CSV file."""
    rows = simulate(read_works(), num_people, seed)
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def main() -> None:
    """Parse the command line and write the file."""
    parser = argparse.ArgumentParser(description="Simulate people who read books and watch films.")
    parser.add_argument("--seed", type=int, default=7, help="of everything random (default 7)")
    parser.add_argument("--people", type=int, default=900, help="how many (default 900)")
    parser.add_argument("--out", type=Path, default=FOLDER / "interactions.csv")
    options = parser.parse_args()
    write_interactions(options.out, num_people=options.people, seed=options.seed)


if __name__ == "__main__":
    main()
