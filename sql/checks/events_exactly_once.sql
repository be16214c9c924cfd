-- claim: every event of the log stands in raw.events_v1 once, over the eight days up to the day asked for
with copies as (
    select
        kafka_partition,
        kafka_offset,
        batch_index,
        count(*) as copies
    from raw.events_v1
    where date(received_at) between date_sub(@day, interval 8 day) and @day
    group by kafka_partition, kafka_offset, batch_index
),

doubled as (
    select * from copies
    where copies > 1
)

select * from doubled
