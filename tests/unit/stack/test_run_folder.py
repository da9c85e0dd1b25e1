import os

from cxrgate.stack.findings import Level
from cxrgate.stack.run_folder import check_run


def finished(folder):
    for name in ("results/run.json", "released/manifest.json"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
    return folder


def test_a_finished_run_of_the_containers_user_can_be_reviewed(tmp_path):
    assert check_run(finished(tmp_path), os.geteuid()).level is Level.OK


def test_a_run_that_is_not_finished_is_named(tmp_path):
    finding = check_run(tmp_path, os.geteuid())

    assert (finding.level, "results/run.json" in finding.text) == (Level.FAIL, True)


def test_a_run_of_another_user_is_not_reviewed_before_it_is_handed_over(tmp_path):
    finding = check_run(finished(tmp_path), os.geteuid() + 1)

    assert (finding.level, finding.remedy) == (Level.FAIL, f"chown -R {os.geteuid() + 1} {tmp_path}")
