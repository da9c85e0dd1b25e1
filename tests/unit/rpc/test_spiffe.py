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
        ([("URI", "spiffe://cxrgate/gate\0.example")], None),
        ([("URI", "spiffe://cxrgate/gate\n")], None),
        ([("URI", "spiffe://cxrgate/g\u0430te")], None),
    ],
)
def test_a_certificate_that_names_one_spiffe_id_has_it(names, expected):
    assert spiffe_id({"subjectAltName": tuple(names)}) == expected
    assert spiffe_id(None) is None
