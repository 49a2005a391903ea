import pytest

from queries.serving.problems import Problem
from queries.serving.strict import MAX_DEPTH, read_json


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1, "a": 2}', "'a' is there twice"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}', "'b' is there twice"),
        (b'{"k": NaN}', "NaN is not JSON"),
        (b'{"k": -Infinity}', "-Infinity is not JSON"),
        (b'{"k": ' + b"9" * 5_000 + b"}", "5000 digits"),
        (b"[" * 100_000, "more than 32 deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "more than 32 deep"),
        (b'{"a": 1', "not JSON"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'"\x00"', "not JSON"),
    ],
)
def test_what_is_no_plain_json_is_refused(body, says):
    with pytest.raises(Problem) as refused:
        read_json(body)
    assert refused.value.status_code == 400
    assert says in refused.value.detail


def test_brackets_inside_strings_are_no_depth():
    text = "[" * 50 + '\\"{' * 50
    assert read_json(('{"text": "' + text + '"}').encode()) == {"text": "[" * 50 + '"{' * 50}


def test_as_deep_as_allowed():
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    wide = b"[" + b"[]," * 1_000 + b"[]]"
    assert len(read_json(wide)) == 1_001
