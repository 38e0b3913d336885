-- Grain: one row per payout movement, as in iyzico_payout_movement, once a snapshot was taken after it.
-- Question: on which day does a movement count in the roll-forward?
-- `local_date` is the day of the first snapshot after the ledger saw the movement: only then must the balance show it. If the balance
-- may have shown it on an earlier day (since the first snapshot after `not_before`), it is the first day on which the balance lost
-- that much, and for a return the last day on which the balance gained that much. What the balance lost or gained before that time or
-- after it does not count. Days are those of the account's report time zone. Money is in major units. Moments are in UTC.
WITH dated AS $materialized (
    SELECT
        spread.*,
        CASE
            WHEN spread.first_date = spread.last_date THEN NULL
            WHEN spread.direction = 'left' THEN $lost[spread; spread.first_at; observed.observed_at < first_day.ends_at]
            ELSE $gained[spread; spread.first_at; observed.observed_at < first_day.ends_at]
        END AS moved_first,
        CASE WHEN spread.first_date <> spread.last_date AND spread.direction = 'returned'
            THEN $gained[spread; last_day.starts_at; observed.observed_at <= spread.last_at]
        END AS moved_last
    FROM (
        SELECT
            between_two.*,
            $day_of[between_two.report_timezone; between_two.first_at] AS first_date,
            $day_of[between_two.report_timezone; between_two.last_at] AS last_date
        FROM (
            SELECT
                span.*,
                owner.report_timezone,
                $snapshot_after[span; span.not_before] AS first_at,
                $snapshot_after[span; span.happened_at] AS last_at
            FROM (
                -- Most movements of a batch have the same moments.
                SELECT DISTINCT seen.environment, seen.account, seen.currency, seen.direction, seen.not_before, seen.happened_at
                FROM iyzico_payout_movement AS seen
            ) AS span
            JOIN iyzico_account AS owner
                ON owner.environment = span.environment
                AND owner.account = span.account
                AND owner.currency = span.currency
            $computed_once
        ) AS between_two
        WHERE between_two.last_at IS NOT NULL
        $computed_once
    ) AS spread
    LEFT JOIN iyzico_report_day AS first_day
        ON first_day.report_timezone = spread.report_timezone
        AND first_day.local_date = spread.first_date
    LEFT JOIN iyzico_report_day AS last_day
        ON last_day.report_timezone = spread.report_timezone
        AND last_day.local_date = spread.last_date
    $computed_once
)
SELECT
    shown.environment,
    shown.account,
    shown.currency,
    shown.external_id,
    shown.item_external_id,
    shown.version,
    CASE WHEN shown.first_date = shown.last_date THEN shown.last_date
        WHEN shown.direction = 'left' THEN COALESCE((
            SELECT min(day.local_date)
            FROM iyzico_balance_day AS day
            WHERE day.environment = shown.environment
                AND day.account = shown.account
                AND day.currency = shown.currency
                AND day.local_date BETWEEN shown.first_date AND shown.last_date
                AND CASE WHEN day.local_date = shown.first_date THEN shown.moved_first ELSE day.outflow END >= shown.amount
        ), shown.last_date)
        ELSE COALESCE((
            SELECT max(day.local_date)
            FROM iyzico_balance_day AS day
            WHERE day.environment = shown.environment
                AND day.account = shown.account
                AND day.currency = shown.currency
                AND day.local_date BETWEEN shown.first_date AND shown.last_date
                AND CASE
                    WHEN day.local_date = shown.first_date THEN shown.moved_first
                    WHEN day.local_date = shown.last_date THEN shown.moved_last
                    ELSE day.inflow
                END >= shown.amount
        ), shown.last_date)
    END AS local_date,
    shown.happened_at,
    shown.direction,
    shown.amount,
    shown.commission
FROM (
    SELECT movement.*, dated.first_date, dated.last_date, dated.moved_first, dated.moved_last
    FROM iyzico_payout_movement AS movement
    JOIN dated
        ON dated.environment = movement.environment
        AND dated.account = movement.account
        AND dated.currency = movement.currency
        AND dated.direction = movement.direction
        AND dated.not_before = movement.not_before
        AND dated.happened_at = movement.happened_at
) AS shown
