import pytest

from kg.errors import ConfigError
from kg.mapping import GraphMapping, RdfFile
from kg.rdf.names import Compactor, local_name, readable_name, short_names
from kg.rdf.prefixes import expand, prefixes_of
from kg.tables.sections import EdgeFile, End

PREFIXES = {"ex": "http://e/", "deep": "http://e/deep/", "xe": "http://e/"}


def test_the_longest_namespace_makes_the_id():
    compact = Compactor(PREFIXES)
    assert compact("http://e/a") == "ex:a"
    assert compact("http://e/deep/a") == "deep:a"
    assert compact("http://other/a") == "http://other/a"
    assert compact("_:b1.1") == "_:b1.1"


def test_an_iri_that_looks_like_a_prefixed_name_is_not_mistaken_for_it():
    assert Compactor(PREFIXES)("ex:a") == "<ex:a>"


@pytest.mark.parametrize("name", ["ex:a", "http://e/a", "<http://e/a>", "xe:a"])
def test_an_iri_may_be_written_in_three_ways(name):
    assert expand(name, PREFIXES) == "http://e/a"


def test_an_undeclared_prefix_names_the_nearest():
    with pytest.raises(ConfigError, match=r"'depe:a' .* did you mean \"deep\"\?"):
        expand("depe:a", PREFIXES)


def test_local_names():
    assert local_name("http://e/x#y") == "y"
    assert local_name("http://e/x/") == "x"
    assert local_name("urn:x:y") == "urn:x:y"
    assert readable_name("http://e/AC%2FDC_(band)") == "AC/DC (band)"


def test_a_shared_local_name_is_written_out_for_both():
    names = short_names(["http://e/by", "http://e/deep/by", "http://e/at"], Compactor(PREFIXES))
    assert names == {
        "http://e/by": "ex:by",
        "http://e/deep/by": "deep:by",
        "http://e/at": "at",
    }


def test_one_prefix_means_one_namespace_in_the_whole_mapping():
    def mapping(*namespaces):
        rdf = tuple(RdfFile(file=("a.ttl",), prefixes={"ex": n}) for n in namespaces)
        end = End(type="entity", column="x")
        edges = (EdgeFile(file=("e.csv",), relation="r", src=end, dst=end),)
        interactions = {"user": "entity", "item": "entity"}
        from kg.mapping import Interactions

        return GraphMapping(rdf=rdf, edges=edges, interactions=Interactions(**interactions))

    assert prefixes_of(mapping("http://e/", "http://e/"))["ex"] == "http://e/"
    assert "rdfs" in prefixes_of(mapping("http://e/"))
    with pytest.raises(ConfigError, match="prefix 'ex' is both"):
        prefixes_of(mapping("http://e/", "http://f/"))
