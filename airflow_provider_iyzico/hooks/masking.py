"""What Airflow's masker is told, so that no log shows a key, a header or a signature."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import mask_secret

from airflow_provider_iyzico.hooks.locks import forkable_lock

if TYPE_CHECKING:
    from airflow_provider_iyzico.api.secrecy import Secret

#: Airflow's masker keeps every pattern, compiles all of them again for each new one, and tries all on every log line. So a
#: process that lives for weeks (the triggerer) registers the signatures of its first attempts only. After that the key's constant
#: base64 text still hides the key in a header, and our own code prints no header.
MASKED_ATTEMPTS = 16
_attempts_masked = itertools.count()
#: Masking speaks to the task's supervisor. Before Airflow 3.2 two threads that do so at once get each other's answers.
_masking = forkable_lock()


def mask(secrets: list[Secret[str]]) -> None:
    """Register secrets. They stay hidden until the last moment: this may hang or fail, and then this frame is shown."""
    with _masking:
        for secret in secrets:
            mask_secret(secret.reveal())


def mask_attempt(secrets: list[Secret[str]]) -> None:
    """Register the secrets of one signed attempt, as long as the process has made few."""
    if next(_attempts_masked) < MASKED_ATTEMPTS:
        mask(secrets)
