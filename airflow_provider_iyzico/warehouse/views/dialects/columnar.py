"""The words that columnar warehouses share. They enforce no keys, have no indexes, and know few correlated subqueries.

There the roll-up is views over the snapshots (``ROLL_UP_VIEWS``), and nothing but the snapshots is kept.
"""

WORDS = {
    # Many divide in floating point or to a few decimals, so amounts and minutes are divided as whole numbers.
    "minutes": "$scaled[$whole[floor(($micros[{0}; {1}] + 3000) / 6000)]; 0.0001]",
    "average": "$scaled[$whole[$quotient[2 * $units[$sum[{0}]] + count({0}); 2 * count({0})]]; 0.00000001]",
    "days": "$scaled[$whole[$quotient[200 * $units[{0}] + $units[{1}]; 2 * $units[{1}]]]; 0.01]",
    "units": "$whole[({0}) * 100000000]",
    "quotient": "((({0}) - mod({0}, {1})) / ({1}))",
    "whole": "CAST({0} AS DECIMAL(38, 0))",
    "scaled": "({0} * {1})",
    "once": """(
     SELECT *
     FROM (SELECT u.*, row_number() OVER (PARTITION BY {1} ORDER BY {2}) AS copy_number FROM {0} AS u) AS copies
     WHERE copy_number = 1)""",
    "newest_snapshots": """(
     SELECT *
     FROM (
          SELECT o.*,
                 row_number() OVER (
                     PARTITION BY environment, account, currency ORDER BY observed_at DESC, snapshot_id DESC) AS place
          FROM iyzico_balance_observed AS o) AS placed
     WHERE place = 1)""",
    "is_newest": "{0}.environment = {1}.environment AND {0}.account = {1}.account AND {0}.currency = {1}.currency",
    "days_and_next": """(
     SELECT e.*, lead(local_date) OVER (PARTITION BY environment, account, currency ORDER BY local_date) AS next_date
     FROM iyzico_balance_day AS e)""",
    "day_before": "$days_later[$day_of[{0}; 'UTC']; -1]",
    "day_after": "$days_later[$day_of[{0}; 'UTC']; 1]",
    # So many copies of each row, with a number from zero on.
    "numbered": """(
     WITH digit AS (
          SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
          UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)
     SELECT *
     FROM {0} AS counted
     JOIN (
          SELECT i.n + 10 * x.n + 100 * c.n + 1000 * m.n + 10000 * t.n AS number
          FROM digit AS i CROSS JOIN digit AS x CROSS JOIN digit AS c CROSS JOIN digit AS m CROSS JOIN digit AS t) AS numbers
       ON number < {1})""",
    "is_day_before": "{0}.local_date < {2} AND ({0}.next_date >= {2} OR {0}.next_date IS NULL)",
}
