import os

import pytest

from tests.micropython import engine


@pytest.fixture(scope="session")
def micropython() -> engine.Engine:
    found = engine.find()
    if isinstance(found, str):
        if os.environ.get("MANUL_NEED_MICROPYTHON"):
            pytest.fail(found)
        pytest.skip(found)
    return found
