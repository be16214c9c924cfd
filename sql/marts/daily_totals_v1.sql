-- grain: one UTC day
-- reads: staging.stg_events_on, staging.stg_person_days, raw.facts_v1
-- partition: activity_date
-- owner: analytics
-- limits: people over all apps and countries, each once; what they did is counted from facts, by our clock.
with events as (
    select
        count(distinct person) as active_users,
        count(*) as events
    from staging.stg_events_on(@day)
),

people as (
    select
        count(distinct if(active_day > date_sub(@day, interval 7 day), person, null)) as weekly_active_users,
        count(distinct person) as monthly_active_users
    from staging.stg_person_days(date_sub(@day, interval 27 day), @day)
),

facts as (
    select
        count(distinct if(type = 'UserRegistered', `aggregate`, null)) as registered,
        count(distinct if(type = 'PhotoCaptured', `aggregate`, null)) as photos_captured,
        count(distinct if(type = 'PhotoSpoiled', `aggregate`, null)) as photos_spoiled,
        count(distinct if(type = 'PhotoCaptured', user_id, null)) as photographers,
        count(distinct if(type = 'RollOpened', `aggregate`, null)) as rolls_opened,
        count(distinct if(type in ('UserFollowed', 'FollowAccepted'), fact_id, null)) as follows
    from raw.facts_v1
    where date(accepted_at) = @day
),

totals as (
    select
        @day as activity_date,
        events.active_users,
        people.weekly_active_users,
        people.monthly_active_users,
        events.events,
        facts.registered,
        facts.photos_captured,
        facts.photos_spoiled,
        facts.photographers,
        facts.rolls_opened,
        facts.follows
    from events, people, facts
)

select * from totals
