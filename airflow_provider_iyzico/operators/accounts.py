"""Asks for several accounts' balances at once. An account that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from airflow_provider_iyzico.errors import (
    IyzicoAccountsError,
    IyzicoConfigurationError,
    IyzicoError,
    Retry,
    unexpected,
)
from airflow_provider_iyzico.hooks.iyzico import IyzicoHook

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.balance import Balance
    from airflow_provider_iyzico.hooks.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

#: Threads that wait for iyzico. Only if this many accounts hang does another one have to wait for them.
AT_ONCE = 64


def read_conn_ids(given: object) -> list[str]:
    """Return the Connections that an author named: one, or a list.

    :raises IyzicoConfigurationError: it names none, or one twice
    """
    conn_ids = [given] if isinstance(given, str) else list(given) if isinstance(given, Sequence) else []
    if (
        not conn_ids
        or not all(isinstance(conn_id, str) and conn_id for conn_id in conn_ids)
        or len(set(conn_ids)) < len(conn_ids)
    ):
        raise IyzicoConfigurationError(f"iyzico_conn_id is {given!r}; name one Connection, or a list of different ones")
    return [str(conn_id) for conn_id in conn_ids]


def balances_of(conn_ids: Sequence[str]) -> dict[str, tuple[Settings, Balance] | IyzicoError]:
    """Ask for the balances of several Connections at the same time, and return for each its balance or its error.

    Connections are read one after the other by the task's own thread; only the requests run side by side.

    :raises IyzicoConfigurationError: two of them are the same account to finance
    """
    with ExitStack() as stack:
        hooks = {conn_id: IyzicoHook(conn_id) for conn_id in conn_ids}
        for hook in hooks.values():
            stack.callback(attempt, hook.close)
        failed = {conn_id: error for conn_id, hook in hooks.items() if (error := attempt(hook.refresh))}
        usable = {conn_id: hook for conn_id, hook in hooks.items() if conn_id not in failed}
        _check_apart(usable)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="iyzico") as pool:
            asked = {conn_id: attempt(_begin, pool, hook) for conn_id, hook in usable.items()}
            seen = {conn_id: each if isinstance(each, IyzicoError) else each.result() for conn_id, each in asked.items()}
    return {conn_id: failed[conn_id] if conn_id in failed else seen[conn_id] for conn_id in conn_ids}


def attempt(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | IyzicoError:
    """Act for one account, and return its error instead of raising it, so that the other accounts go on."""
    try:
        return act(*args, **kwargs)
    except IyzicoError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this account's own
        typed = unexpected(error)
        typed.__cause__ = error
        return typed


def explained(failures: dict[str, IyzicoError], count: int) -> IyzicoError:
    """Return what a task fails with when ``failures`` of its ``count`` accounts failed."""
    if count == 1:
        return next(iter(failures.values()))
    errors = list(failures.values())
    kept = count - len(errors)
    others = f", the other{'s were' if kept > 1 else ' was'}" if kept else ", so none is kept"
    said = "; ".join(f"{conn_id}: {type(error).__name__}: {error}" for conn_id, error in failures.items())
    all_of_them = IyzicoAccountsError(
        f"{len(errors)} of {count} accounts could not be kept{others}: {said}",
        retry=_retry_of({error.retry for error in errors}),
    )
    all_of_them.__cause__ = ExceptionGroup("what failed", errors)
    return all_of_them


def _begin(pool: ThreadPoolExecutor, hook: IyzicoHook) -> Future[tuple[Settings, Balance] | IyzicoError]:
    return pool.submit(attempt, _ask, hook)


def _retry_of(answers: set[Retry]) -> Retry:
    """Return the common answer of several errors: a retry is safe if it may help any account and nothing can happen twice."""
    return next(retry for retry in (Retry.READ_BACK_FIRST, Retry.SAFE, Retry.NEVER) if retry in answers)


def _ask(hook: IyzicoHook) -> tuple[Settings, Balance]:
    return hook.settings, hook.get_balance()


def _check_apart(hooks: dict[str, IyzicoHook]) -> None:
    """Refuse two Connections with one label: they would share one row, and the second balance would be lost."""
    labels: dict[tuple[str, str], str] = {}
    for conn_id, hook in hooks.items():
        label = hook.settings.environment, hook.settings.account
        if label in labels:
            raise IyzicoConfigurationError(
                f"Connections {labels[label]!r} and {conn_id!r} have the same account {label[1]!r} ({label[0]}): one row would "
                "hide the other; give each an 'account' of its own in its extra"
            )
        labels[label] = conn_id
