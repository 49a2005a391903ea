import pytest

from kg.rejects import REJECT_SCHEMA, Account, RejectLog, Tally


def test_an_account_that_lost_a_row_cannot_be_made():
    with pytest.raises(RuntimeError, match=r"rows of f\.csv went missing"):
        Account(file="f.csv", section="nodes[0]", rows=3, loaded=1, rejected=1)


def test_a_tally_counts_and_keeps_its_rejects():
    log = RejectLog()
    tally = Tally("f.csv", "nodes[0]", log, rows=3, loaded=1)
    tally.reject(2, "\udcffa", "not valid UTF-8")
    tally.reject(None, "b", "other")

    assert tally.account() == Account(
        file="f.csv", section="nodes[0]", rows=3, loaded=1, rejected=2
    )
    assert log.table().schema == REJECT_SCHEMA
    assert log.table().to_pylist() == [
        {"file": "f.csv", "line": 2, "raw": "\\xffa", "reason": "not valid UTF-8"},
        {"file": "f.csv", "line": None, "raw": "b", "reason": "other"},
    ]


def test_what_a_row_and_a_reason_quote_may_be_withheld():
    log = RejectLog(withhold=True)
    log.add("f", 3, "ann,1", "malformed RDF: ann is no IRI")
    log.add("f", 4, "bob,1", "unknown item")
    found = [(row["line"], row["raw"], row["reason"]) for row in log.table().to_pylist()]
    assert found == [(3, "(withheld)", "malformed RDF"), (4, "(withheld)", "unknown item")]
