"""The notebooks, run from their first cell to their last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "notebooks"
NOTEBOOK = FOLDER / "first_lessons.ipynb"
PICTURES = {"first_lessons.ipynb": 3, "own_data.ipynb": 1}

pytestmark = [
    pytest.mark.slow,
    # What Jupyter's own packages warn of is not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def run(notebook):
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    return notebook


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_it_runs_and_draws_its_pictures(name):
    notebook = nbformat.read(FOLDER / name, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are made, not kept"
    outputs = [output for cell in run(notebook).cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == PICTURES[name]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_a_claim_that_does_not_hold_stops_it():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    places = [i for i, cell in enumerate(notebook.cells) if cell.source.startswith("assert")]
    notebook.cells = notebook.cells[: places[0] + 1]
    notebook.cells[-1].source = notebook.cells[-1].source.replace("np.allclose", "not np.allclose")
    with pytest.raises(CellExecutionError, match="AssertionError"):
        run(notebook)
