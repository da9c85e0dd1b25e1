import pytest

from cxrgate.core.json_text import parse_json, parse_line


def test_what_is_json_is_read():
    assert parse_json(b'{"a": [1, 0.5, null], "b": {"a": 1}}') == {"a": [1, 0.5, None], "b": {"a": 1}}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 20_000, b"\xff", b"NaN", b'{"a": Infinity}', b"1e999", b'{"a": 1, "a": 2}', b"1" * 5000],
    ids=range(9),
)
def test_what_is_none_or_can_be_read_in_two_ways_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are partly the library's
        parse_json(content)


def test_a_key_that_stands_there_twice_is_named():
    with pytest.raises(ValueError, match="weights"):
        parse_json('{"weights": 1, "weights": 2}')


@pytest.mark.parametrize("payload", [b"[]", b"1", b"null", b"[" * 20_000, b"x"], ids=range(5))
def test_a_line_that_is_no_object_is_refused(payload):
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are partly the library's
        parse_line(payload)
