"""The example of the reference runs, and the reference names every public function."""

import ast
import re
from pathlib import Path

import pytest

import headwater.analysis

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "analysis.md").read_text(encoding="utf-8")
INNER = {
    "exact",
    "forest",
    "inputs",
    "noncentral",
    "param_columns",
    "result",
    "student",
    "variance_shares",
}


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(block, "analysis.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Unusable values were left out: 0 of 6 in wide, 1 of 6 in deep." in printed
    assert "26 seeds find an effect of 0.8 deviations" in printed


def test_the_reference_names_every_public_function() -> None:
    missing = []
    for path in Path(headwater.analysis.__path__[0]).glob("*.py"):
        if path.stem in INNER:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        missing += [n for n in names if not n.startswith("_") and not re.search(rf"\b{n}\b", PAGE)]
    assert missing == []
