-- grain: one session: events of one person in one app with no pause longer than 30 minutes between them
-- reads: staging.stg_events_between
-- takes: from_day DATE, to_day DATE
-- partition: none; the days are arguments
-- owner: analytics
-- limits: sessions are cut where the days asked for begin and end, so ask for a day more on either side. The SDK's own
--         session id is not used: half of the SDKs send none. Events without a person are in no session.
with events as (
    select
        *,
        lag(happened_at) over (partition by app, person order by happened_at, event_id) as previous_at
    from staging.stg_events_between(from_day, to_day)
    where person is not null
),

numbered as (
    select
        *,
        countif(previous_at is null or happened_at > timestamp_add(previous_at, interval 30 minute))
            over (partition by app, person order by happened_at, event_id) as session_number
    from events
),

sessions as (
    select
        app,
        person,
        date(min(happened_at)) as session_day,
        min(happened_at) as started_at,
        max(happened_at) as ended_at,
        timestamp_diff(max(happened_at), min(happened_at), second) as seconds,
        count(*) as events,
        countif(type in ('screen', 'page')) as screens
    from numbered
    group by app, person, session_number
)

select * from sessions
