import pytest

from kg.errors import ConfigError, InputError
from kg.rejects import REJECT_SCHEMA, Account, RejectLimit, RejectLog, Tally


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


@pytest.mark.parametrize(
    ("text", "limit"),
    [("0", {"count": 0}), ("100", {"count": 100}), ("5%", {"share": 0.05}), ("0%", {"share": 0})],
)
def test_limits_are_numbers_or_shares(text, limit):
    assert RejectLimit.parse(text) == RejectLimit(**limit)


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "nan%", "inf", "many"])
def test_other_limits_are_one_line(text):
    with pytest.raises(ConfigError, match="expected a number of rows, or a share such as 5%"):
        RejectLimit.parse(text)


def test_one_reject_more_than_the_limit_is_an_error_that_shows_it():
    tally = Tally("a.csv", "nodes[0]", RejectLog(limit=RejectLimit(count=0)))
    with pytest.raises(InputError, match=r"^a\.csv, line 7: id is empty: ,x$"):
        tally.reject(7, ",x", "id is empty")
    tally = Tally("a.csv", "nodes[0]", RejectLog(limit=RejectLimit(count=1)))
    tally.reject(7, ",x", "id is empty")
    with pytest.raises(InputError, match=r"more than 1 rows were rejected; the last: a\.csv"):
        tally.reject(None, ",y", "id is empty")


def test_a_share_is_of_one_file():
    log = RejectLog(limit=RejectLimit(share=0.5))
    tally = Tally("a.csv", "nodes[0]", log, rows=2, loaded=1)
    tally.reject(2, "x", "bad")
    assert tally.account().rejected == 1
    tally.rows += 1
    tally.reject(3, "y", "bad")
    with pytest.raises(InputError, match=r"a\.csv: 2 of 3 rows were rejected, more than 50"):
        tally.account()


def test_what_a_reader_counts_is_handed_over_and_taken_over():
    draft, tally = (Tally("a.csv", "nodes[0]", RejectLog(), loaded=i) for i in range(2))
    draft.rows = 3
    draft.reject(2, "x", "bad")
    tally.take_over(draft.hand_over())
    assert (tally.rows, tally.loaded, tally.rejected) == (3, 1, 1)
    assert (draft.rows, draft.rejected, list(draft.log)) == (0, 0, [])
    assert list(tally.log) == [("a.csv", 2, "x", "bad")]
