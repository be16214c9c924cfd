-- grain: one photo that was captured
-- reads: raw.facts_v1
-- partition: none; every photo since 2020
-- owner: analytics
-- limits: captions are personal and stay in the log. When the film was ready is not in the log (PhotoDeveloped carries
--         the time of the capture), so is_developed says only that it was. The first fact of a kind counts, but of
--         takedowns and their reversals the last: taken_down_at is null for what stands.
with facts as (
    select
        type,
        `aggregate` as photo,
        accepted_at,
        user_id,
        payload
    from raw.facts_v1
    where
        accepted_at >= timestamp '2020-01-01'
        and type in ('PhotoCaptured', 'PhotoDeveloped', 'PhotoSpoiled', 'PhotoDeleted')
    qualify row_number() over (
        partition by `aggregate`, type
        order by accepted_at, kafka_partition, kafka_offset
    ) = 1
),

verdicts as (
    select
        `aggregate` as photo,
        if(type = 'PhotoTakenDown', accepted_at, null) as taken_down_at
    from raw.facts_v1
    where
        accepted_at >= timestamp '2020-01-01'
        and type in ('PhotoTakenDown', 'TakedownReversed')
    qualify row_number() over (
        partition by `aggregate`
        order by kafka_offset desc
    ) = 1
),

fates as (
    select
        photo,
        countif(type = 'PhotoDeveloped') > 0 as is_developed,
        max(if(type = 'PhotoSpoiled', json_value(payload, '$.reason'), null)) as spoiled_reason,
        max(if(type = 'PhotoDeleted', accepted_at, null)) as deleted_at
    from facts
    group by photo
),

photos as (
    select
        facts.photo,
        facts.user_id as author,
        json_value(facts.payload, '$.roll') as roll,
        json_value(facts.payload, '$.film') as film,
        json_value(facts.payload, '$.visibility') as visibility,
        date(facts.accepted_at) as captured_day,
        facts.accepted_at as captured_at,
        timestamp(json_value(facts.payload, '$.reveal_at')) as reveal_at,
        fates.is_developed,
        fates.spoiled_reason,
        fates.deleted_at,
        verdicts.taken_down_at
    from facts
    inner join fates on facts.photo = fates.photo
    left join verdicts on facts.photo = verdicts.photo
    where facts.type = 'PhotoCaptured'
)

select * from photos
