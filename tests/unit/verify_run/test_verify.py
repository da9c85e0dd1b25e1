"""A good run, damaged in each way that there is a word for: the checker names it, and names nothing of a good one."""

import asyncio
import hashlib
import json
import shutil
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.image_sets import write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core.digest import canonical_json, mapping_digest
from cxrgate.gate.config import read_config
from cxrgate.hashlog import HashLog
from cxrgate.images.codec.encode import encode_png
from cxrgate.run.run import run
from cxrgate.verify_run.verify import Known, verify_run
from cxrgate.verify_run.violation import Kind


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The folder of a finished run, and the names of what it listed."""
    folder = tmp_path_factory.mktemp("good")
    run(read_config(write_sets(folder)))
    return folder


@pytest.fixture
def output(good, tmp_path):
    """A copy of its output, to be damaged."""
    shutil.copytree(good / "out", tmp_path / "out")
    return tmp_path / "out"


def listed(good):
    root = good / "synthetic"
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


def kinds(output, known=None):
    return {violation.kind for violation in verify_run(output, known).violations}


def edit_json(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_journal(output, change):
    """Change the contents of the journal's lines and give each its right digest, as an attacker would."""
    path = output / "work/journal.jsonl"
    lines = [json.loads(line.partition(" ")[2]) for line in path.read_text().splitlines()]
    change(lines)
    payloads = [canonical_json(line) for line in lines]
    path.write_bytes(b"".join(hashlib.sha256(p).hexdigest()[:16].encode() + b" " + p + b"\n" for p in payloads))


def edit_table(output, name, change):
    path = output / f"results/{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def names(output):
    return sorted(json.loads((output / "released/manifest.json").read_text())["files"])


def put(output, name, content):
    """A file of the set, replaced in a way that hash and journal do not show."""
    path = output / "released" / name
    path.unlink()
    path.write_bytes(content)
    sha = hashlib.sha256(content).hexdigest()
    edit_json(output / "released/manifest.json", lambda manifest: manifest["files"].update({name: sha}))

    def released(lines):
        for line in lines[1:]:
            if name in line["released"]:
                line["released"][name] = sha

    edit_journal(output, released)


def first_row(lines, decision):
    return next(row for line in lines[1:] for row in line["results"] if row["decision"] == decision)


def test_a_good_run_has_no_violation(good, output):
    found = verify_run(output, Known(listed(good)))
    assert (found.violations, found.images, found.released) == ((), 34, len(names(output)))
    assert found.unchecked == ()


def test_a_run_that_was_stopped_is_checked_as_far_as_it_came(output):
    shutil.rmtree(output / "released")
    shutil.rmtree(output / "results")
    found = verify_run(output)
    assert (found.violations, found.released) == ((), None)
    assert found.unchecked == ("a released set: none is published",)


def test_a_torn_last_line_of_the_journal_was_never_an_answer(output):
    with (output / "work/journal.jsonl").open("ab") as file:
        file.write(b"0123456789abcdef {")
    assert kinds(output) == set()


def flip_in_journal(output):
    path = output / "work/journal.jsonl"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def without_journal(output):
    (output / "work/journal.jsonl").unlink()


def without_results(output):
    (output / "results/results.parquet").unlink()


def other_threshold(output):
    edit_json(output / "results/run.json", lambda run: run["policy"].update(minimum_typicality=-0.5))


def other_model(output):
    edit_json(output / "results/run.json", lambda run: run["models"]["retrieval"].update(digest="0" * 64))


def other_snapshot(output):
    edit_json(output / "results/run.json", lambda run: run["snapshot"].update(digest="0" * 64))


def other_policy_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(policy="0" * 64))


def other_certificate(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(certification="0" * 64))


def second_row(output):
    edit_journal(output, lambda lines: lines[2]["results"].append(lines[1]["results"][0]))


def two_decisions(output):
    def change(lines):
        again = json.loads(json.dumps(lines[1]))
        again["results"][0].update(decision="INDETERMINATE", reasons="ATYPICAL", released_as="")
        lines.append(again)

    edit_journal(output, change)


def row_gone(output):
    edit_table(output, "results", lambda table: table.iloc[1:])


def row_changed(output):
    edit_table(output, "results", lambda table: table.assign(score=table["score"] / 2))


def evidence_changed(output):
    edit_table(output, "evidence", lambda table: table.assign(distance=table["distance"] + 1))


def evidence_gone(output):
    edit_table(output, "evidence", lambda table: table.iloc[:0])


def evidence_twice(output):
    edit_table(output, "evidence", lambda table: pd.concat([table, table]))


def evidence_without_columns(output):
    edit_table(output, "evidence", lambda table: table.iloc[:, :0])


def evidence_of_lists(output):
    edit_table(output, "evidence", lambda table: table.assign(score=[[1.0]] * len(table)))


def evidence_of_nobody(output):
    edit_table(output, "evidence", lambda table: pd.concat([table, table.iloc[:1].assign(image_id="nobody.png")]))


def results_without_names(output):
    edit_table(output, "results", lambda table: table.drop(columns="image_id"))


def results_without_decisions(output):
    edit_table(output, "results", lambda table: table.drop(columns="decision"))


def one_candidate_repeated(output):
    """Of every image that passed, the first candidate in place of each."""

    def change(lines):
        for line in lines[1:]:
            first = {}
            line["evidence"] = [first.setdefault(row[0], row) for row in line["evidence"]]

    edit_journal(output, change)


def one_name_for_two(output):
    """Two images that passed under one name, in every record; the file of one of them is in no set."""
    kept, lost = names(output)[:2]

    def change(lines):
        for line in lines[1:]:
            line["released"].pop(lost, None)
            for row in line["results"]:
                row["released_as"] = kept if row["released_as"] == lost else row["released_as"]

    edit_journal(output, change)
    edit_table(output, "results", lambda table: table.replace({"released_as": {lost: kept}}))
    edit_json(output / "released/manifest.json", lambda manifest: manifest["files"].pop(lost))
    (output / "released" / lost).unlink()


def set_lies_elsewhere(output):
    shutil.move(output / "released", output.parent / "elsewhere")
    (output / "released").symlink_to(output.parent / "elsewhere")


def passed_by_hand(output):
    """A flagged image that somebody made ANONYMOUS, in the journal and in the table."""
    edit_journal(output, lambda lines: first_row(lines, "NOT_ANONYMOUS").update(decision="ANONYMOUS", reasons=""))


SCORE = -2
"""Of a row of evidence; behind it are the matches."""


def score_above_the_threshold(output):
    """A released image whose recorded score says that it is a patient's."""

    def change(lines):
        name = first_row(lines, "ANONYMOUS")["image_id"]
        row = next(row for line in lines[1:] for row in line["evidence"] if row[0] == name)
        row[SCORE] = 1.0

    edit_journal(output, change)


def score_without_a_number(output):
    def change(lines):
        name = first_row(lines, "ANONYMOUS")["image_id"]
        row = next(row for line in lines[1:] for row in line["evidence"] if row[0] == name)
        row[SCORE] = None

    edit_journal(output, change)


def without_evidence(output):
    def change(lines):
        name = first_row(lines, "ANONYMOUS")["image_id"]
        for line in lines[1:]:
            line["evidence"] = [row for row in line["evidence"] if row[0] != name]

    edit_journal(output, change)


def released_though_flagged(output):
    """A leak added to set, manifest and journal, which all agree."""

    def change(lines):
        row = first_row(lines, "NOT_ANONYMOUS")
        row["released_as"] = "leak.png"
        lines[-1]["released"]["leak.png"] = sha

    content = encode_png(np.zeros((64, 64), np.uint8))
    sha = hashlib.sha256(content).hexdigest()
    (output / "released/leak.png").write_bytes(content)
    edit_json(output / "released/manifest.json", lambda manifest: manifest["files"].update({"leak.png": sha}))
    edit_journal(output, change)


def file_gone(output):
    (output / "released" / names(output)[0]).unlink()


def file_changed(output):
    path = output / "released" / names(output)[0]
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"\0")


def file_is_a_link(output):
    first, second, *_ = names(output)
    (output / "released" / first).unlink()
    (output / "released" / first).symlink_to(output / "released" / second)


def file_nobody_released(output):
    (output / "released/more.png").write_bytes(b"")


def second_picture_after_the_end(output):
    name = names(output)[0]
    put(output, name, (output / "released" / name).read_bytes() * 2)


def second_picture_in_a_chunk(output):
    name = names(output)[0]
    content = (output / "released" / name).read_bytes()
    chunk = b"prVt" + b"another picture"
    more = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    put(output, name, content[:33] + more + content[33:])


def no_picture(output):
    put(output, names(output)[0], b"not an image at all")


def other_pixels(output):
    put(output, names(output)[0], encode_png(np.full((64, 64), 7, np.uint8)))


def grey_png(rows, width, height, more=b""):
    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    pieces = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows) + more), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(pieces)


def put_again(output, below=b"", more=b""):
    """A file of the set by another encoder, with the same pixels and something beside them."""
    name = names(output)[0]
    pixels = np.asarray(Image.open(output / "released" / name))
    height, width = pixels.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), pixels])
    put(output, name, grey_png(rows.tobytes() + below, width, height, more))


def second_picture_below_the_last_row(output):
    put_again(output, below=b"another picture" * 100)


def second_picture_behind_the_compressed_rows(output):
    put_again(output, more=b"another picture")


def other_bytes_of_the_same_pixels(output):
    put_again(output)


def picture_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(note="another picture"))


def picture_in_manifest_and_journal(output):
    text = "another picture" * 100
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(encoder=text))
    edit_journal(output, lambda lines: lines[0].update(encoder=text))


def other_counts_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(checked=4000))


def other_decisions_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(decisions={"ANONYMOUS": 34}))


def other_version_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(cxrgate="9"))


def other_encoder_in_the_manifest(output):
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(encoder="another"))


def fewer_references(output):
    """A policy of one reference, under its right digest: one candidate would be complete."""

    def change(run):
        run["policy"]["references"] = 1
        run["policy_digest"] = mapping_digest(run["policy"])

    edit_json(output / "results/run.json", change)
    digest = json.loads((output / "results/run.json").read_text())["policy_digest"]
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(policy=digest))
    edit_journal(output, lambda lines: lines[0].update(policy=digest))


def other_weights(output):
    edit_json(output / "results/run.json", lambda run: run["models"]["retrieval"].update(weights="0" * 64))


def other_version(output):
    edit_json(output / "results/run.json", lambda run: run.update(cxrgate="0.0.1"))


def held_another_snapshot(output):
    edit_json(output / "results/run.json", lambda run: run["held"].update(images=30))


def without_the_csv(output):
    (output / "results/evidence.csv").unlink()


def without_the_nearest(output):
    (output / "results/nearest.csv").unlink()


def other_decisions_in_the_csv(output):
    path = output / "results/results.csv"
    path.write_text(path.read_text().replace("NOT_ANONYMOUS", "ANONYMOUS"))


def more_rows_in_the_csv(output):
    path = output / "results/results.csv"
    path.write_text(path.read_text() + "more\n")


def flagged_among_the_nearest(output):
    path = output / "results/nearest.csv"
    flagged = json.loads((output / "work/journal.jsonl").read_text().splitlines()[1].partition(" ")[2])
    name = next(row["image_id"] for row in flagged["results"] if row["decision"] == "NOT_ANONYMOUS")
    header, first, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, ",".join([name, *first.split(",")[1:]]), *rows]) + "\n")


def score_of_nothing(output):
    """In journal and table, which agree."""

    def change(lines):
        for row in (row for line in lines[1:] for row in line["results"] if row["score"] is not None):
            row["score"] = 0.0

    edit_journal(output, change)
    edit_table(output, "results", lambda table: table.assign(score=table["score"].where(table["score"].isna(), 0.0)))


def score_of_a_failure(output):
    """A number where there are no candidates that it could be of."""

    def change(lines):
        next(row for line in lines[1:] for row in line["results"] if row["stage"]).update(score=0.0)

    edit_journal(output, change)


def left_out_of_the_set(output):
    name = names(output)[0]
    (output / "released" / name).unlink()
    edit_json(output / "released/manifest.json", lambda manifest: manifest["files"].pop(name))


DAMAGE = {
    flip_in_journal: Kind.JOURNAL_BROKEN,
    without_journal: Kind.JOURNAL_BROKEN,
    without_results: Kind.RECORD_MISSING,
    other_threshold: Kind.POLICY_DIFFERS,
    other_model: Kind.POLICY_DIFFERS,
    other_snapshot: Kind.POLICY_DIFFERS,
    other_policy_in_the_manifest: Kind.POLICY_DIFFERS,
    other_certificate: Kind.CERTIFICATION_DIFFERS,
    second_row: Kind.ANSWERED_TWICE,
    two_decisions: Kind.ANSWERED_TWICE,
    row_gone: Kind.NOT_ANSWERED,
    row_changed: Kind.ROW_DIFFERS,
    evidence_changed: Kind.ROW_DIFFERS,
    evidence_gone: Kind.ROW_DIFFERS,
    evidence_twice: Kind.ROW_DIFFERS,
    evidence_of_nobody: Kind.ROW_DIFFERS,
    evidence_without_columns: Kind.RECORD_MISSING,
    evidence_of_lists: Kind.RECORD_MISSING,
    results_without_names: Kind.RECORD_MISSING,
    results_without_decisions: Kind.RECORD_MISSING,
    one_candidate_repeated: Kind.DECISION_DIFFERS,
    one_name_for_two: Kind.NOT_PUBLISHED,
    set_lies_elsewhere: Kind.FILE_CHANGED,
    passed_by_hand: Kind.DECISION_DIFFERS,
    score_above_the_threshold: Kind.DECISION_DIFFERS,
    score_without_a_number: Kind.DECISION_DIFFERS,
    without_evidence: Kind.DECISION_DIFFERS,
    released_though_flagged: Kind.RELEASED_UNPROVEN,
    file_gone: Kind.FILE_MISSING,
    file_changed: Kind.FILE_CHANGED,
    file_is_a_link: Kind.FILE_CHANGED,
    file_nobody_released: Kind.FILE_UNLISTED,
    second_picture_after_the_end: Kind.FILE_HOLDS_MORE,
    second_picture_in_a_chunk: Kind.FILE_HOLDS_MORE,
    no_picture: Kind.FILE_HOLDS_MORE,
    other_pixels: Kind.PIXELS_DIFFER,
    left_out_of_the_set: Kind.NOT_PUBLISHED,
    second_picture_below_the_last_row: Kind.FILE_HOLDS_MORE,
    second_picture_behind_the_compressed_rows: Kind.FILE_HOLDS_MORE,
    other_bytes_of_the_same_pixels: Kind.FILE_HOLDS_MORE,
    picture_in_the_manifest: Kind.FILE_HOLDS_MORE,
    picture_in_manifest_and_journal: Kind.FILE_HOLDS_MORE,
    other_counts_in_the_manifest: Kind.MANIFEST_DIFFERS,
    other_decisions_in_the_manifest: Kind.MANIFEST_DIFFERS,
    other_version_in_the_manifest: Kind.MANIFEST_DIFFERS,
    other_encoder_in_the_manifest: Kind.MANIFEST_DIFFERS,
    fewer_references: Kind.POLICY_DIFFERS,
    other_weights: Kind.POLICY_DIFFERS,
    other_version: Kind.POLICY_DIFFERS,
    held_another_snapshot: Kind.POLICY_DIFFERS,
    without_the_csv: Kind.RECORD_MISSING,
    without_the_nearest: Kind.RECORD_MISSING,
    other_decisions_in_the_csv: Kind.ROW_DIFFERS,
    more_rows_in_the_csv: Kind.ROW_DIFFERS,
    flagged_among_the_nearest: Kind.ROW_DIFFERS,
    score_of_nothing: Kind.NUMBER_DIFFERS,
    score_of_a_failure: Kind.NUMBER_DIFFERS,
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_each_damage_is_named(output, damage):
    damage(output)
    assert DAMAGE[damage] in kinds(output)


def test_every_kind_of_violation_has_its_damage():
    elsewhere = {Kind.NOT_LISTED, Kind.WITHHELD_PUBLISHED, Kind.REVIEW_BROKEN}
    assert set(Kind) == set(DAMAGE.values()) | elsewhere


def test_the_list_says_which_images_are_missing_and_which_were_never_asked_for(good, output):
    found = verify_run(output, Known([*listed(good)[1:], "never.png"])).violations
    assert {(item.kind, item.where) for item in found} == {
        (Kind.NOT_ANSWERED, "never.png"),
        (Kind.NOT_LISTED, listed(good)[0]),
    }


async def withhold(path, digest):
    log = HashLog(path)
    await log.append("image_withheld", pixel_digest=digest)
    await log.close()


def test_what_a_reviewer_withheld_is_not_in_the_set(output, tmp_path):
    table = pd.read_parquet(output / "results/results.parquet")
    digest = table.loc[table["released_as"] == names(output)[0], "pixel_digest"].item()
    asyncio.run(withhold(tmp_path / "review.log", digest))
    known = Known(review=tmp_path / "review.log")
    assert kinds(output, known) == {Kind.WITHHELD_PUBLISHED}

    left_out_of_the_set(output)
    assert kinds(output, known) == set()
    # Without the log nobody knows who withheld it.
    assert kinds(output) == {Kind.NOT_PUBLISHED}


def test_a_log_that_withholds_nothing_leaves_no_image_out_of_the_set(output, tmp_path):
    left_out_of_the_set(output)
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(withheld=1))

    async def empty():
        await HashLog(tmp_path / "review.log").close()

    asyncio.run(empty())
    assert kinds(output, Known(review=tmp_path / "review.log")) == {Kind.NOT_PUBLISHED}


def test_a_log_that_is_gone_is_named_where_the_set_says_that_images_were_withheld(output, tmp_path):
    left_out_of_the_set(output)
    edit_json(output / "released/manifest.json", lambda manifest: manifest.update(withheld=1))
    assert kinds(output, Known(review=tmp_path / "review.log")) == {Kind.REVIEW_BROKEN}


def test_the_command_counts_and_names_violations(good, output):
    config = write_config(good, good / "out", 4)
    good_one = CliRunner().invoke(app, ["verify-run", str(output), "--config", str(config)])
    assert (good_one.exit_code, good_one.stdout.splitlines()[-1]) == (
        0,
        f"{len(names(output))} released; 0 violations in 34 images",
    )
    file_nobody_released(output)
    bad = CliRunner().invoke(app, ["verify-run", str(output), "--config", str(config)])
    assert bad.exit_code == 1
    assert bad.stdout.splitlines()[0].startswith("FILE_UNLISTED more.png: ")
    assert bad.stdout.splitlines()[-1].endswith("1 violations in 34 images")

    as_json = CliRunner().invoke(app, ["verify-run", str(output), "--json"])
    told = json.loads(as_json.stdout)
    assert (as_json.exit_code, told["holds"], told["images"]) == (1, False, 34)
    assert [(item["kind"], item["where"]) for item in told["violations"]] == [("FILE_UNLISTED", "more.png")]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "certification: required\ncertification_key: key.pub\n",
            "CERTIFICATION_DIFFERS results/run.json: states uncert",
        ),
        ("release: {side: 256}\n", "POLICY_DIFFERS configuration: side: the configuration has 256, the run had None"),
        (
            "policy: {score_threshold: 0.3}\n",
            "POLICY_DIFFERS configuration: score_threshold: the configuration has 0.3",
        ),
        (
            "policy: {score_threshold: 1.0, borderline: 0.9, minimum_typicality: -1, copy_threshold: null}\n",
            "POLICY_DIFFERS configuration: copy_threshold: the configuration has None, the run had 0.9",
        ),
        (
            "policy: {score_threshold: 1.0, borderline: 0.9}\n",
            "POLICY_DIFFERS configuration: minimum_typicality: the configuration has 0.1, the run had -1",
        ),
    ],
)
def test_the_command_holds_the_run_against_its_configuration(good, output, more, told):
    config = write_config(good, good / "out", 4)
    key = more.partition(":")[0]
    kept = [line for line in config.read_text().splitlines(keepends=True) if not line.startswith(f"{key}:")]
    other = config.with_name("other.yaml")
    other.write_text("".join(kept) + more)
    found = CliRunner().invoke(app, ["verify-run", str(output), "--config", str(other)])
    assert (found.exit_code, found.stdout.startswith(told)) == (1, True), found.output


def test_the_command_names_another_snapshot_and_says_where_there_is_none(good, output, tmp_path):
    config = write_config(good, good / "out", 4)
    snapshot = read_config(config).snapshot
    other = config.with_name("other.yaml")
    other.write_text(config.read_text().replace(f"snapshot: {snapshot.name}", f"snapshot: {tmp_path / 'nowhere'}"))
    found = CliRunner().invoke(app, ["verify-run", str(output), "--config", str(other)])
    assert (found.exit_code, "not checked: whether it was the configuration's snapshot" in found.stdout) == (0, True)
