-- grain: one roll and UTC day on which a fact about it or its photos was accepted: how it stood when the day ended
-- reads: raw.facts_v1, staging.stg_photos
-- partition: summary_date
-- owner: analytics
-- limits: how a roll stands today is its newest row; a reveal alone makes no row, and revealed counts what is due by
--         the end of the day. Names of rolls are personal and stay in the log.
with said as (
    select
        type,
        coalesce(json_value(payload, '$.roll'), `aggregate`) as roll,
        if(type = 'RollMemberRemoved', json_value(payload, '$.whom'), user_id) as person,
        accepted_at,
        kafka_partition,
        kafka_offset
    from raw.facts_v1
    where
        date(accepted_at) between date '2020-01-01' and @day
        and (starts_with(type, 'Roll') or json_value(payload, '$.roll') is not null)
),

touched as (
    select distinct roll
    from said
    where date(accepted_at) = @day
),

last_words as (
    select
        said.roll,
        said.type
    from said
    inner join touched on said.roll = touched.roll
    where said.type in ('RollOpened', 'RollJoined', 'RollLeft', 'RollMemberRemoved')
    qualify row_number() over (
        partition by said.roll, said.person
        order by said.kafka_partition desc, said.kafka_offset desc
    ) = 1
),

members as (
    select
        roll,
        countif(type in ('RollOpened', 'RollJoined')) as members
    from last_words
    group by roll
),

lives as (
    select
        said.roll,
        min(if(said.type = 'RollOpened', said.person, null)) as owner,
        min(if(said.type = 'RollOpened', said.accepted_at, null)) as opened_at,
        min(if(said.type = 'RollClosed', said.accepted_at, null)) as closed_at
    from said
    inner join touched on said.roll = touched.roll
    group by said.roll
),

photos as (
    select
        photos.roll,
        count(*) as photos,
        count(distinct photos.author) as photographers,
        countif(photos.is_developed and photos.reveal_at < timestamp(date_add(@day, interval 1 day))) as revealed,
        countif(photos.spoiled_reason is not null) as spoiled,
        countif(photos.deleted_at < timestamp(date_add(@day, interval 1 day))) as deleted
    from staging.stg_photos as photos
    inner join touched on photos.roll = touched.roll
    where photos.captured_day <= @day
    group by photos.roll
),

summary as (
    select
        @day as summary_date,
        lives.roll,
        lives.owner,
        lives.opened_at,
        lives.closed_at,
        coalesce(members.members, 0) as members,
        coalesce(photos.photographers, 0) as photographers,
        coalesce(photos.photos, 0) as photos,
        coalesce(photos.revealed, 0) as revealed,
        coalesce(photos.spoiled, 0) as spoiled,
        coalesce(photos.deleted, 0) as deleted
    from lives
    left join members on lives.roll = members.roll
    left join photos on lives.roll = photos.roll
)

select * from summary
