-- claim: of the records accepted on the day none is missing and none stands twice; a dead letter is missing here, too
with incomplete as (
    select
        topic,
        kafka_partition,
        accepted_hour,
        accepted_records,
        missing_records,
        doubled_rows
    from marts.delivery_ledger_v1
    where ledger_date = @day and (missing_records != 0 or doubled_rows != 0)
)

select * from incomplete
