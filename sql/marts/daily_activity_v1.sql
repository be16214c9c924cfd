-- grain: one UTC day, app and country in which at least one event was received
-- reads: staging.stg_events_on, staging.stg_person_days
-- partition: activity_date
-- owner: analytics
-- limits: the day is ours (received_at), not the client's clock. country 'ZZ' is unknown. Somebody seen in two
--         countries counts in both, so people must not be summed (daily_totals_v1 has the sum); before and after
--         sign-in are two people. Weekly is 7 days up to this one, monthly 28: four whole weeks, so that it has no
--         rhythm.
with events as (
    select
        app,
        country,
        count(distinct person) as active_users,
        count(*) as events
    from staging.stg_events_on(@day)
    group by app, country
),

people as (
    select
        app,
        country,
        count(distinct if(active_day > date_sub(@day, interval 7 day), person, null)) as weekly_active_users,
        count(distinct person) as monthly_active_users
    from staging.stg_person_days(date_sub(@day, interval 27 day), @day)
    group by app, country
),

daily as (
    select
        @day as activity_date,
        events.app,
        events.country,
        events.active_users,
        events.events,
        coalesce(people.weekly_active_users, 0) as weekly_active_users,
        coalesce(people.monthly_active_users, 0) as monthly_active_users
    from events
    left join people on events.app = people.app and events.country = people.country
)

select * from daily
