-- grain: one UTC day, app, feed and mark (1, 5, 10, 20, 50, 100, 200): how many scrolls went at least so deep
-- reads: staging.stg_events_on, staging.stg_sessions
-- partition: activity_date
-- owner: analytics
-- limits: a scroll is one feed in one session, as deep as its deepest 'Feed Scrolled' (properties.depth, the place of
--         the lowest photo seen, from 1); events without a whole number >= 1 there are left out. Needs the app to send
--         them.
with events as (
    select
        app,
        person,
        happened_at,
        coalesce(json_value(properties, '$.feed'), 'unknown') as feed,
        safe_cast(json_value(properties, '$.depth') as int64) as depth
    from staging.stg_events_on(@day)
    where name = 'Feed Scrolled' and person is not null
),

scrolls as (
    select
        events.app,
        events.feed,
        events.person,
        sessions.started_at,
        max(events.depth) as depth
    from events
    inner join staging.stg_sessions(date_sub(@day, interval 1 day), @day) as sessions
        on
            events.app = sessions.app
            and events.person = sessions.person
            and events.happened_at between sessions.started_at and sessions.ended_at
    where events.depth >= 1
    group by events.app, events.feed, events.person, sessions.started_at
),

depths as (
    select
        @day as activity_date,
        scrolls.app,
        scrolls.feed,
        mark,
        countif(scrolls.depth >= mark) as scrolls
    from scrolls
    cross join unnest([1, 5, 10, 20, 50, 100, 200]) as mark
    group by scrolls.app, scrolls.feed, mark
)

select * from depths
