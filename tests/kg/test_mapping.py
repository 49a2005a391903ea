import re

import pytest

from kg.errors import ConfigError
from kg.mapping import ClassRule, read_mapping

NODES = '[[nodes]]\nfile = "items.csv"\ntype = "item"\nid = "id"\n'
EDGES = (
    '[[edges]]\nfile = "likes.csv"\nrelation = "interacts"\n'
    'src = { type = "user", column = "user", create = true }\n'
    'dst = { type = "item", column = "item" }\n'
)


def test_a_small_mapping_has_the_documented_defaults(write):
    path = write("sub/mapping.toml", NODES + EDGES)

    mapping = read_mapping(path)

    assert mapping.folder == path.parent
    assert mapping.nodes[0].file == ("items.csv",)
    assert mapping.nodes[0].text == ()
    assert mapping.edges[0].src.create
    assert not mapping.edges[0].dst.create
    interactions = mapping.interactions
    assert (interactions.user, interactions.relation, interactions.item) == (
        "user",
        "interacts",
        "item",
    )


def test_rdf_tables_become_rules(write):
    toml = (
        '[[rdf]]\nfile = ["a.ttl", "b.ttl"]\nrelations = { "ex:by" = "author" }\n'
        '[rdf.prefixes]\nex = "http://e/"\n[rdf.types]\n"ex:U" = { type = "user" }\n'
        '"ex:Book" = { type = "item", domain = "books" }\n'
        '[[rdf.nodes]]\nprefix = "http://e/p/"\ntype = "item"\notherwise = "product"\n'
    )

    rdf = read_mapping(write("m.toml", toml)).rdf[0]

    assert rdf.types["ex:Book"] == ClassRule(type="item", domain="books")
    assert rdf.relations == {"ex:by": "author"}
    assert rdf.nodes[0].otherwise == "product"
    assert rdf.nodes[0].strip


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (NODES.replace("id =", "ids =") + EDGES, r"nodes\[0\]\.ids'.* did you mean \"id\"\?"),
        (NODES + EDGES + "wieght = 'x'\n", r"edges\[0\]\.wieght'.* did you mean \"weight\"\?"),
        (NODES + EDGES.replace('"item", c', '"itme", c'), r"'itme' .*did you mean \"item\"\?"),
        (NODES + EDGES.replace(", create = true", ""), r"edges\[0\].src: node type 'user' is nev"),
        (EDGES, "no nodes"),
        (NODES, "no edges"),
        (NODES + "domain = 'a'\ndomain_column = 'b'\n" + EDGES, "either domain or domain_column"),
        (NODES + "delimiter = ', '\n" + EDGES, "delimiter must be one character"),
        ('folder = "/"\n' + NODES + EDGES, "unknown key 'folder'"),
        ("[[nodes]\n", "not valid TOML"),
    ],
)
def test_a_wrong_mapping_is_one_line_with_file_and_key(write, toml, message):
    path = write("m.toml", toml)

    with pytest.raises(ConfigError, match=message) as error:
        read_mapping(path)

    assert re.search(r"m\.toml", str(error.value))
    assert "\n" not in str(error.value)


def test_a_missing_mapping_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file: .*nowhere\.toml"):
        read_mapping(tmp_path / "nowhere.toml")
