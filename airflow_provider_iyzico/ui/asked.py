"""What a request asks for, beyond its address."""

from __future__ import annotations

from fastapi import Request

from airflow_provider_iyzico.ui.words import preferred


def language_of(request: Request) -> str:
    """Return the language that the page's script asks for, which is Airflow's, or else the browser's."""
    return preferred(request.headers.get("accept-language", ""), request.query_params.get("lang"))
