import secrets
from datetime import UTC, datetime, timedelta

import pytest
from itsdangerous import URLSafeSerializer

from cxrgate.core import UsageError
from cxrgate.review.links import read_link, sign_link

KEY = secrets.token_bytes(32)
HOUR = timedelta(hours=1)


def test_a_link_names_its_reviewer_and_its_end():
    link = read_link(KEY, sign_link(KEY, "dr.who@ward-3", HOUR))

    assert link.reviewer == "dr.who@ward-3"
    assert HOUR - timedelta(minutes=1) < link.expires - datetime.now(UTC) <= HOUR


def test_no_two_links_have_one_nonce():
    first, second = (read_link(KEY, sign_link(KEY, "a", HOUR)).nonce for _ in range(2))

    assert first != second


def test_a_link_that_is_over_opens_nothing():
    assert read_link(KEY, sign_link(KEY, "a", -timedelta(seconds=1))) is None


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_a_changed_character_opens_nothing(place):
    token = sign_link(KEY, "a", HOUR)
    other = "A" if token[place] != "A" else "B"

    assert read_link(KEY, token[:place] + other + token[place + 1 :]) is None


def signed(content, key=KEY, salt=b"cxrgate review link 2"):
    """A token that holds anything, signed as ours are."""
    ours = sign_link.__globals__["_serializer"](key)
    return URLSafeSerializer(key, salt=salt, signer_kwargs=ours.signer_kwargs).dumps(content)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x" * 5000,
        "not a token",
        sign_link(secrets.token_bytes(32), "a", HOUR),
        signed({"reviewer": "a", "expires": "2999-01-01T00:00:00+00:00", "nonce": "b"}, salt=b"something else"),
        signed({"reviewer": "a", "expires": "2999-01-01T00:00:00+00:00"}),
        signed({"reviewer": "a", "expires": "never", "nonce": "b"}),
        signed(["a"]),
    ],
    ids=["empty", "dot", "long", "text", "other key", "other use", "no nonce", "no time", "no mapping"],
)
def test_anything_else_opens_nothing(token):
    assert read_link(KEY, token) is None


def test_the_signature_is_of_sha256():
    assert len(sign_link(KEY, "a", HOUR).rpartition(".")[2]) == 43


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ä", "a\n"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(UsageError, match="name"):
        sign_link(KEY, name, HOUR)
