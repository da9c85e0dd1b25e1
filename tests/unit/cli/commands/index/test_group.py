import pytest
from typer.testing import CliRunner

from cxrgate.cli.commands.index.group import app


@pytest.mark.parametrize("limits", [("1", "-1"), ("0", "0"), ("0", "inf"), ("nan", "1")])
def test_a_range_of_floats_that_is_none_is_refused_before_anything_else(tmp_path, limits):
    options = ["--output", "snapshot", "--key", "key", "--reference-map", "map.csv", "--float-range", *limits]
    done = CliRunner().invoke(app, ["build", str(tmp_path), *options])

    assert done.exit_code == 2
    assert "--float-range takes black, then white above it" in done.output
