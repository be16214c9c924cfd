-- claim: the roll of every photo was opened
with strays as (
    select
        photos.photo,
        photos.roll
    from staging.stg_photos as photos
    left join staging.stg_rolls as rolls on photos.roll = rolls.roll
    where photos.roll is not null and rolls.roll is null
)

select * from strays
