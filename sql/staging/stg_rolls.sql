-- grain: one roll
-- reads: raw.facts_v1
-- partition: none; every roll since 2020
-- owner: analytics
-- limits: names are personal and stay in the log. members are those of now, owner included.
with facts as (
    select
        type,
        `aggregate` as roll,
        if(type = 'RollMemberRemoved', json_value(payload, '$.whom'), user_id) as person,
        accepted_at,
        payload,
        kafka_partition,
        kafka_offset
    from raw.facts_v1
    where
        accepted_at >= timestamp '2020-01-01'
        and type in ('RollOpened', 'RollClosed', 'RollJoined', 'RollLeft', 'RollMemberRemoved')
),

opened as (
    select *
    from facts
    where type = 'RollOpened'
    qualify row_number() over (partition by roll order by kafka_partition, kafka_offset) = 1
),

last_words as (
    select
        roll,
        person,
        type
    from facts
    where type != 'RollClosed'
    qualify row_number() over (partition by roll, person order by kafka_partition desc, kafka_offset desc) = 1
),

members as (
    select
        roll,
        countif(type in ('RollOpened', 'RollJoined')) as members
    from last_words
    group by roll
),

closed as (
    select
        roll,
        min(accepted_at) as closed_at
    from facts
    where type = 'RollClosed'
    group by roll
),

rolls as (
    select
        opened.roll,
        opened.person as owner,
        json_value(opened.payload, '$.film') as film,
        json_value(opened.payload, '$.develop') as develop,
        json_value(opened.payload, '$.tz') as tz,
        json_value(opened.payload, '$.visibility') as visibility,
        opened.accepted_at as opened_at,
        closed.closed_at,
        members.members
    from opened
    inner join members on opened.roll = members.roll
    left join closed on opened.roll = closed.roll
)

select * from rolls
