-- claim: a photo captured before yesterday, in the week before, was developed, spoiled or deleted
with waiting as (
    select
        photo,
        author,
        captured_at
    from staging.stg_photos
    where
        captured_day between date_sub(@day, interval 8 day) and date_sub(@day, interval 2 day)
        and not is_developed
        and spoiled_reason is null
        and deleted_at is null
)

select * from waiting
