-- claim: nobody uses an app for 12 hours without a pause of half an hour; who does is a robot, or an app left running
with sessions as (
    select
        app,
        person,
        started_at,
        ended_at,
        events
    from staging.stg_sessions(@day, @day)
),

endless as (
    select * from sessions
    where ended_at >= timestamp_add(started_at, interval 12 hour)
)

select * from endless
