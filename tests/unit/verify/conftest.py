"""The command as a person runs it, over real sockets, without its pauses."""

from types import SimpleNamespace

import pytest
from verdicts import verdicts_in

from airflow_provider_iyzico.verify import observation
from airflow_provider_iyzico.verify.__main__ import main


@pytest.fixture
def pauses(monkeypatch):
    """Collect the pauses between requests instead of making them."""
    made = []
    monkeypatch.setattr(observation, "time", SimpleNamespace(sleep=made.append))
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # main sets it, and this takes it away again
    return made


@pytest.fixture
def verify(pauses, capsys):
    def run(*arguments):
        code = main([*arguments])
        output = capsys.readouterr()
        return SimpleNamespace(code=code, report=output.out, problem=output.err, verdicts=verdicts_in(output.out))

    return run
