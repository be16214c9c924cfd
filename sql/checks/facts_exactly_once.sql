-- claim: every record of facts.v1 stands in raw.facts_v1 once
with copies as (
    select
        kafka_partition,
        kafka_offset,
        count(*) as copies
    from raw.facts_v1
    where date(accepted_at) <= @day
    group by kafka_partition, kafka_offset
),

doubled as (
    select * from copies
    where copies > 1
)

select * from doubled
