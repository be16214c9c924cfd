-- grain: one UTC day, app and country in which at least one event was received
-- reads: staging.stg_events_between
-- partition: activity_date
-- owner: analytics
-- limits: the day is ours (received_at), not the client's clock. country 'ZZ' is unknown. Somebody seen in two
--         countries counts in both, so active_users must not be summed; before and after sign-in are two people.
with events as (
    select * from staging.stg_events_between(@day, @day)
),

daily as (
    select
        received_day as activity_date,
        app,
        country,
        count(distinct person) as active_users,
        count(*) as events
    from events
    group by activity_date, app, country
)

select * from daily
