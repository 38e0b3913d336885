-- Grain: one row per batch.
-- Question: what was asked for, what became of it, who began it, who approved it, and who had it paid?
-- requested = invalid + cancelled + paid + returned + outstanding, in items and in money.
-- Outstanding items are valid, and neither paid, nor back on the balance, nor cancelled. They are waiting (nothing is decided, as
-- before the batch is authorized), out (the money left, and has neither arrived nor come back), or unknown (nobody documented their
-- status). Unpaid items are the valid ones that are not paid.
-- Money is in major units. Totals are without commission. Commissions are what iyzico states. Moments are in UTC.
-- `approved_by` lists the people whose approval counted when the batch was sent to be paid. Before that, it lists those whose
-- approval counts now, if the batch is still as the newest of them saw it. Approvals end if a task goes on with other items than
-- they saw. Names are compared letter by letter, ignoring capitals.
-- `needs_person` is 1 if the batch or one of its items is in iyzico_payout_exception.
SELECT
    batch.environment,
    batch.account,
    batch.currency,
    batch.external_id,
    batch.request_id,
    batch.purpose,
    batch.state,
    items.requested_items,
    items.requested_total,
    items.invalid_items,
    items.invalid_total,
    items.valid_items,
    items.valid_total,
    items.cancelled_items,
    items.cancelled_total,
    items.paid_items,
    items.paid_total,
    items.paid_commission,
    items.returned_items,
    items.returned_total,
    items.returned_commission,
    items.outstanding_items,
    items.outstanding_total,
    items.outstanding_commission,
    items.waiting_items,
    items.waiting_total,
    items.out_items,
    items.out_total,
    items.unknown_items,
    items.unknown_total,
    items.unpaid_items,
    CASE WHEN problem.external_id IS NULL THEN 0 ELSE 1 END AS needs_person,
    batch.dag_id,
    batch.run_id,
    batch.created_at,
    approval.persons AS approved_by,
    approval.approved_at,
    went.dag_id AS authorized_dag_id,
    went.task_id AS authorized_task_id,
    went.run_id AS authorized_run_id,
    went.person AS authorized_person,
    went.authorized_at,
    batch.ended_at
FROM iyzico_payout AS batch
LEFT JOIN (
    SELECT
        item.environment,
        item.account,
        item.external_id,
        count(*) AS requested_items,
        $money[sum(item.amount)] AS requested_total,
        $count_of[item.meaning = 'invalid'] AS invalid_items,
        $sum_of[item.meaning = 'invalid'; item.amount] AS invalid_total,
        $count_of[item.meaning <> 'invalid'] AS valid_items,
        $sum_of[item.meaning <> 'invalid'; item.amount] AS valid_total,
        $count_of[item.meaning = 'cancelled'] AS cancelled_items,
        $sum_of[item.meaning = 'cancelled'; item.amount] AS cancelled_total,
        $count_of[item.meaning = 'paid'] AS paid_items,
        $sum_of[item.meaning = 'paid'; item.amount] AS paid_total,
        $sum_of[item.meaning = 'paid'; item.commission] AS paid_commission,
        $count_of[item.meaning = 'returned'] AS returned_items,
        $sum_of[item.meaning = 'returned'; item.amount] AS returned_total,
        $sum_of[item.meaning = 'returned'; item.commission] AS returned_commission,
        $count_of[item.meaning IN ('waiting', 'out', 'unknown')] AS outstanding_items,
        $sum_of[item.meaning IN ('waiting', 'out', 'unknown'); item.amount] AS outstanding_total,
        $sum_of[item.meaning IN ('waiting', 'out', 'unknown'); item.commission] AS outstanding_commission,
        $count_of[item.meaning = 'waiting'] AS waiting_items,
        $sum_of[item.meaning = 'waiting'; item.amount] AS waiting_total,
        $count_of[item.meaning = 'out'] AS out_items,
        $sum_of[item.meaning = 'out'; item.amount] AS out_total,
        $count_of[item.meaning = 'unknown'] AS unknown_items,
        $sum_of[item.meaning = 'unknown'; item.amount] AS unknown_total,
        $count_of[item.meaning NOT IN ('invalid', 'paid')] AS unpaid_items
    FROM (
        SELECT
            one.environment,
            one.account,
            one.external_id,
            one.amount,
            COALESCE(one.commission, 0) AS commission,
            $meaning[one.status] AS meaning
        FROM iyzico_payout_item AS one
    ) AS item
    GROUP BY item.environment, item.account, item.external_id
) AS items
    ON items.environment = batch.environment
    AND items.account = batch.account
    AND items.external_id = batch.external_id
LEFT JOIN (
    SELECT DISTINCT
        one.environment,
        one.account,
        one.external_id
    FROM iyzico_payout_exception AS one
) AS problem
    ON problem.environment = batch.environment
    AND problem.account = batch.account
    AND problem.external_id = batch.external_id
LEFT JOIN iyzico_payout_authorization AS went
    ON went.environment = batch.environment
    AND went.account = batch.account
    AND went.external_id = batch.external_id
LEFT JOIN (
    SELECT
        word.environment,
        word.account,
        word.external_id,
        $listed[word.person; word.happened_at] AS persons,
        max(word.happened_at) AS approved_at
    FROM iyzico_payout_event AS word
    LEFT JOIN iyzico_payout_authorization AS sent
        ON sent.environment = word.environment
        AND sent.account = word.account
        AND sent.external_id = word.external_id
    WHERE word.kind = 'approved'
        AND word.approval_digest = COALESCE(sent.approval_digest, word.approval_digest)
        AND word.counts_until > COALESCE(sent.sent_at, sent.authorized_at, $now)
        AND NOT EXISTS (
            SELECT 1
            FROM iyzico_payout_event AS later
            WHERE later.environment = word.environment
                AND later.account = word.account
                AND later.external_id = word.external_id
                AND later.version > word.version
                AND (
                    (later.kind = 'taken up' AND later.version < COALESCE(sent.version, later.version + 1))
                    OR (
                        later.kind IN ('approved', 'rejected')
                        AND (
                            lower(later.person) IN (lower(word.person), lower(word.person_id))
                            OR lower(later.person_id) IN (lower(word.person), lower(word.person_id))
                            OR (sent.approval_digest IS NULL AND later.approval_digest <> word.approval_digest)
                        )
                    )
                )
        )
        AND NOT EXISTS (
            SELECT 1
            FROM iyzico_payout_event AS run
            WHERE run.environment = word.environment
                AND run.account = word.account
                AND run.external_id = word.external_id
                AND (run.kind IN ('registered', 'corrected', 'commission bound', 'taken up') OR run.version = sent.version)
                AND lower(run.triggered_by) IN (lower(word.person), lower(word.person_id))
        )
    GROUP BY word.environment, word.account, word.external_id
) AS approval
    ON approval.environment = batch.environment
    AND approval.account = batch.account
    AND approval.external_id = batch.external_id
