-- claim: of each app's events received on the day, at most one in ten is a copy of one we had
with received as (
    select
        app,
        count(*) as received
    from raw.events_v1
    where date(received_at) = @day
    group by app
),

kept as (
    select
        app,
        count(*) as kept
    from staging.stg_events_on(@day)
    group by app
),

too_many as (
    select
        received.app,
        received.received,
        coalesce(kept.kept, 0) as kept
    from received
    left join kept on received.app = kept.app
    where (received.received - coalesce(kept.kept, 0)) * 10 > received.received
)

select * from too_many
