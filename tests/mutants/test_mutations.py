import ast

import pytest
from mutants.mutations import mutants


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a < b", {"a <= b"}),
        ("0 <= a < 1", {"0 < a < 1", "0 <= a <= 1", "1 <= a < 1", "0 <= a < 2"}),
        ("a and b", {"a or b"}),
        ("not a", {"not not a"}),
        ("a - b", {"a + b"}),
        ("a if b else c", {"c if b else a"}),
        ("isfinite(a).all()", {"isfinite(a).any()"}),
        ("a is None", {"a is not None"}),
        ("f(x=True)", {"f(x=False)"}),
        ("field(default=1, repr=False)", {"field(default=2, repr=False)"}),
        ("@f(x=True)\nclass A:\n    y = 1", {"@f(x=True)\nclass A:\n    y = 2"}),
    ],
)
def test_each_kind_of_change_is_made_once(source, changed):
    assert {mutant.source for mutant in mutants(source)} == {ast.unparse(ast.parse(each)) for each in changed}


def test_a_mutant_names_its_line_and_what_was_there():
    found = next(mutants("x = 1\ny = a == b\n"))
    assert (found.line, found.before) in {(1, "x = 1"), (2, "y = a == b")}
