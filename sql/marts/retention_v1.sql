-- grain: one UTC day and cohort: the people who registered on one of the 31 days up to it
-- reads: raw.facts_v1, raw.events_v1
-- partition: activity_date
-- owner: analytics
-- limits: active is who sent an event as this user, or did something themselves (a fact; what a processor made does
--         not count). On day 0 everybody is. The user id of an event is the client's claim. A day reads that day's
--         events and the registrations of 31 days, no more, so each square of the triangle is built once.
with cohorts as (
    select
        user_id as person,
        min(date(accepted_at)) as cohort_date
    from raw.facts_v1
    where
        date(accepted_at) between date_sub(@day, interval 30 day) and @day
        and type = 'UserRegistered'
    group by person
),

active as (
    select user_id as person
    from raw.events_v1
    where date(received_at) = @day and user_id is not null
    union distinct
    select user_id as person
    from raw.facts_v1
    where date(accepted_at) = @day and type not in ('PhotoDeveloped', 'PhotoSpoiled')
),

retained as (
    select
        @day as activity_date,
        cohorts.cohort_date,
        date_diff(@day, cohorts.cohort_date, day) as days_since,
        count(*) as cohort_size,
        countif(active.person is not null) as retained
    from cohorts
    left join active on cohorts.person = active.person
    group by cohorts.cohort_date
)

select * from retained
