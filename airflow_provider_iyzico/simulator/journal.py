"""What had an effect, in order: tests count authorizations here, even after their client has died."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airflow_provider_iyzico.simulator.wishes import ControlError

#: What may be in the journal. Requests without an effect are only in ``seen``.
EFFECTS = {
    "init": "a batch was stored",
    "auth": "a batch was authorized; needed, balance and promised are those of that moment",
    "cancel": "a batch was cancelled",
    "taken": "an item's amount and commission left the balance",
    "paid": "the bank paid an item",
    "failed": "the bank did not pay an item",
    "returned": "an item's amount and commission came back to the balance",
    "stopped": "a batch stopped, because the balance did not cover it",
    "resumed": "a stopped batch goes on after a top-up",
    "top_up": "money came in",
    "withdraw": "money was taken out",
}
#: How each line of the file begins.
_BEGINNING = b'{"number": '


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect. Amounts are digits; ``at`` is in seconds since the epoch by the simulator's clock.

    ``by`` says who did it: ``api``, ``panel`` (a person), or ``bank`` (time). ``needed`` is what the batch takes from the
    balance, commission included. ``promised`` is what batches that were authorized before have not taken yet.
    """

    number: int
    at: float
    what: str
    by: str
    balance: str
    external_id: str | None = None
    request_id: str | None = None
    item_external_id: str | None = None
    amount: str | None = None
    commission: str | None = None
    needed: str | None = None
    promised: str | None = None

    def public(self) -> dict[str, Any]:
        """Return the effect as the control door and the file have it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Journal:
    """The effects of this simulator, and with a file also those that earlier ones wrote to it.

    :param path: JSON, one effect a line, on disk before the answer leaves. A last line that was torn by a power cut is dropped.
    :raises ControlError: it cannot be read or written, or is no journal
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path)
        self._written = 0
        self._effects: list[Effect] = []
        if self._path is not None:
            try:
                self._read(self._path)
            except (OSError, ValueError, TypeError) as error:
                raise ControlError(
                    f"journal {self._path} cannot be used ({error}); name a new file, or one that a simulator wrote"
                ) from error

    def _read(self, path: Path) -> None:
        path.touch()
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        torn = torn.rstrip(b"\0")  # as a power cut leaves behind
        if torn[: len(_BEGINNING)] != _BEGINNING[: len(torn)]:
            raise ValueError("its last line is no effect")  # another file must not be cut
        self._effects = [Effect(**json.loads(line)) for line in whole.splitlines()]
        self._written = len(self._effects)
        os.truncate(path, len(whole) + bool(whole))

    def add(self, what: str, **details: Any) -> None:
        self._effects.append(Effect(number=len(self._effects) + 1, what=what, **details))

    def flush(self) -> None:
        """Put what is new on disk, so that it survives this process and the machine."""
        new = self._effects[self._written :]
        if self._path is not None and new:
            with self._path.open("ab") as file:
                file.write(b"".join(f"{json.dumps(effect.public())}\n".encode() for effect in new))
                file.flush()
                os.fsync(file.fileno())
        self._written = len(self._effects)

    def __len__(self) -> int:
        return len(self._effects)

    def effects(self) -> list[Effect]:
        return list(self._effects)
