-- Grain: one row per account, environment, currency and local day, from the account's first day on.
-- Question: do the balances of the day agree with what came in and with what payouts took and gave back?
-- opening + came_in - left_total - left_commission + returned_total + returned_commission = expected_closing, and what the closing
-- balance has more or less than that is unexplained.
-- Days are those of iyzico_balance_daily. On the account's first day, the opening is the first balance seen. Payouts are those of
-- iyzico_payout_movement; each counts on the day on which the ledger saw it. A payout that iyzico took before midnight and that the
-- ledger saw later is unexplained on two days, once less and once more. `under_way` is what may be so at the end of the day: amount
-- and commission of items that were authorized, and of which the ledger did not know yet whether they left.
-- `came_in` is what the balance gained and no return explains. Nobody can tell whether that was a top-up. It is what was seen: between
-- two snapshots, or between a snapshot and the balance on which a hold was placed. Money that comes and goes in between cannot be seen.
-- On a day without an observation the balance is unknown, so that came_in, expected_closing, closing and unexplained are NULL.
-- Money is in major units. Moments are in UTC.
WITH moved AS (
    SELECT
        booked.environment,
        booked.account,
        booked.currency,
        booked.local_date,
        $sum_of[booked.direction = 'left'; booked.amount] AS left_total,
        $sum_of[booked.direction = 'left'; booked.commission] AS left_commission,
        $sum_of[booked.direction = 'returned'; booked.amount] AS returned_total,
        $sum_of[booked.direction = 'returned'; booked.commission] AS returned_commission
    FROM (
        SELECT movement.*, $day_of[movement.happened_at] AS local_date
        FROM iyzico_payout_movement AS movement
        JOIN iyzico_account AS owner
            ON owner.environment = movement.environment
            AND owner.account = movement.account
            AND owner.currency = movement.currency
    ) AS booked
    GROUP BY booked.environment, booked.account, booked.currency, booked.local_date
),
waiting AS (
    SELECT booked.environment, booked.account, booked.currency, booked.local_date, $money[sum(booked.began)] AS began
    FROM (
        SELECT going.*, $day_of[going.happened_at] AS local_date
        FROM (
            SELECT
                item.environment,
                item.account,
                batch.currency,
                COALESCE(way.authorized_at, way.sent_at) AS happened_at,
                item.amount + COALESCE(item.commission, 0) AS began
            FROM iyzico_payout_authorization AS way
            JOIN iyzico_payout AS batch
                ON batch.environment = way.environment
                AND batch.account = way.account
                AND batch.external_id = way.external_id
            JOIN iyzico_payout_item AS item
                ON item.environment = way.environment
                AND item.account = way.account
                AND item.external_id = way.external_id
            UNION ALL
            SELECT
                event.environment,
                event.account,
                batch.currency,
                $greatest[event.happened_at; COALESCE(way.authorized_at, way.sent_at)],
                CASE WHEN $under_way[event.after] THEN 1 ELSE -1 END * (item.amount + COALESCE(item.commission, 0))
            FROM iyzico_payout_authorization AS way
            JOIN iyzico_payout AS batch
                ON batch.environment = way.environment
                AND batch.account = way.account
                AND batch.external_id = way.external_id
            JOIN iyzico_payout_event AS event
                ON event.environment = way.environment
                AND event.account = way.account
                AND event.external_id = way.external_id
                AND event.kind = 'item'
            JOIN iyzico_payout_item AS item
                ON item.environment = event.environment
                AND item.account = event.account
                AND item.external_id = event.external_id
                AND item.item_external_id = event.item_external_id
            WHERE $under_way[event.after] <> $under_way[COALESCE(event.before, '')]
        ) AS going
        JOIN iyzico_account AS owner
            ON owner.environment = going.environment
            AND owner.account = going.account
            AND owner.currency = going.currency
    ) AS booked
    GROUP BY booked.environment, booked.account, booked.currency, booked.local_date
),
-- What came in and went out again between two snapshots, but was seen when a hold was placed in between.
hidden AS (
    SELECT gap.environment, gap.account, gap.currency, later.local_date,
        sum($positive[gap.balance - COALESCE(gap.previous, former.balance)]
            + CASE WHEN gap.is_last = 1
                THEN $positive[later.balance - gap.balance] - $positive[later.balance - former.balance]
                ELSE 0
            END) AS amount
    FROM (
        SELECT
            seen.*,
            lag(seen.balance) OVER (PARTITION BY seen.former_id, seen.later_id ORDER BY seen.placed_at, seen.hold_id) AS previous,
            CASE WHEN lead(seen.hold_id) OVER (PARTITION BY seen.former_id, seen.later_id ORDER BY seen.placed_at, seen.hold_id) IS NULL
                THEN 1 ELSE 0
            END AS is_last
        FROM (
            SELECT
                hold.hold_id,
                hold.environment,
                hold.account,
                hold.currency,
                hold.placed_at,
                hold.balance,
                (
                    SELECT observed.snapshot_id
                    FROM iyzico_balance_observed AS observed
                    WHERE observed.environment = hold.environment
                        AND observed.account = hold.account
                        AND observed.currency = hold.currency
                        AND observed.observed_at <= hold.placed_at
                    ORDER BY observed.observed_at DESC, observed.snapshot_id DESC
                    LIMIT 1
                ) AS former_id,
                (
                    SELECT observed.snapshot_id
                    FROM iyzico_balance_observed AS observed
                    WHERE observed.environment = hold.environment
                        AND observed.account = hold.account
                        AND observed.currency = hold.currency
                        AND observed.observed_at > hold.placed_at
                    ORDER BY observed.observed_at, observed.snapshot_id
                    LIMIT 1
                ) AS later_id
            FROM iyzico_balance_hold AS hold
            WHERE hold.balance IS NOT NULL
        ) AS seen
    ) AS gap
    JOIN iyzico_balance_observed AS former ON former.snapshot_id = gap.former_id
    JOIN iyzico_balance_observed AS later ON later.snapshot_id = gap.later_id
    GROUP BY gap.environment, gap.account, gap.currency, later.local_date
)
SELECT
    figures.environment,
    figures.account,
    figures.currency,
    figures.local_date,
    figures.report_timezone,
    figures.starts_at,
    figures.ends_at,
    figures.opening,
    figures.came_in,
    figures.left_total,
    figures.left_commission,
    figures.returned_total,
    figures.returned_commission,
    $money[figures.opening + figures.came_in - figures.gone] AS expected_closing,
    figures.closing,
    $money[figures.closing - figures.opening - figures.came_in + figures.gone] AS unexplained,
    $money[COALESCE((
        SELECT sum(waiting.began)
        FROM waiting
        WHERE waiting.environment = figures.environment
            AND waiting.account = figures.account
            AND waiting.currency = figures.currency
            AND waiting.local_date <= figures.local_date
    ), 0)] AS under_way,
    figures.observations,
    figures.is_complete
FROM (
    SELECT
        sums.*,
        CASE WHEN sums.closing IS NOT NULL
            THEN $money[$greatest[$least[sums.closing - sums.opening + sums.gone; sums.gained]; sums.gained - sums.came_back; 0]]
        END AS came_in
    FROM (
        SELECT
            day.environment,
            day.account,
            day.currency,
            day.local_date,
            day.report_timezone,
            day.starts_at,
            day.ends_at,
            COALESCE(day.opening, $money[day.closing - day.inflow + day.outflow]) AS opening,
            day.closing,
            day.inflow + COALESCE(hidden.amount, 0) AS gained,
            COALESCE(moved.left_total, 0) AS left_total,
            COALESCE(moved.left_commission, 0) AS left_commission,
            COALESCE(moved.returned_total, 0) AS returned_total,
            COALESCE(moved.returned_commission, 0) AS returned_commission,
            COALESCE(moved.returned_total + moved.returned_commission, 0) AS came_back,
            COALESCE(moved.left_total + moved.left_commission - moved.returned_total - moved.returned_commission, 0) AS gone,
            day.observations,
            day.is_complete
        FROM iyzico_balance_daily AS day
        LEFT JOIN moved
            ON moved.environment = day.environment
            AND moved.account = day.account
            AND moved.currency = day.currency
            AND moved.local_date = day.local_date
        LEFT JOIN hidden
            ON hidden.environment = day.environment
            AND hidden.account = day.account
            AND hidden.currency = day.currency
            AND hidden.local_date = day.local_date
    ) AS sums
) AS figures
