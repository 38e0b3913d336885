"""The Connection form for Airflow before 3.2. Later versions read it from the provider's metadata."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico.get_provider_info import CONNECTION_FIELDS, CONNECTION_FORM


def field_behaviour() -> dict[str, Any]:
    """Return what Airflow hides, renames and suggests among its own fields."""
    return {name.replace("-", "_"): value for name, value in CONNECTION_FORM.items()}


def widgets() -> dict[str, Any]:
    """Return the form's extra fields by name."""
    from wtforms import BooleanField, IntegerField, StringField

    kinds = {"boolean": BooleanField, "integer": IntegerField, "string": StringField}
    return {
        name: kinds[spec["schema"]["type"][0]](spec["label"], description=spec["description"])
        for name, spec in CONNECTION_FIELDS.items()
    }
