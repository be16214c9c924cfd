-- claim: nobody follows themselves
with themselves as (
    select
        follower,
        followed_from
    from staging.stg_follows
    where follower = followed
)

select * from themselves
