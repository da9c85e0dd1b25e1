import csv
import hashlib
import json
import shutil
import stat

import numpy as np
import pytest
import torch
from PIL import Image
from support.fakes import picture, save_small_models
from support.image_sets import tree
from support.inline_decoder import InlineDecoder
from support.pipeline_sets import NEW, REAL, jpeg, write_seed_config, write_seed_sets
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.compat import read_pipeline_config
from cxrgate.compat.embed import embed
from cxrgate.compat.filter import filter_dataset
from cxrgate.compat.lookup import read_lookup_table, write_lookup_table
from cxrgate.compat.private import read_origin, write_origin
from cxrgate.compat.search import NOTED, search
from cxrgate.compat.step import Options
from cxrgate.compat.verify import verify
from cxrgate.core import MismatchError, UsageError
from cxrgate.images.codec.encode import encode_png
from cxrgate.index.build import EnrolmentError
from cxrgate.models.resize import resize
from cxrgate.models.store import load_model

NAMES = ["embed", "search", "verify", "filter"]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The four commands, with nothing but CONFIG_NAME: folder, and each one's answer."""
    folder = tmp_path_factory.mktemp("seed")
    runner = CliRunner(env={"CONFIG_NAME": str(write_seed_sets(folder))})
    return folder, {name: runner.invoke(app, [name]) for name in NAMES}


@pytest.fixture
def folder(answers, monkeypatch):
    """The folder after the four steps; what a test changes in it is undone."""
    for module in ("describe", "filter"):
        monkeypatch.setattr(f"cxrgate.compat.{module}.SandboxedDecoder", InlineDecoder)
    place = answers[0]
    before = tree(place)
    yield place
    for path in [path for path in place.rglob("*") if path.is_file() or path.is_symlink()]:
        if path.relative_to(place).as_posix() not in before or path.is_symlink():
            path.unlink()
    for name, content in before.items():
        if not (place / name).is_file() or (place / name).read_bytes() != content:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)


def config(folder, **changes):
    return read_pipeline_config(write_seed_config(folder, **changes))


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def released(folder):
    return {name for name in tree(folder / "outputs/filtered_dataset") if name != "manifest.json"}


NEW_NAMES = {f"{('Cardiomegaly', 'No_Cardiomegaly')[number % 2]}/new{number}.png" for number in range(NEW)}


def test_commands_say_what_came_of_it(answers):
    said = {name: (answer.exit_code, answer.stdout.splitlines()) for name, answer in answers[1].items()}

    assert {name: code for name, (code, _) in said.items()} == {"embed": 0, "search": 3, "verify": 0, "filter": 3}
    assert said["search"][1][0].startswith("7 of 8 ")
    assert "No_Cardiomegaly/text.png: IMAGE_UNDECODABLE" in answers[1]["search"].stderr
    assert said["filter"][1][:4] == [
        "There are 8 images in the dataset",
        f"Anonymous images: {NEW}, 0 of them borderline",
        "Non-anonymous images: 1",
        "Without an answer, and so not released: 1",
    ]


def test_lookup_table_holds_every_training_image(folder):
    found = read_lookup_table(folder / "outputs/lookup_table.pth")

    assert len(found) == REAL
    assert all(name.startswith(str(folder / "mimic/files/p10/p1000003")) for name in found)


def test_three_nearest_by_euclidean_distance(folder):
    rows = table(folder / "outputs/nearest_images.csv")
    found = read_lookup_table(folder / "outputs/lookup_table.pth")
    copy = [row for row in rows if row["synthetic_image"].endswith("copy.jpg")]
    query = found[copy[0]["real_image"]].astype(np.float64)
    distances = sorted(np.linalg.norm(row.astype(np.float64) - query) for row in found.values())

    assert len(rows) == 3 * (NEW + 1)
    assert copy[0]["real_image"].endswith("image03.jpg")
    assert [row["rank"] for row in copy] == ["0", "1", "2"]
    assert [float(row["distance"]) for row in copy] == pytest.approx(distances[:3], abs=1e-5)


def test_score_of_a_copy_is_the_score_of_an_image_with_itself(folder):
    scores = {
        row["synthetic_image"].rsplit("/")[-1]: float(row["score"])
        for row in table(folder / "outputs/verification_results.csv")
    }

    assert len(scores) == NEW + 1
    assert scores.pop("copy.jpg") == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    assert max(scores.values()) < 0.4


def test_released_set_is_what_passed_in_its_class_folders_encoded_anew(folder):
    files = tree(folder / "outputs/filtered_dataset")
    manifest = json.loads(files.pop("manifest.json"))

    assert files.keys() == NEW_NAMES
    assert manifest["files"] == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert manifest["certification"] == "uncertified"
    assert all(files[f"Cardiomegaly/new{n}.png"] == encode_png(picture(1000 + n)) for n in (0, 2, 4))
    assert not [path for path in (folder / "outputs/filtered_dataset").rglob("*") if path.is_symlink()]


def test_no_real_path_and_no_real_pixel_is_in_the_released_set(folder):
    real = [np.asarray(Image.open(path)).tobytes() for path in (folder / "mimic").rglob("*.jpg")]
    for path in (folder / "outputs/filtered_dataset").rglob("*"):
        if path.suffix == ".png":
            assert np.asarray(Image.open(path)).tobytes() not in real
        elif path.is_file():
            assert b"mimic" not in path.read_bytes()
            assert b"p1000003" not in path.read_bytes()


def test_files_that_name_real_images_are_for_their_owner_only(folder):
    files = [path for path in (folder / "outputs").iterdir() if path.is_file()]

    assert len(files) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_filtering_again_gives_the_same_set_and_nothing_stale(folder):
    before = tree(folder / "outputs/filtered_dataset")
    (folder / "outputs/filtered_dataset/Cardiomegaly/stale.png").write_bytes(b"left from before")
    filter_dataset(config(folder), Options())

    assert tree(folder / "outputs/filtered_dataset") == before
    assert not (folder / "outputs/filtered_dataset.staged").exists()


def test_links_that_the_seed_left_are_gone(folder):
    place = folder / "outputs/filtered_dataset"
    shutil.rmtree(place)
    (place / "Cardiomegaly").mkdir(parents=True)
    (place / "Cardiomegaly/copy.jpg").symlink_to(folder / "synthetic/Cardiomegaly/copy.jpg")
    filter_dataset(config(folder), Options())

    assert released(folder) == NEW_NAMES


def test_image_that_changed_or_came_after_verification_is_not_released(folder):
    (folder / "synthetic/Cardiomegaly/new0.png").write_bytes(jpeg(5))
    (folder / "synthetic/Cardiomegaly/new2.png").write_bytes(encode_png(picture(7)))
    (folder / "synthetic/Cardiomegaly/late.png").write_bytes(encode_png(picture(2000)))
    filtered = filter_dataset(config(folder), Options())

    assert released(folder) == NEW_NAMES - {"Cardiomegaly/new0.png", "Cardiomegaly/new2.png"}
    assert filtered.decisions["Cardiomegaly/late.png"] == "INDETERMINATE"


def test_same_pixels_in_another_encoding_are_the_same_image(folder):
    Image.fromarray(picture(1000)).save(folder / "synthetic/Cardiomegaly/new0.png", compress_level=1)
    filter_dataset(config(folder), Options())

    assert released(folder) == NEW_NAMES


@pytest.mark.parametrize(
    ("name", "step"),
    [("lookup_table.pth", search), ("nearest_images.csv", verify), ("verification_results.csv", filter_dataset)],
)
def test_output_that_was_changed_is_refused_by_the_next_step(folder, name, step):
    path = folder / "outputs" / name
    if name.endswith(".pth"):
        write_lookup_table(path, dict(list(read_lookup_table(path).items())[1:]))
    else:
        path.write_text(path.read_text().replace("image03", "image04"))

    with pytest.raises(MismatchError, match="changed"):
        step(config(folder), Options())


@pytest.mark.parametrize(
    ("name", "steps"), [("lookup_table.pth", [verify, filter_dataset]), ("nearest_images.csv", [filter_dataset])]
)
def test_earlier_step_that_was_run_anew_is_noticed(folder, name, steps):
    path = folder / "outputs" / name
    note = read_origin(folder / "outputs/nearest_images.csv", "search", NOTED)
    path.write_bytes(path.read_bytes() + b"\n")
    write_origin(path, note)

    for step in steps:
        with pytest.raises(MismatchError, match="again"):
            step(config(folder), Options())


@pytest.mark.parametrize("step", [verify, filter_dataset])
def test_output_of_unknown_origin_is_refused(folder, step):
    for note in (folder / "outputs").glob("*.csv.json"):
        note.unlink()

    with pytest.raises(UsageError, match="writes: run it"):
        step(config(folder), Options())


def test_table_of_another_model_is_refused(folder):
    save_small_models(folder / "others", seed=1)

    with pytest.raises(MismatchError, match="run `cxrgate embed` again"):
        search(config(folder, retrieval_model="others/retrieval"), Options())


def test_table_that_the_seed_made_is_taken_when_its_embeddings_are_this_models(folder):
    path = folder / "outputs/lookup_table.pth"
    before = (folder / "outputs/nearest_images.csv").read_bytes()
    torch.save(read_lookup_table(path), path)
    path.with_name("lookup_table.pth.json").unlink()
    search(config(folder), Options())

    assert (folder / "outputs/nearest_images.csv").read_bytes() == before


def test_table_that_was_made_with_another_preprocessing_is_refused(folder):
    path = folder / "outputs/lookup_table.pth"
    torch.save({name: (row * 2 - 1).astype(np.float32) for name, row in read_lookup_table(path).items()}, path)
    path.with_name("lookup_table.pth.json").unlink()

    with pytest.raises(MismatchError, match="Run `cxrgate embed` again"):
        search(config(folder), Options())


def test_unreadable_real_image_fails_the_table_unless_it_is_excluded(folder):
    image = next((folder / "mimic").rglob("image05.jpg"))
    image.write_bytes(b"broken")
    with pytest.raises(EnrolmentError, match=r"image05\.jpg"):
        embed(config(folder), Options())
    (folder / "exclude.txt").write_text(image.relative_to(folder / "mimic").as_posix())

    assert embed(config(folder, exclude="exclude.txt"), Options()) == REAL - 1


def test_real_image_that_is_gone_leaves_no_score_and_nothing_released(folder):
    next((folder / "mimic").rglob("image03.jpg")).unlink()
    near = {
        row["synthetic_image"]
        for row in table(folder / "outputs/nearest_images.csv")
        if row["rank"] == "0" and "image03" in row["real_image"]
    }
    coverage = verify(config(folder), Options())
    filter_dataset(config(folder), Options())

    assert coverage.images - coverage.answered == len(near) > 0
    assert not {str(folder / "synthetic" / name) for name in released(folder)} & near


def test_scores_are_those_of_the_pairwise_forward(folder):
    model = load_model(folder / "models/verification")
    shape = model.manifest.preprocessing

    def tensor(path):
        grey = torch.from_numpy(np.array(resize(np.asarray(Image.open(path)), shape))).float() / 255
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (shape.mean, shape.std))
        return (grey - mean) / std

    for row in table(folder / "outputs/verification_results.csv"):
        with torch.inference_mode():
            logit = model.network(tensor(row["synthetic_image"]), tensor(row["real_image"]))
        assert float(row["score"]) == pytest.approx(torch.sigmoid(logit).item(), abs=1e-3)  # the head multiplies by 300
