-- grain: one UTC day, app and country in which at least one event was received
-- reads: staging.stg_events_between
-- partition: day
-- owner: analytics
-- limits: the day is ours (received_at), not the client's clock. country 'ZZ' is unknown. Somebody seen in two
--         countries counts in both, so dau must not be summed; before and after sign-in are two people.
with events as (
    select * from staging.stg_events_between(@day, @day)
),

daily as (
    select
        received_day as day,
        app,
        country,
        count(distinct person) as dau,
        count(*) as events
    from events
    group by day, app, country
)

select * from daily
