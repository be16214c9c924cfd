-- grain: one spell of one person following another: from followed_from to followed_until (null: still)
-- reads: raw.facts_v1
-- partition: none; every spell since 2020
-- owner: analytics
-- limits: in the order of the log, in which all facts of one follower stand in one partition. Saying again what is so
--         already begins no new spell. A request that nobody accepted is no spell.
with facts as (
    select
        `aggregate` as follower,
        if(type in ('FollowAccepted', 'FollowerRemoved'), user_id, json_value(payload, '$.whom')) as followed,
        type in ('UserFollowed', 'FollowAccepted') as follows,
        accepted_at,
        kafka_partition,
        kafka_offset
    from raw.facts_v1
    where
        accepted_at >= timestamp '2020-01-01'
        and type in ('UserFollowed', 'UserUnfollowed', 'FollowAccepted', 'FollowerRemoved')
),

compared as (
    select
        *,
        lag(follows) over (
            partition by follower, followed
            order by kafka_partition, kafka_offset
        ) as followed_before
    from facts
),

changes as (
    select
        *,
        lead(accepted_at) over (
            partition by follower, followed
            order by kafka_partition, kafka_offset
        ) as followed_until
    from compared
    where follows != coalesce(followed_before, false)
),

spells as (
    select
        follower,
        followed,
        accepted_at as followed_from,
        followed_until
    from changes
    where follows
)

select * from spells
