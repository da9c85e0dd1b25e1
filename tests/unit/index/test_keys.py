import stat

import pytest

from cxrgate.core import UsageError
from cxrgate.index import create_key, opaque_id, read_key, read_storage_key
from cxrgate.index.keys import ID_BYTES, KEY_BYTES

KEY = bytes(range(KEY_BYTES))


def test_a_new_key_is_random_and_its_owners_alone(tmp_path):
    keys = []
    for name in ("a", "deep/er/b"):
        create_key(tmp_path / name)
        keys.append(read_key(tmp_path / name))
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o400

    assert [len(key) for key in keys] == [KEY_BYTES] * 2
    assert keys[0] != keys[1]


def test_a_key_is_never_replaced(tmp_path):
    create_key(tmp_path / "key")
    before = (tmp_path / "key").read_bytes()

    with pytest.raises(UsageError, match="never replaced"):
        create_key(tmp_path / "key")
    assert (tmp_path / "key").read_bytes() == before


def test_a_missing_key_is_said_to_come_from_enrolment(tmp_path):
    with pytest.raises(UsageError, match="enrol first"):
        read_key(tmp_path / "key")


def test_a_storage_key_is_not_called_the_key_of_the_opaque_ids(tmp_path):
    with pytest.raises(UsageError, match=r"the storage key, .* cannot be read: name the file"):
        read_storage_key(tmp_path / "key")
    (tmp_path / "key").write_text("zz")
    with pytest.raises(UsageError, match=r"the storage key, .* is no key of 64"):
        read_storage_key(tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"00" * 31, b"00" * 33, b"0" * 63, b"zz" * 32, b"\xff\xfe"])
def test_what_is_no_key_is_refused_and_not_quoted(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="64 hexadecimal digits") as caught:
        read_key(path)
    assert not content or content.decode("latin-1") not in str(caught.value)


def test_ids_of_the_same_value_are_equal():
    assert opaque_id(KEY, "patient", "17") == opaque_id(bytes(KEY), "patient", "17")
    assert len(opaque_id(KEY, "patient", "17")) == ID_BYTES


def test_ids_differ_by_key_by_domain_and_by_value():
    other = bytes([KEY[0] ^ 1]) + KEY[1:]
    ids = [
        opaque_id(key, domain, value)
        for key in (KEY, other)
        for domain in ("reference", "patient")
        for value in ("17", "1", "7", "", "Ü")
    ]

    assert len(set(ids)) == len(ids)


def test_domain_and_value_do_not_run_into_each_other():
    assert opaque_id(KEY, "patient1", "7") != opaque_id(KEY, "patient", "17")
