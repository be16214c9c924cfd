-- grain: one analytics event of an app that was received on that UTC day for the first time
-- reads: staging.stg_events_between, raw.events_v1
-- takes: on_day DATE
-- partition: none; the day is an argument
-- owner: analytics
-- limits: an event whose copy was received in the eight days before belongs to that earlier day, so building a day
--         again gives the same; a copy later than eight days counts as a second event.
with received as (
    select
        event_id,
        app,
        name,
        type,
        person,
        user_id,
        anonymous_id,
        session,
        country,
        os,
        app_version,
        sdk,
        received_day,
        received_at,
        happened_at,
        occurred_at,
        sent_at,
        properties,
        context
    from staging.stg_events_between(on_day, on_day)
),

earlier as (
    select
        app,
        event_id
    from raw.events_v1
    where date(received_at) between date_sub(on_day, interval 8 day) and date_sub(on_day, interval 1 day)
),

first_time as (
    select *
    from received
    where
        not exists (
            select 1
            from earlier
            where earlier.app = received.app and earlier.event_id = received.event_id
        )
)

select * from first_time
