"""Names of columns and files to words, and what such words usually mean."""

import re


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


USER = _set(
    """
    user users customer customers member members reader readers person people reviewer
    account visitor session client listener viewer subscriber patron uid userid player
    student buyer consumer borrower usr
    """
)
ITEM = _set(
    """
    item items product products article articles movie movies film films book books track
    tracks song songs artist artists album albums asin sku isbn recipe recipes game games
    restaurant restaurants business businesses course courses job jobs news video videos
    work works iid itemid movieid bookid listing app apps paper papers podcast podcasts
    show shows venue poi hotel hotels place event goods
    """
)
TIME = _set(
    """
    time timestamp date day datetime created updated at ts when position order seq
    sequence year month week start started played viewed purchased rated reviewed utc
    epoch
    """
)
WEIGHT = _set(
    """
    rating ratings stars star score scores weight count counts plays playcount quantity
    qty listens clicks views amount strength value frequency
    """
)
TITLE = _set("title name label headline caption titel nom nombre")
TEXT = _set(
    """
    description desc abstract summary text comment comments overview plot synopsis content
    body review tags keywords features about details blurb subtitle tagline
    """
)
DOMAIN = _set(
    """
    domain shop store market marketplace vertical section catalogue catalog medium media
    department site channel
    """
)
PART = _set("part split fold subset partition set")
PARTS = _set(
    """
    train training valid val validation dev test testing holdout heldout tune tuning
    """
)
IDENTIFIER = _set(
    """
    id ids uri iri url key code number no nr uuid guid asin isbn sku ean gtin barcode
    identifier token
    """
)
INTERACTION_FILE = _set(
    """
    interaction interactions inter rating ratings event events review reviews purchase
    purchases click clicks view views play plays order orders transaction transactions
    history log logs listens likes favorites favourites bookings loans checkins behavior
    behaviors behaviour behaviours feedback sessions train test valid data
    """
)
GENERIC_FILE = _set(
    """
    item items product products catalogue catalog metadata meta entity entities node nodes
    data table file csv tsv jsonl parquet list all info the
    """
)


def words(name: str) -> list[str]:
    """Return the words of a name, lower case.

    >>> words("movieId"), words("ITEM_ID:token"), words("cold-users-in-food")
    (['movie', 'id'], ['item', 'id'], ['cold', 'users', 'in', 'food'])
    """
    plain = re.sub(r":(token|float|token_seq|float_seq)$", "", name)
    return [
        found.lower()
        for found in re.findall(r"[^\W\d_A-Z]+|[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+", plain)
    ]


def says(name: str, meaning: frozenset[str]) -> bool:
    """Return whether a word of `name` is one of `meaning`."""
    return not meaning.isdisjoint(words(name))


def singular(word: str) -> str:
    """Return the singular of an English plural, roughly.

    >>> singular("categories"), singular("artists"), singular("boxes"), singular("news")
    ('category', 'artist', 'box', 'news')
    """
    if word == "news" or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and word not in ("movies", "series"):
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and word != "series" else word


def type_name(name: str) -> str:
    """Return a node type or relation name made of a column, file or class name.

    >>> type_name("author_id"), type_name("ProductBrand"), type_name("Authors")
    ('author', 'product_brand', 'author')
    """
    kept = [word for word in words(name) if word not in IDENTIFIER] or words(name) or ["entity"]
    return "_".join([*kept[:-1], singular(kept[-1])])


def domain_name(file: str) -> str:
    """Return a name for what all rows of a file are, made of the file's name.

    >>> domain_name("ratings_books"), domain_name("Ratings")
    ('books', 'ratings')
    """
    found = words(file)
    kept = [word for word in found if word not in GENERIC_FILE | INTERACTION_FILE]
    return "-".join(kept) or "-".join(found) or "items"
