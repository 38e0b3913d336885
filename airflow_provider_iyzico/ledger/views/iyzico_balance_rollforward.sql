-- Grain: one row per account, environment, currency and local day, from the account's first day on.
-- Question: do the balances of the day agree with what came in and with what payouts took and gave back?
-- opening + came_in - left_total - left_commission + returned_total + returned_commission = expected_closing, and what the closing
-- balance has more or less than that is unexplained.
-- Days are those of iyzico_balance_daily. On the account's first day, the opening is the first balance seen. Payouts are those of
-- iyzico_payout_booking.
-- `came_in` is what the balance gained and no return explains. Nobody can tell whether that was a top-up. It is what was seen: between
-- two snapshots, or between a snapshot and the balance on which a hold was placed. Money that comes and goes in between cannot be seen.
-- `under_way` is what may be missing from the closing balance: amount and commission of items that were authorized before that balance
-- was seen, and of which the ledger does not know yet whether they left. What it knows by the newest snapshot is booked instead.
-- On a day without an observation the balance is unknown, so that came_in, expected_closing, closing and unexplained are NULL.
-- Money is in major units. Moments are in UTC.
WITH moved AS (
    SELECT
        booking.environment,
        booking.account,
        booking.currency,
        booking.local_date,
        $sum_of[booking.direction = 'left'; booking.amount] AS left_total,
        $sum_of[booking.direction = 'left'; booking.commission] AS left_commission,
        $sum_of[booking.direction = 'returned'; booking.amount] AS returned_total,
        $sum_of[booking.direction = 'returned'; booking.commission] AS returned_commission
    FROM iyzico_payout_booking AS booking
    GROUP BY booking.environment, booking.account, booking.currency, booking.local_date
),
went AS (
    SELECT way.environment, way.account, batch.currency, way.external_id, COALESCE(way.authorized_at, way.sent_at) AS went_at
    FROM iyzico_payout_authorization AS way
    JOIN iyzico_payout AS batch
        ON batch.environment = way.environment
        AND batch.account = way.account
        AND batch.external_id = way.external_id
),
-- What went to be paid on a day and is under way. Once a snapshot was taken after its result was known, it is booked, or never left.
going AS (
    SELECT dated.environment, dated.account, dated.currency, dated.local_date, $money[sum(dated.amount)] AS amount
    FROM (
        SELECT seen.*, $day_of[seen.report_timezone; seen.seen_at] AS local_date
        FROM (
            SELECT turn.*, $snapshot_after[turn; turn.went_at] AS seen_at
            FROM (
                SELECT
                    went.environment,
                    went.account,
                    went.currency,
                    went.went_at,
                    owner.report_timezone,
                    sum(item.amount + COALESCE(item.commission, 0)) AS amount
                FROM went
                JOIN iyzico_account AS owner
                    ON owner.environment = went.environment
                    AND owner.account = went.account
                    AND owner.currency = went.currency
                JOIN iyzico_payout_item AS item
                    ON item.environment = went.environment
                    AND item.account = went.account
                    AND item.external_id = went.external_id
                WHERE $under_way[item.status] OR item.status_at > owner.newest_at
                GROUP BY went.environment, went.account, went.currency, went.external_id, went.went_at, owner.report_timezone
                $computed_once
            ) AS turn
            $computed_once
        ) AS seen
        $computed_once
    ) AS dated
    GROUP BY dated.environment, dated.account, dated.currency, dated.local_date
),
-- What is under way of all that went by a day, until the next day on which something went.
running AS (
    SELECT
        going.environment,
        going.account,
        going.currency,
        going.local_date AS from_date,
        lead(going.local_date) OVER so_far AS next_date,
        sum(going.amount) OVER so_far AS amount
    FROM going
    WINDOW so_far AS (PARTITION BY going.environment, going.account, going.currency ORDER BY going.local_date)
),
-- Each hold that was placed on a balance, with the snapshots before and after it.
placed AS (
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
),
-- What came in and went out again between two snapshots, but was seen when a hold was placed in between.
hidden AS (
    SELECT step.environment, step.account, step.currency, step.local_date, sum(step.amount) AS amount
    FROM (
        SELECT
            gap.environment,
            gap.account,
            gap.currency,
            $day_of[owner.report_timezone; later.observed_at] AS local_date,
            $positive[gap.balance - COALESCE(gap.previous, former.balance)]
                + CASE WHEN gap.next_id IS NULL
                    THEN $positive[later.balance - gap.balance] - $positive[later.balance - former.balance]
                    ELSE 0
                END AS amount
        FROM (
            SELECT
                placed.*,
                lag(placed.balance) OVER between_two AS previous,
                lead(placed.hold_id) OVER between_two AS next_id
            FROM placed
            WINDOW between_two AS (PARTITION BY placed.former_id, placed.later_id ORDER BY placed.placed_at, placed.hold_id)
        ) AS gap
        JOIN iyzico_balance_observed AS former ON former.snapshot_id = gap.former_id
        JOIN iyzico_balance_observed AS later ON later.snapshot_id = gap.later_id
        JOIN iyzico_account AS owner
            ON owner.environment = gap.environment
            AND owner.account = gap.account
            AND owner.currency = gap.currency
    ) AS step
    GROUP BY step.environment, step.account, step.currency, step.local_date
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
    $money[COALESCE(running.amount, 0)] AS under_way,
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
LEFT JOIN running
    ON running.environment = figures.environment
    AND running.account = figures.account
    AND running.currency = figures.currency
    AND running.from_date <= figures.local_date
    AND (running.next_date IS NULL OR running.next_date > figures.local_date)
