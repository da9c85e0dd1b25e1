"""What is looked at before the work begins, and what a failure leaves behind."""

import json
import shutil

import pytest
import yaml
from support.image_sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import Failure, Stage, UsageError
from cxrgate.gate.config import read_config
from cxrgate.images.sandbox.decoder import SandboxedDecoder
from cxrgate.index import Snapshot
from cxrgate.index.build import EnrolmentError
from cxrgate.models.local import LocalEmbedder
from cxrgate.run import first_look, journal_place
from cxrgate.run.host_fault import HostFault
from cxrgate.run.run import run
from cxrgate.verify_run.verify import verify_run

ENROL_FOLDER = "{images: real, key: private/key, reference_map: private/map.csv, every_image_is_a_patient: true}"


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    write_sets(folder)
    return folder


@pytest.fixture
def folder(tmp_path, sets):
    made = tmp_path / "set"
    shutil.copytree(sets, made)
    return made


@pytest.fixture
def embedded(monkeypatch):
    """The names of all images that are embedded."""
    names, embed = [], LocalEmbedder.embed

    async def counted(self, images):
        names.extend(image.image_id for image in images if image.image_id.startswith("real/"))
        return await embed(self, images)

    monkeypatch.setattr(LocalEmbedder, "embed", counted)
    return names


def config(folder, **more):
    return read_config(write_config(folder, folder / "out", 4, **more))


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def excluding(path):
    return f"{{images: real.csv, key: private/key, reference_map: private/references.csv, exclude: {path}}}"


def test_before_anything_is_computed_all_that_cannot_be_read_is_named_in_one_file(folder, embedded):
    (folder / "real/005.png").write_bytes(b"broken")
    (folder / "real/009.png").unlink()
    said = []

    with pytest.raises(EnrolmentError, match=r"2 real images could not be(?s:.*)every name is in .*failed\.txt"):
        run(config(folder), tell=said.append)

    assert said[0] == "24 images of 12 patients are listed"
    assert "to check: 29 PNG, 4 JPEG, 1 of no known kind; 34 were decoded at the first look, 2 of them failed" in said
    assert "to enrol: 22 PNG, 1 of no known kind, 1 that cannot be opened" in said[-1]
    assert embedded == []
    assert not (folder / "out").exists()
    path = folder / "private/failed.txt"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [line.split("\t")[0] for line in path.read_text().splitlines()] == ["real/005.png", "real/009.png"]

    assert run(config(folder, enrol=excluding("private/failed.txt"))).held.images == 22


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
@pytest.mark.parametrize("place", ["synthetic/out", "real/out", "snapshot", "private"])
def test_an_output_among_images_snapshot_or_key_is_refused_before_anything_is_written(folder, place, words):
    path = write_config(folder, folder / place, 4, enrol=ENROL_FOLDER)
    before = tree(folder)

    answer = command("run", path, *words)

    assert answer.exit_code == 2
    assert "`output`" in answer.output
    assert tree(folder) == before


def test_an_image_that_fails_later_ends_nothing_and_what_was_embedded_is_kept(folder, embedded, monkeypatch):
    monkeypatch.setattr(first_look, "SAMPLE", 3)
    (folder / "real/001.png").write_bytes(b"broken")
    (folder / "real/023.png").write_bytes(b"broken")

    with pytest.raises(EnrolmentError) as caught:
        enrol_without_a_look(folder, monkeypatch)

    assert [failure.image_id for failure in caught.value.failures] == ["real/001.png", "real/023.png"]
    assert len(set(embedded)) == len(embedded) == 22
    assert not (folder / "snapshot").exists()

    embedded.clear()
    (folder / "private/failed.txt").rename(folder / "private/excluded.txt")
    assert run(config(folder, enrol=excluding("private/excluded.txt"))).held.images == 22
    assert embedded == []
    assert not list(folder.glob("snapshot.*"))


def enrol_without_a_look(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(first_look, "look_at_real", lambda *_, **__: None)
        run(config(folder))


def test_names_that_are_excluded_already_are_in_the_new_file_too(folder):
    (folder / "private").mkdir(exist_ok=True)
    (folder / "mine.txt").write_text("real/000.png\n")
    (folder / "real/005.png").write_bytes(b"broken")

    with pytest.raises(EnrolmentError):
        run(config(folder, enrol=excluding("mine.txt")))

    assert run(config(folder, enrol=excluding("private/failed.txt"))).held.images == 22


def test_an_enrolment_that_was_stopped_goes_on_and_gives_the_same_snapshot(folder, embedded, sets):
    def stop(step, done, total):
        if step == "enrol":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config(folder), stop)
    assert 0 < len(embedded) < 24
    assert (folder / "snapshot.enrolling/journal.jsonl").stat().st_mode & 0o007 == 0
    assert b"real/" not in (folder / "snapshot.enrolling/journal.jsonl").read_bytes()

    run(config(folder))

    assert len(embedded) == len(set(embedded)) == 24
    stopped = Snapshot.open(folder / "snapshot")
    shutil.rmtree(folder / "snapshot")
    shutil.rmtree(folder / "out")
    run(config(folder))
    assert stopped.manifest.digest == Snapshot.open(folder / "snapshot").manifest.digest
    assert not (folder / "snapshot.enrolling").exists()


def test_a_file_that_changed_since_is_embedded_again(folder, embedded):
    def stop(step, done, total):
        if step == "enrol":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config(folder), stop)
    shutil.copyfile(folder / "real/020.png", folder / "real/000.png")
    embedded.clear()

    run(config(folder))

    assert "real/000.png" in embedded


def test_a_dry_run_writes_nothing_and_says_what_there_is_and_how_long_it_takes(folder):
    before = tree(folder)

    answer = command("run", write_config(folder, folder / "out", 4), "--dry-run")

    assert answer.exit_code == 0, answer.output
    assert "24 images of 12 patients are listed" in answer.output
    assert "nothing keeps it from running: 24 images to enrol and 34 to check, about" in answer.output
    assert tree(folder).keys() - before.keys() == {"out.yaml"} - before.keys()


def test_a_dry_run_prints_what_it_found_as_json(folder):
    answer = command("run", write_config(folder, folder / "out", 4), "--dry-run", "--json")

    found = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (found["to_enrol"], found["to_check"]) == (24, 34)
    assert any("no answer for 1 of these (b/cut.png): TRUNCATED" in sentence for sentence in found["told"])


def test_too_little_room_is_said_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1000))

    with pytest.raises(UsageError, match=r"the disk of .* has 0\.0 GiB of room"):
        run(config(folder))


def decoder_that_fails(monkeypatch, names):
    """Every decoder answers for these images as one does whose pool is broken."""
    decode = SandboxedDecoder.decode

    async def broken(self, records):
        good = iter(await decode(self, [record for record in records if record.image_id not in names]))
        return [
            Failure(record.image_id, Stage.DECODE, "INTERNAL", "DECODER_BROKEN", "expected a working pool")
            if record.image_id in names
            else next(good)
            for record in records
        ]

    monkeypatch.setattr(SandboxedDecoder, "decode", broken)


def test_a_hosts_fault_is_tried_again_by_the_next_run(folder, monkeypatch):
    names = {"a/copy1.png", "b/new05.png"}
    with monkeypatch.context() as patch:
        decoder_that_fails(patch, names)
        results = run(config(folder)).results.set_index("image_id")
    assert set(results.loc[sorted(names), "decision"]) == {"INDETERMINATE"}
    assert not (folder / "out/released/b/new05.png").exists()
    # What is released of the other images of such a batch has its line in the journal.
    assert verify_run(folder / "out").violations == ()

    summary = run(config(folder))

    assert summary.checked == 8  # the two batches with a fault in them, and no other
    again = summary.results.set_index("image_id")
    assert again.loc["a/copy1.png", "decision"] == "NOT_ANONYMOUS"
    assert again.loc["b/new05.png", "decision"] == "ANONYMOUS"
    assert (folder / "out/released/b/new05.png").exists()
    assert run(config(folder)).checked == 0


def test_a_first_batch_of_nothing_but_a_hosts_faults_ends_the_run(folder, monkeypatch):
    run(config(folder))
    shutil.rmtree(folder / "out")
    monkeypatch.setattr(first_look, "first_look", lambda *_, **__: 0.0)
    monkeypatch.setattr("cxrgate.run.plan.first_look", lambda *_, **__: 0.0)
    with monkeypatch.context() as patch:
        everything = {path.relative_to(folder / "synthetic").as_posix() for path in (folder / "synthetic").rglob("*")}
        decoder_that_fails(patch, everything)
        with pytest.raises(HostFault, match=r"first 4 images was checked, .*: decode DECODER_BROKEN"):
            run(config(folder))
    assert not (folder / "out/released").exists()

    assert run(config(folder)).checked == 34


def test_an_enrolment_whose_decoder_is_broken_names_no_image(folder, monkeypatch):
    decoder_that_fails(monkeypatch, {f"real/{i:03}.png" for i in range(24)})

    with pytest.raises(HostFault, match="nothing was stored as an answer"):
        run(config(folder))
    assert not (folder / "private/failed.txt").exists()


def written(folder, change):
    content = yaml.safe_load(write_config(folder, folder / "out", 4).read_text())
    change(content)
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    return folder / "mine.yaml"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["policy"].update(score_threshold=0.3), "expected a borderline of at most score_threshold"),
        (lambda c: c["policy"].update(score_treshold=0.3), "policy.score_treshold: Extra inputs are not permitted"),
        (lambda c: c["policy"].update(score_treshold=0.3), "did you mean score_threshold?"),
        (lambda c: c.update(syntetic="x"), "did you mean synthetic?"),
        (lambda c: c["enrol"].update(refernce_map="x"), "did you mean reference_map?"),
        (lambda c: c["enrol"].update(colums={}), "did you mean columns?"),
        (lambda c: c.update(nonsense=1), "known are batch_size, certification"),
    ],
)
def test_every_configuration_is_checked_when_it_is_read(folder, change, message):
    answer = command("run", written(folder, change))

    assert answer.exit_code == 2
    assert message in answer.output
    assert "Traceback" not in answer.output


def test_the_borderline_follows_a_threshold_below_it(folder):
    def change(content):
        content["policy"] = {"score_threshold": 0.3}

    policy = read_config(written(folder, change)).policy

    assert policy.borderline == pytest.approx(0.24)
    assert policy.model_fields_set == {"score_threshold"}


def test_memory_that_ran_out_is_a_hosts_fault_and_what_was_embedded_is_kept(folder, embedded, monkeypatch):
    counted = LocalEmbedder.embed

    async def short(self, images):
        if embedded:
            raise MemoryError
        return await counted(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(LocalEmbedder, "embed", short)
        with pytest.raises(HostFault, match="what was embedded is kept"):
            run(config(folder))

    before = set(embedded)
    embedded.clear()
    assert run(config(folder)).checked == 34
    assert before
    assert not before & set(embedded)


def test_where_the_journal_lies_on_a_file_server_a_run_says_what_holds(folder, monkeypatch):
    server = journal_place.Mount(folder, "nfs4", frozenset({"nolock"}))
    monkeypatch.setattr(journal_place, "mount_of", lambda place, _: server if place == folder / "out/work" else None)
    said = []

    run(config(folder), tell=said.append)

    assert sum("nfs4" in line and "Start no second one" in line for line in said) == 1
