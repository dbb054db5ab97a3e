"""`import headwater` and the errors stay light: statistics are loaded by those who want them."""

import subprocess
import sys
from pathlib import Path

import headwater.analysis
from headwater.errors import AnalysisError, InvalidParameterError


def test_importing_headwater_loads_no_scipy() -> None:
    program = (
        "import headwater, headwater.analysis, sys\n"
        "assert not {'scipy', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_every_module_has_a_test_or_serves_those_that_do() -> None:
    here, modules = Path(__file__).parent, Path(headwater.analysis.__path__[0])
    tested = {path.stem.removeprefix("test_") for path in here.glob("test_*.py")}
    inner = {
        "__init__",
        "exact",
        "forest",
        "hierarchical",
        "inputs",
        "noncentral",
        "param_columns",
        "result",
        "student",
        "variance_shares",
    }
    assert {path.stem for path in modules.glob("*.py")} - tested == inner


def test_a_server_answers_bad_numbers_as_bad_parameters() -> None:
    assert issubclass(AnalysisError, InvalidParameterError)
