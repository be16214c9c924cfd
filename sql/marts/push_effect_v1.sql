-- grain: one UTC day, app and kind of push: how many arrived and were opened, and what came of it
-- reads: staging.stg_events_between, staging.stg_photos
-- partition: pushed_date
-- owner: analytics
-- limits: what the app says of pushes, signed in: 'Push Received' and 'Push Opened' (properties.push, their id, and
--         properties.kind). A push counts once a person, whatever devices showed it; as opened within 24 hours, so a
--         day is whole once the next is over: build it again then; as captured when its reader takes a photo within an
--         hour of opening it. A push that no device has told of is not there, opened or not.
with events as (
    select
        app,
        user_id as person,
        name,
        happened_at,
        json_value(properties, '$.push') as push,
        coalesce(json_value(properties, '$.kind'), 'unknown') as kind
    from staging.stg_events_between(date_sub(@day, interval 1 day), date_add(@day, interval 1 day))
    where user_id is not null and name in ('Push Received', 'Push Opened')
),

received as (
    select
        app,
        person,
        push,
        min(kind) as kind,
        min(happened_at) as received_at
    from events
    where name = 'Push Received' and push is not null
    group by app, person, push
    having date(min(happened_at)) = @day
),

opened as (
    select
        received.app,
        received.person,
        received.push,
        min(events.happened_at) as opened_at
    from received
    inner join events
        on
            received.app = events.app
            and received.person = events.person
            and received.push = events.push
            and received.received_at <= events.happened_at
            and timestamp_add(received.received_at, interval 24 hour) >= events.happened_at
    where events.name = 'Push Opened'
    group by received.app, received.person, received.push
),

captured as (
    select distinct
        opened.app,
        opened.person,
        opened.push
    from opened
    inner join staging.stg_photos as photos
        on
            opened.person = photos.author
            and photos.captured_at between opened.opened_at and timestamp_add(opened.opened_at, interval 1 hour)
),

effect as (
    select
        @day as pushed_date,
        received.app,
        received.kind,
        count(distinct received.person) as people,
        count(*) as received,
        count(opened.push) as opened,
        count(captured.push) as captured
    from received
    left join opened
        on received.app = opened.app and received.person = opened.person and received.push = opened.push
    left join captured
        on received.app = captured.app and received.person = captured.person and received.push = captured.push
    group by received.app, received.kind
)

select * from effect
