import pyarrow.parquet as pq
import pytest

from kg.errors import ConfigError, InputError
from kg.importer import import_graph
from kg.privacy.crosswalk import read_crosswalk
from kg.privacy.pseudonyms import pseudonyms
from kg.rejects import RejectLimit
from kg.store import load_graph, load_imported, save_graph

KEY = b"a key that nobody knows but us"

MAPPING = """
[pseudonymise]
types = "user"
key_file = "users.key"

[[nodes]]
file = "items.csv"
type = "item"
id = "id"
domain_column = "domain"
text = ["title", "about"]

[[nodes]]
file = "users.csv"
type = "user"
id = "id"
title = "name"
text = "about"
attributes = ["age", "mail"]

[[nodes]]
file = "more.jsonl"
type = "user"
id = "id"

[[edges]]
file = "likes.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true }
dst = { type = "item", column = "item" }
weight = "stars"

[[edges]]
file = "follows.csv"
relation = "follows"
src = { type = "user", column = "from" }
dst = { type = "user", column = "to" }

[[rdf]]
file = ["knows.nt", "more.ttl"]
name_from_iri = true
prefixes = { ex = "http://example.org/" }
nodes = [{ prefix = "http://example.org/user/", type = "user" }]
"""
PLAIN = MAPPING[MAPPING.index("[[nodes]]") :]  # hides nobody
FILES = {
    "users.key": KEY,
    "items.csv": (
        "id,domain,title,about\nb1,books,Emma,write to jane@example.org\nf1,films,Alien,\n"
    ),
    "users.csv": (
        "id,name,about,age,mail\n"
        "ann.secret,Ann A.,reads,30,ann.secret@example.org\n"
        "bob.secret,bob.secret,call +49 30 901820,40,\n"
        "ann.secret,Other,reads,30,\n"  # said otherwise
        "eve.secret,too,many,fields,of,eve.secret\n"
    ),
    "more.jsonl": '{"id": "joe.secret"}\n{"id": "kim.secret"\n["lea.secret"]\n',
    "likes.csv": (
        "user,item,stars\nann.secret,b1,4\nann.secret,f1,5\nbob.secret,b1,2\n"
        "joe.secret,nowhere,1\neve.secret,b1,many\nkim.secret,f1,3\nlea.secret,b1,1,eve.secret\n"
        '"lea.secret,b1,1\n'
    ),
    "follows.csv": "from,to\nann.secret,bob.secret\nann.secret,nobody.secret\n",
    "knows.nt": (
        "<http://example.org/user/ann.secret> <http://example.org/knows>"
        " <http://example.org/user/bob.secret> .\n"
        "<http://example.org/user/eve.secret> <http://example.org/knows>"
        " <http://example.org/user/bob.secret> .\n"
        "<http://example.org/user/eve.secret> eve.secret .\n"
    ),
    "more.ttl": (
        "@prefix ex: <http://example.org/> .\n"
        "ex:club ex:has <http://example.org/user/ann.secret> .\n"
        "<http://example.org/user/bob.secret>"
        " <http://www.w3.org/2000/01/rdf-schema#label> 'bob.secret' .\n"
    ),
}


@pytest.fixture
def files(write):
    """Write the example, with some files replaced, and return the mapping."""

    def make(mapping=MAPPING, **replaced):
        for name, content in {**FILES, **replaced}.items():
            write(name, content)
        return write("mapping.toml", mapping)

    return make


def traces(folder):
    """Return what there is to find in a folder: raw bytes, and Parquet unpacked."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()
        if path.suffix == ".parquet":
            yield path.name, str(pq.read_table(path).to_pydict()).encode()


def leaks(folder, words=("secret", "Ann A.", "a key")):
    return [
        (name, word) for name, data in traces(folder) for word in words if word.encode() in data
    ]


def test_no_byte_of_the_graph_folder_has_an_id(files, tmp_path):
    save_graph(import_graph(files()), tmp_path / "graph")
    assert leaks(tmp_path / "graph") == []
    ids = load_graph(tmp_path / "graph").users.vocab.ids.to_pylist()
    assert set(pseudonyms(["ann.secret", "bob.secret", "kim.secret"], "user", KEY)) <= set(ids)
    assert leaks(tmp_path / "graph", ids[:1])  # what is there would be found


def test_rows_are_accounted_for_as_ever(files):
    imported = import_graph(files())
    plain = import_graph(files(PLAIN))
    counts = [
        [(a.file, a.rows, a.loaded, a.rejected, a.merged, a.ignored) for a in some.accounts]
        for some in (imported, plain)
    ]
    assert counts[0] == counts[1]
    assert imported.rejects["line"].to_pylist() == plain.rejects["line"].to_pylist()
    assert set(imported.rejects["raw"].to_pylist()) == {"(withheld)"}
    assert {len(some.graph.users) for some in (imported, plain)} == {len(imported.graph.users)}
    edges = [{k: len(e) for k, e in some.graph.edges.items()} for some in (imported, plain)]
    assert edges[0] == edges[1]


def test_tables_and_rdf_meet_in_one_person(files):
    graph = import_graph(files()).graph
    ann, bob = graph.users.vocab.index(pseudonyms(["ann.secret", "bob.secret"], "user", KEY))
    for relation in ("follows", "knows"):
        edges = graph.edges["user", relation, "user"]
        assert (ann, bob) in zip(edges.src.tolist(), edges.dst.tolist(), strict=True)
    assert graph.users.domains[ann].tolist() == [True, True]  # books and films


def test_nothing_is_kept_of_persons_but_what_is_named(files):
    users = import_graph(files()).graph.users
    assert set(users.title.to_pylist()) == set(users.text.to_pylist()) == {""}
    assert users.attributes.column_names == []


def test_what_is_kept_is_scrubbed_and_is_not_the_id(files, tmp_path):
    keep = 'key_file = "users.key"\nkeep = ["title", "text", "age", "mail"]'
    mapping = files(MAPPING.replace('key_file = "users.key"', keep))
    imported = import_graph(mapping)
    save_graph(imported, tmp_path / "graph")
    assert leaks(tmp_path / "graph", ("secret", "901820")) == []
    users = imported.graph.users
    ann, bob = users.vocab.index(pseudonyms(["ann.secret", "bob.secret"], "user", KEY))
    assert (users.title[ann].as_py(), users.title[bob].as_py()) == ("Ann A.", "")
    assert users.text[bob].as_py() == "call [phone]"
    assert users.attributes.to_pydict()["mail"][ann] == "[e-mail]"
    assert users.attributes.to_pydict()["age"][ann] == 30


def test_texts_are_scrubbed_where_the_mapping_says(files, tmp_path):
    imported = import_graph(files("[scrub]\nitem = 'text'\n" + MAPPING))
    assert imported.graph.items.text.to_pylist() == ["Emma. write to [e-mail]", "Alien"]
    save_graph(imported, tmp_path / "graph")
    assert leaks(tmp_path / "graph", ("jane@",)) == []
    with pytest.raises(ConfigError, match=r"scrub.item: no fact 'txt' \(there are title, text\)"):
        import_graph(files("[scrub]\nitem = 'txt'\n" + MAPPING))


def test_rejects_of_scrubbed_texts_are_withheld(files, tmp_path):
    bad = FILES["items.csv"] + "b2,books,Dune,frank@example.org,more\n"
    imported = import_graph(files("[scrub]\nitem = 'text'\n" + PLAIN, **{"items.csv": bad}))
    assert "frank" not in str(imported.rejects.to_pydict())


def test_the_crosswalk_is_written_aside_for_its_owner(files, tmp_path):
    mapping = files(MAPPING.replace("types =", 'crosswalk = "private/users.csv"\ntypes ='))
    imported = import_graph(mapping)
    path = tmp_path / "private" / "users.csv"
    assert not path.exists()  # nothing is written before the graph is
    save_graph(imported, tmp_path / "graph")
    assert leaks(tmp_path / "graph") == []
    assert path.stat().st_mode & 0o777 == 0o600
    rows = read_crosswalk(path).to_pylist()
    users = imported.graph.users.vocab.ids.to_pylist()
    assert sorted(row["pseudonym"] for row in rows) == sorted(users)
    ids = ["ann.secret", "bob.secret", "joe.secret", "kim.secret"]
    assert [row["id"] for row in rows] == ids
    assert [row["pseudonym"] for row in rows] == pseudonyms(ids, "user", KEY)
    assert "secret" not in repr(imported)


def test_the_crosswalk_never_lies_in_the_graph(files, tmp_path):
    mapping = files(MAPPING.replace("types =", 'crosswalk = "graph/users.csv"\ntypes ='))
    with pytest.raises(ConfigError, match="is in the graph folder"):
        save_graph(import_graph(mapping), tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_a_crosswalk_in_the_graph_is_refused_before_a_row_is_read(files, tmp_path):
    mapping = files(MAPPING.replace("types =", 'crosswalk = "graph/users.csv"\ntypes ='))
    (tmp_path / "items.csv").unlink()
    with pytest.raises(ConfigError, match=r"users\.csv is in the graph folder"):
        import_graph(mapping, out=tmp_path / "graph")


def test_a_fact_to_keep_that_nobody_has_is_refused(files):
    mapping = files(MAPPING.replace("types =", 'keep = ["titel"]\ntypes ='))
    with pytest.raises(ConfigError, match=r"keep: no fact 'titel', did you mean .title"):
        import_graph(mapping)


def test_no_crosswalk_is_written_unless_asked_for(files, tmp_path):
    before = set(files().parent.iterdir())
    imported = import_graph(tmp_path / "mapping.toml")
    assert imported.crosswalk is None
    save_graph(imported, tmp_path / "graph")
    assert set(tmp_path.iterdir()) - before == {tmp_path / "graph"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("more.ttl", "<http://example.org/a> <http://example.org/b> ann.secret .\n"),
        ("more.ttl", "<http://example.org/a> <http://example.org/b> secret:ann .\n"),
        ("likes.csv", "ann.secret,b1,4\nbob.secret,b1,2\n"),  # no header
        ("follows.csv", "ann.secret,bob.secret\n"),
        ("users.csv", "ann.secret,ann.secret\n"),
    ],
)
def test_errors_quote_nothing(files, name, content):
    with pytest.raises(InputError) as caught:
        import_graph(files(**{name: content}))
    assert "secret" not in str(caught.value)
    assert name in str(caught.value)
    with pytest.raises(InputError, match="secret"):  # where nothing is to be hidden, they do
        import_graph(files(PLAIN, **{name: content}))


def test_a_strict_import_quotes_nothing(files):
    with pytest.raises(InputError, match=r"users\.csv, line \d") as caught:
        import_graph(files(), limit=RejectLimit(count=0))
    assert "secret" not in str(caught.value)


def test_an_exported_graph_is_not_hidden_silently(write):
    for section in ('[pseudonymise]\ntypes = "user"\nkey_env = "K"', "[scrub]\nitem = 'text'"):
        mapping = write("mapping.toml", section + '\n[exported]\nfile = "graph.nq"\n')
        with pytest.raises(ConfigError, match="takes no other section"):
            import_graph(mapping)


def test_id_spaces_come_before_pseudonyms(files, tmp_path):
    spaces = """
[[crosswalk]]
file = "same.csv"
type = "user"
spaces = { shop = "shop", library = "library" }

[[edges]]
file = "loans.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true, space = "library" }
dst = { type = "item", column = "item" }

[[edges]]
file = "sales.csv"
relation = "interacts"
src = { type = "user", column = "user", create = true, space = "shop" }
dst = { type = "item", column = "item" }
"""
    tables = {
        "same.csv": "shop,library\ns1.secret,l1.secret\n,\n",
        "loans.csv": "user,item\nl1.secret,b1\n",
        "sales.csv": "user,item\ns1.secret,f1\n",
    }
    plain = import_graph(files(PLAIN.split("[[edges]]")[0] + spaces, **tables))
    hidden = import_graph(files(MAPPING.split("[[edges]]")[0] + spaces, **tables))
    assert len(hidden.graph.users) == len(plain.graph.users)
    (both,) = [node for node in plain.graph.users.vocab.ids.to_pylist() if ":" in node]
    assert pseudonyms([both], "user", KEY)[0] in hidden.graph.users.vocab
    save_graph(hidden, tmp_path / "graph")
    assert leaks(tmp_path / "graph") == []


def test_prefix_rules_may_not_show_ids_as_another_type(files):
    mapping = MAPPING.replace('type = "user" }]', 'type = "user", otherwise = "entity" }]')
    with pytest.raises(ConfigError, match="would show ids of 'user'"):
        import_graph(files(mapping))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'types = "user"',
            'types = "usr"',
            r"pseudonymise.types: node type 'usr' is never defined",
        ),
        ('types = "user"', "types = []", "types is empty"),
        ('key_file = "users.key"', "", "give either key_file or key_env"),
        ('key_file = "users.key"', 'key_file = "no.key"', "no.key cannot be read"),
        ('key_file = "users.key"', 'key_env = "NO_SUCH_KEY"', "set the environment variable"),
    ],
)
def test_wrong_settings_are_told(files, old, new, message):
    with pytest.raises(InputError, match=message):
        import_graph(files(MAPPING.replace(old, new)))


def test_a_graph_says_which_ids_are_pseudonyms_and_not_by_which_key(files, tmp_path):
    save_graph(import_graph(files()), tmp_path / "graph")
    assert list(load_imported(tmp_path / "graph").pseudonyms) == ["user"]
    assert leaks(tmp_path / "graph", (KEY.decode(), KEY.hex())) == []
