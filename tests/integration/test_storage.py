"""A run whose snapshot and journal are sealed."""

import pytest
from support.image_sets import tree, write_config, write_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.core import SnapshotError
from cxrgate.gate.config import read_config
from cxrgate.gate.local import local_models
from cxrgate.index import Snapshot, create_key, read_key
from cxrgate.run.plan import open_or_enrol
from cxrgate.run.run import run


def command(*arguments):
    return CliRunner().invoke(app, [str(part) for part in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plain run in `out`, and a sealed one in `sealed` over a snapshot that was sealed at enrolment."""
    folder = tmp_path_factory.mktemp("sets")
    config = read_config(write_sets(folder))
    create_key(folder / "keys" / "storage")
    run(config)
    run(read_config(write_config(folder, folder / "sealed", 4, snapshot="vault", storage_key="keys/storage")))
    return folder


def test_sealed_or_not_the_same_images_are_released(folder):
    plain, sealed = (read_config(folder / name).output for name in ("out.yaml", "sealed.yaml"))

    assert tree(plain / "released") == tree(sealed / "released")


def test_embeddings_and_verdicts_are_not_legible_on_the_volume(folder):
    row = Snapshot.open(folder / "snapshot").identity[0].tobytes()
    stored = [*tree(folder / "vault").values(), *tree(folder / "sealed" / "work").values()]

    assert not [content for content in stored if row in content or b"ANONYMOUS" in content]
    assert [content for content in tree(folder / "out" / "work").values() if b"ANONYMOUS" in content]


def test_a_released_set_is_held_against_a_sealed_snapshot_too(folder):
    options = ["--config", folder / "sealed.yaml", "--output", folder / "withdraw.csv"]

    assert command("recheck", folder / "sealed" / "released", *options).exit_code == 0


def test_after_rotation_the_run_goes_on_with_the_new_key_alone(folder):
    create_key(folder / "keys" / "new")
    keys = ["--key", folder / "keys" / "storage", "--new-key", folder / "keys" / "new"]

    assert command("storage", "rotate", folder / "vault", *keys).exit_code == 0
    half = command("storage", "rotate", folder, *keys)
    assert "1 of 2 data keys" in half.output

    with pytest.raises(SnapshotError):
        run(read_config(folder / "sealed.yaml"))
    config = write_config(folder, folder / "sealed", 4, snapshot="vault", storage_key="keys/new")
    assert run(read_config(config)).checked == 0


def test_a_foreign_key_changes_nothing(folder, tmp_path):
    for name in ("a", "b"):
        create_key(tmp_path / name)
    before = tree(folder / "vault")

    refused = command("storage", "rotate", folder, "--key", tmp_path / "a", "--new-key", tmp_path / "b")

    assert refused.exit_code == 2
    assert tree(folder / "vault") == before


def test_a_plain_snapshot_is_sealed_by_the_command_and_enrols_nothing(folder):
    key = folder / "keys" / "storage"

    made = command("storage", "seal", folder / "snapshot", "--output", folder / "again", "--key", key)

    assert made.exit_code == 0
    assert command("index", "verify", folder / "again", "--storage-key", key).exit_code == 0
    assert command("index", "verify", folder / "again").exit_code == 2
    config = read_config(write_config(folder, folder / "other", 4, snapshot="again", storage_key="keys/storage"))
    with local_models(config.folders, config.device) as models:
        opened = open_or_enrol(config, models, lambda *_: None)
    assert opened.manifest == Snapshot.open(folder / "snapshot").manifest
    assert opened.storage_key == read_key(key)
