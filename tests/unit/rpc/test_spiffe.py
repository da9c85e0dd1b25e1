import pytest

from cxrgate.rpc.spiffe import spiffe_id

ID = ("URI", "spiffe://cxrgate/generator")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([("DNS", "localhost"), ID], ID[1]),
        ([ID, ("URI", "spiffe://cxrgate/reviewer")], None),
        ([("URI", "https://cxrgate/generator"), ("DNS", ID[1])], None),
        ([], None),
    ],
)
def test_a_certificate_that_names_one_spiffe_id_has_it(names, expected):
    assert spiffe_id({"subjectAltName": tuple(names)}) == expected
    assert spiffe_id(None) is None
