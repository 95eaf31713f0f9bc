"""The supervisor's own tests once more, under the interpreter that will run it in the field."""

import json

from tests.micropython.engine import ROOT

SUITE = ROOT / "tests" / "micropython" / "suite.py"


def test_every_policy_test_passes_under_micropython_too(micropython):
    modules = sorted(path.stem for path in (ROOT / "tests" / "unit" / "supervisor").glob("test_*.py"))
    lines = micropython.run(SUITE, *[f"tests.unit.supervisor.{module}" for module in modules]).splitlines()
    results = [json.loads(line) for line in lines if line.startswith("{")]
    assert {r["test"].rpartition(".")[0].rpartition(".")[2] for r in results} == set(modules)
    assert not (bad := [r["test"] + ":\n" + r["trouble"] for r in results if r["trouble"]]), "\n".join(bad)
