import re

import pandas as pd
from support.image_sets import write_sets

from cxrgate.gate.config import read_config
from cxrgate.run.run import run
from cxrgate.run_page.page import write_report


def test_report_of_a_real_run_agrees_with_its_results(tmp_path):
    run(read_config(write_sets(tmp_path)))
    results = tmp_path / "out/results"
    write_report(results, tmp_path / "out/released", tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")

    decisions = pd.read_parquet(results / "results.parquet")["decision"].value_counts()
    verdict = re.search(r'<p class="verdict">(.*?)</p>', html).group(1)
    assert verdict.startswith(f"{decisions['ANONYMOUS']} of {decisions.sum()} images released; ")
    assert f"{decisions['NOT_ANONYMOUS']} removed: " in verdict
    assert f"{decisions['INDETERMINATE']} without an answer" in verdict
    assert "b/cut.png" in html
    assert str(tmp_path) not in html
