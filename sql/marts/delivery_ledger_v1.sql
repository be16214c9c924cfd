-- grain: one topic, Kafka partition and hour in which records of it were accepted
-- reads: raw.events_v1, raw.facts_v1
-- partition: ledger_date
-- owner: analytics
-- limits: accepted is what the offsets say: stored and missing, where missing are the offsets skipped just before a
--         stored record. A missing record is a dead letter or lost; the warehouse cannot tell (`python -m processors
--         dead` lists the letters). Nothing is known of what stands behind the last stored record, nor of a gap whose
--         edges lie more than eight days apart. What the collector refused never got an offset.
with stored as (
    select
        'events.v1' as topic,
        kafka_partition,
        kafka_offset,
        min(received_at) as accepted_at,
        count(*) as stored_rows,
        count(*) - count(distinct batch_index) as doubled_rows
    from raw.events_v1
    where date(received_at) between date_sub(@day, interval 8 day) and date_add(@day, interval 1 day)
    group by kafka_partition, kafka_offset
    union all
    select
        'facts.v1' as topic,
        kafka_partition,
        kafka_offset,
        min(accepted_at) as accepted_at,
        count(*) as stored_rows,
        count(*) - 1 as doubled_rows
    from raw.facts_v1
    where date(accepted_at) between date_sub(@day, interval 8 day) and date_add(@day, interval 1 day)
    group by kafka_partition, kafka_offset
),

gaps as (
    select
        *,
        kafka_offset - 1 - lag(kafka_offset) over (
            partition by topic, kafka_partition
            order by kafka_offset
        ) as skipped
    from stored
),

ledger as (
    select
        @day as ledger_date,
        topic,
        kafka_partition,
        timestamp_trunc(accepted_at, hour) as accepted_hour,
        count(*) + coalesce(sum(skipped), 0) as accepted_records,
        count(*) as stored_records,
        coalesce(sum(skipped), 0) as missing_records,
        sum(stored_rows) as stored_rows,
        sum(doubled_rows) as doubled_rows,
        min(kafka_offset) as first_offset,
        max(kafka_offset) as last_offset
    from gaps
    where date(accepted_at) = @day
    group by topic, kafka_partition, accepted_hour
)

select * from ledger
