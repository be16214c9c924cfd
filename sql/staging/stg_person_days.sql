-- grain: one UTC day, app, country and person of whom an event was received, from from_day to to_day, both included
-- reads: raw.events_v1
-- takes: from_day DATE, to_day DATE
-- partition: none; the days are arguments
-- owner: analytics
-- limits: reads four narrow columns and no order, so that a month of it is cheap; a copy of an event counts on the day
--         it was received, too. Events without any id of a person are nobody's.
with days as (
    select distinct
        date(received_at) as active_day,
        app,
        coalesce(country, 'ZZ') as country,
        coalesce(user_id, anonymous_id) as person
    from raw.events_v1
    where
        date(received_at) between from_day and to_day
        and coalesce(user_id, anonymous_id) is not null
)

select * from days
