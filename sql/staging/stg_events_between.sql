-- grain: one analytics event of an app, received on a UTC day from from_day to to_day, both included
-- reads: raw.events_v1
-- takes: from_day DATE, to_day DATE
-- partition: none; the days are arguments, since a filter from outside is not pushed below the QUALIFY
-- owner: analytics
-- limits: a messageId that comes again is one event only within the days asked for; of its copies the first received
--         stays. person is a claim of the client: the user id, before sign-in the device's anonymous id. happened_at
--         is our clock less the time the event waited on the phone (sent_at - occurred_at, both of the phone's clock,
--         so that a wrong clock cancels out); received_at where the phone does not say, or says more than 30 days.
with received as (
    select
        *,
        timestamp_diff(sent_at, occurred_at, microsecond) as waited_us
    from raw.events_v1
    where date(received_at) between from_day and to_day
),

once as (
    select *
    from received
    qualify row_number() over (
        partition by app, event_id
        order by received_at, kafka_partition, kafka_offset, batch_index
    ) = 1
),

renamed as (
    select
        event_id,
        app,
        name,
        type,
        coalesce(user_id, anonymous_id) as person,
        user_id,
        anonymous_id,
        session,
        coalesce(country, 'ZZ') as country,
        os,
        app_version,
        sdk,
        date(received_at) as received_day,
        received_at,
        if(
            waited_us between 0 and 2592000000000,
            timestamp_sub(received_at, interval waited_us microsecond),
            received_at
        ) as happened_at,
        occurred_at,
        sent_at,
        properties,
        context
    from once
)

select * from renamed
