"""No snapshot is rolled up whose account this role sees only in part."""

from datetime import timedelta

import pytest
from postgres import database_with_reader
from snapshots import day, put, run
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from support import POSTGRESQL

from airflow_provider_iyzico.errors import WarehouseConfigurationError
from airflow_provider_iyzico.warehouse.rollup.rebuild import rebuild

POLICIES = {
    "all": "true",
    "its account": "account = 'a'",
    "from a day on": "observed_at >= '2026-10-03'",
    "some": "extract(day FROM observed_at) <> 2",
}


@pytest.mark.parametrize("minutes", [0, -24 * 60], ids=["newest", "late"])
@pytest.mark.parametrize("shown", POLICIES.values(), ids=list(POLICIES))
def test_a_policy_that_hides_snapshots_of_the_account_keeps_nothing_and_any_other_hinders_nothing(postgres_url, shown, minutes):
    with database_with_reader(postgres_url, POSTGRESQL) as (owner, url):
        for number in (1, 2):
            put(owner, "a", day(number))
            put(owner, "b", day(number))
        run(
            owner,
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {url.username}",
            "ALTER TABLE iyzico_balance_snapshot ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY shown ON iyzico_balance_snapshot USING ({shown}) WITH CHECK (true)",
        )
        role = create_engine(owner.url.set(username=url.username, password=url.password), poolclass=NullPool)
        moment = day(3) + timedelta(minutes=minutes - 1)
        if shown in ("true", "account = 'a'"):
            assert put(role, "a", moment, create_table=False)["balance"] == 5
        else:
            with pytest.raises(WarehouseConfigurationError, match="row level security hides [12] snapshots of production/a/TRY"):
                put(role, "a", moment, create_table=False)
        with owner.begin() as connection:
            assert rebuild(connection) == []
