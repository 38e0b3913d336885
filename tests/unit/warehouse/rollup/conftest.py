import pytest


@pytest.fixture
def engine(kept_engine):
    """What the tests of the roll-up mean: where it is kept."""
    return kept_engine
