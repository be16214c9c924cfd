-- grain: one UTC day, app and step of the way from opening the app to sharing a developed photo
-- reads: staging.stg_events_between, staging.stg_photos
-- partition: opened_date
-- owner: analytics
-- limits: people by their first 'App Opened' of the day; each step after the one before and all within 24 hours of it,
--         so a day is whole once the next is over: build it again then. Capture and development are facts; opening and
--         sharing are what the client says, signed in. A photo counts as developed when it is revealed.
with events as (
    select
        app,
        user_id as person,
        name,
        happened_at
    from staging.stg_events_between(@day, date_add(@day, interval 1 day))
    where user_id is not null and name in ('App Opened', 'Photo Shared')
),

opened as (
    select
        app,
        person,
        min(happened_at) as opened_at,
        timestamp_add(min(happened_at), interval 24 hour) as until_at
    from events
    where name = 'App Opened' and date(happened_at) = @day
    group by app, person
),

captured as (
    select
        opened.app,
        opened.person,
        min(if(photos.is_developed and photos.reveal_at <= opened.until_at, photos.reveal_at, null)) as developed_at
    from opened
    inner join staging.stg_photos as photos
        on opened.person = photos.author and photos.captured_at between opened.opened_at and opened.until_at
    group by opened.app, opened.person
),

shared as (
    select distinct
        opened.app,
        opened.person
    from opened
    inner join captured on opened.app = captured.app and opened.person = captured.person
    inner join events on opened.app = events.app and opened.person = events.person
    where
        events.name = 'Photo Shared'
        and events.happened_at between captured.developed_at and opened.until_at
),

people as (
    select
        opened.app,
        case
            when shared.person is not null then 4
            when captured.developed_at is not null then 3
            when captured.person is not null then 2
            else 1
        end as reached
    from opened
    left join captured on opened.app = captured.app and opened.person = captured.person
    left join shared on opened.app = shared.app and opened.person = shared.person
),

steps as (
    select
        1 as step,
        'opened' as step_name
    union all
    select
        2 as step,
        'captured' as step_name
    union all
    select
        3 as step,
        'developed' as step_name
    union all
    select
        4 as step,
        'shared' as step_name
),

funnel as (
    select
        @day as opened_date,
        people.app,
        steps.step,
        steps.step_name,
        countif(people.reached >= steps.step) as people
    from people
    cross join steps
    group by people.app, steps.step, steps.step_name
)

select * from funnel
