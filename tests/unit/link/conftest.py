import pytest

from tests.link_rig import Bench


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "unit")
    yield made
    made.journal.close()
