"""The provider's metadata. It imports nothing of Airflow, because every Airflow process calls it."""

from __future__ import annotations

from typing import Any

from airflow_provider_iyzico import __version__

INTEGRATION = "iyzico"
CONN_TYPE = "iyzico"
DEFAULT_WAREHOUSE_CONN_ID = "iyzico_warehouse"
#: What the Connection's form offers and the hook accepts; the first language is the default.
LOCALES = ("tr", "en")
DEFAULT_TIMEOUT_SECONDS, MAX_TIMEOUT_SECONDS = 30, 300
DEFAULT_TIMEZONE = "Europe/Istanbul"

#: The port is shown because the Test button of Airflow's page sends 0 for one that is not set, and Airflow refuses that.
CONNECTION_FORM: dict[str, Any] = {
    "hidden-fields": ["schema"],
    "relabeling": {"login": "API key", "password": "Secret key"},
    "placeholders": {
        "login": "sandbox-… for the sandbox, otherwise production",
        "password": "of the same environment as the API key",
        "host": "leave empty: it follows from the API key",
        "port": "443, so that the Test button works",
    },
}

CONNECTION_FIELDS: dict[str, Any] = {
    "account": {
        "label": "Account",
        "schema": {"type": ["string", "null"], "maxLength": 64},
        "description": "Label of this merchant account in reports; without one, a fingerprint of the API key",
    },
    "locale": {
        "label": "Locale",
        "schema": {"type": ["string", "null"], "enum": [*LOCALES], "default": LOCALES[0]},
        "description": "Language of iyzico's messages",
    },
    "timeout": {
        "label": "Timeout (seconds)",
        # Whole seconds, because forms count in them; JSON may give parts of a second.
        "schema": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_TIMEOUT_SECONDS,
            "default": DEFAULT_TIMEOUT_SECONDS,
        },
        "description": "Time limit for one call and its repeated attempts",
    },
    "report_timezone": {
        "label": "Report time zone",
        "schema": {"type": ["string", "null"], "default": DEFAULT_TIMEZONE},
        "description": "Time zone of the days in reports, as an IANA name",
    },
    "ca_bundle": {
        "label": "CA bundle",
        "schema": {"type": ["string", "null"]},
        "description": "PEM file with certificates to trust, if a proxy re-signs TLS. Verification cannot be turned off",
    },
    "allow_custom_host": {
        "label": "Allow a custom host",
        "schema": {"type": ["boolean", "null"], "default": False},
        "description": "Lets sandbox keys go to a host that is not iyzico's",
    },
    "can_pay": {
        "label": "Can pay",
        "schema": {"type": ["boolean", "null"], "default": False},
        "description": "Lets DAGs pay batches with this Connection. It then also needs account and currency",
    },
    "currency": {
        "label": "Currency",
        "schema": {"type": ["string", "null"], "maxLength": 3},
        "description": "ISO 4217 code of the balance, such as TRY. Another currency is refused",
    },
}

CONFIGURATION: dict[str, Any] = {
    "iyzico": {
        "description": "The page of the iyzico provider inside Airflow.",
        "options": {
            "warehouse_conn_id": {
                "description": "The SQL Connection whose reporting views the page shows. It is read, never written.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "finance_reader",
                "default": DEFAULT_WAREHOUSE_CONN_ID,
            },
            "warehouse_schema": {
                "description": "The schema of the views, if it is not the Connection's own.",
                "version_added": "0.1.0",
                "type": "string",
                "example": "finance",
                "default": "",
            },
        },
    }
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the shape of Airflow's ``provider_info.schema.json``."""
    package = "airflow_provider_iyzico"
    return {
        "package-name": "airflow-provider-iyzico",
        "name": "iyzico",
        "description": "Mass payouts through iyzico: balance snapshots for finance, and a gate that waits for the money.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://docs.iyzico.com/en/products/mass-payout",
                "tags": ["service"],
            }
        ],
        "hooks": [{"integration-name": INTEGRATION, "python-modules": [f"{package}.hooks.iyzico"]}],
        "operators": [{"integration-name": INTEGRATION, "python-modules": [f"{package}.operators.mass_payout"]}],
        "sensors": [{"integration-name": INTEGRATION, "python-modules": [f"{package}.sensors.mass_payout"]}],
        "triggers": [{"integration-name": INTEGRATION, "python-modules": [f"{package}.triggers.mass_payout"]}],
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": f"{package}.hooks.iyzico.IyzicoHook",
                "hook-name": "iyzico",
                "ui-field-behaviour": CONNECTION_FORM,
                "conn-fields": CONNECTION_FIELDS,
            }
        ],
        "extra-links": [f"{package}.links.BalancePageLink"],
        "plugins": [{"name": "iyzico", "plugin-class": f"{package}.ui.plugin.IyzicoPlugin"}],
        "config": CONFIGURATION,
    }
