"""The notebooks, run as they are committed, in a kernel of Jupyter, from a folder of their own."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.installations import ROOT

FOLDER = ROOT / "docs/notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
SAYS = {
    "filter-a-diffusion-set.ipynb": ("18 of 18 planted files were stopped; passed: []", "24 images may be released"),
    "choose-thresholds-and-look-at-pairs.ipynb": ("before: Verdicts(42 images: 24 ANONYMOUS",),
    "guide-a-diffusers-pipeline.ipynb": ("normal: 6 kept", "enlarged heart: 4 kept", "0 images passed and 12 did not"),
}
GALLERIES = {"filter-a-diffusion-set.ipynb": 12, "choose-thresholds-and-look-at-pairs.ipynb": 16}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A checkout as far as the notebooks look around in it; what they draw and enrol stays here."""
    root = tmp_path_factory.mktemp("notebooks")
    (root / "model_store").symlink_to(ROOT / "model_store")
    shutil.copytree(FOLDER, root / "docs/notebooks")
    return root / "docs/notebooks"


@pytest.fixture
def kernel_environment(tmp_path_factory, monkeypatch):
    """A kernel that writes nothing into the user's own folders."""
    folder = tmp_path_factory.mktemp("user")
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "CXRGATE_CACHE"):
        monkeypatch.setenv(name, str(folder / name.lower()))


@pytest.mark.filterwarnings("default")  # of Jupyter's own packages
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_shows_what_it_speaks_of(name, place, kernel_environment):
    book = nbformat.read(place / name, as_version=4)
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(place)}}).execute()

    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    told = "\n".join(output.get("text", "") for output in outputs)
    html = "\n".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert all(words in told for words in SAYS[name]), told
    assert html.count('src="data:image/png;base64,') == GALLERIES.get(name, 0)


def test_there_are_three():
    assert set(NOTEBOOKS) == set(SAYS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_output_is_committed(name):
    cells = json.loads(Path(FOLDER / name).read_text())["cells"]
    ran = [cell for cell in cells if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])]

    assert ran == []
