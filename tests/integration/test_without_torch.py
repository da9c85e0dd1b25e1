"""The whole filter on a CPU, enrolment included, where PyTorch is not installed."""

import subprocess
import sys

import pandas as pd
from support.image_sets import write_config, write_sets

from cxrgate.gate.config import read_config
from cxrgate.run.run import run

RUN = """
import sys
from pathlib import Path

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "torchvision"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
from cxrgate.gate.config import read_config
from cxrgate.run.run import run

if __name__ == "__main__":
    run(read_config(Path(sys.argv[1])))
"""


def test_a_run_without_torch_gives_the_same_rows(tmp_path):
    write_sets(tmp_path)
    script = tmp_path / "run.py"
    script.write_text(RUN)
    alone = write_config(tmp_path, tmp_path / "alone", 8)
    subprocess.run([sys.executable, str(script), str(alone)], check=True, capture_output=True, text=True)
    run(read_config(write_config(tmp_path, tmp_path / "here", 5)))

    first, second = (pd.read_parquet(tmp_path / name / "results/results.parquet") for name in ("alone", "here"))
    assert set(first["decision"]) == {"ANONYMOUS", "NOT_ANONYMOUS", "INDETERMINATE"}
    pd.testing.assert_frame_equal(first, second)
