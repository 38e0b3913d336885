"""From a task to the page: the account and the day that the task is about, and never a reason for a task to fail."""

import json
from datetime import datetime
from importlib import import_module
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest
from support import HAS_PAGES, NO_PAGES, connect

from airflow_provider_iyzico import links
from airflow_provider_iyzico.get_provider_info import get_provider_info
from airflow_provider_iyzico.links import BalancePageLink, account_and_day
from airflow_provider_iyzico.operators.mass_payout import MassPayoutBalanceOperator
from airflow_provider_iyzico.sensors.mass_payout import MassPayoutBalanceSensor

WHO = {"environment": "sandbox", "account": "şube & co", "currency": "TRY"}


def asked(operator):
    link = urlsplit(BalancePageLink().get_link(operator, ti_key=None))
    assert link.path == "/iyzico/"
    return dict(parse_qsl(link.query))


def test_a_gate_leads_to_its_account_on_the_day_that_its_reports_count(iyzico, monkeypatch):
    connect(monkeypatch, iyzico, account="şube", report_timezone="Pacific/Kiritimati")
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    found = asked(MassPayoutBalanceSensor(task_id="gate", batch_total="1"))
    assert found == WHO | {"account": "şube", "range": "day", "last": str(today)}


def test_a_snapshot_leads_to_the_account_and_day_that_it_kept_whatever_letters_they_have():
    operator = MassPayoutBalanceOperator(task_id="snapshot")
    assert asked(operator) == {}
    operator._shown = account_and_day(*WHO.values(), "2026-11-29")
    assert asked(operator) == WHO | {"range": "day", "last": "2026-11-29"}


@pytest.mark.parametrize("connection", [None, "", json.dumps({"conn_type": "http", "host": "x"})])
def test_a_task_whose_connection_cannot_be_read_leads_to_the_page_all_the_same(monkeypatch, connection):
    if connection is None:
        monkeypatch.delenv("AIRFLOW_CONN_IYZICO_DEFAULT", raising=False)
    else:
        monkeypatch.setenv("AIRFLOW_CONN_IYZICO_DEFAULT", connection)
    assert asked(MassPayoutBalanceSensor(task_id="gate", batch_total="1")) == {}


def test_airflow_is_told_of_the_link():
    (path,) = get_provider_info()["extra-links"]
    module, _, name = path.rpartition(".")
    assert getattr(import_module(module), name) is BalancePageLink


@pytest.mark.skipif(not HAS_PAGES, reason=NO_PAGES)
@pytest.mark.parametrize("kind", [MassPayoutBalanceOperator, MassPayoutBalanceSensor])
def test_operators_and_sensors_have_the_link_and_colours_that_tell_them_apart(kind):
    assert [link.name for link in kind.operator_extra_links] == ["iyzico balance"]
    assert MassPayoutBalanceOperator.ui_color != MassPayoutBalanceSensor.ui_color


@pytest.mark.skipif(HAS_PAGES, reason="this Airflow has a page")
def test_an_airflow_without_the_page_shows_no_link_to_it():
    assert links.PAGE_LINKS == MassPayoutBalanceOperator.operator_extra_links == ()
