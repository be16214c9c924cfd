-- grain: one UTC day and place (1-100) of the public photos looked at and shared in the week up to it
-- reads: staging.stg_events_between, staging.stg_photos
-- partition: ranked_date
-- owner: analytics
-- limits: a person counts once per photo for looking (1) and once for sharing (5), at the last time they did; each
--         halves every 24 hours; the author's own do not count. Only what anyone may see: public, revealed, neither
--         deleted nor taken down by the end of the day.
with touches as (
    select
        json_value(properties, '$.photo') as photo,
        person,
        name,
        max(happened_at) as happened_at
    from staging.stg_events_between(date_sub(@day, interval 7 day), @day)
    where name in ('Photo Viewed', 'Photo Shared') and person is not null
    group by photo, person, name
),

weighed as (
    select
        photos.photo,
        photos.author,
        photos.film,
        touches.name,
        pow(0.5, timestamp_diff(timestamp(date_add(@day, interval 1 day)), touches.happened_at, second) / 86400)
        * if(touches.name = 'Photo Shared', 5, 1) as weight
    from touches
    inner join staging.stg_photos as photos on touches.photo = photos.photo
    where
        touches.person != photos.author
        and photos.visibility = 'public'
        and photos.is_developed
        and photos.reveal_at < timestamp(date_add(@day, interval 1 day))
        and coalesce(photos.deleted_at >= timestamp(date_add(@day, interval 1 day)), true)
        and coalesce(photos.taken_down_at >= timestamp(date_add(@day, interval 1 day)), true)
),

scored as (
    select
        photo,
        author,
        film,
        countif(name = 'Photo Viewed') as viewers,
        countif(name = 'Photo Shared') as sharers,
        round(sum(weight), 3) as score
    from weighed
    group by photo, author, film
),

ranked as (
    select
        @day as ranked_date,
        row_number() over (order by score desc, photo asc) as place,
        photo,
        author,
        film,
        viewers,
        sharers,
        score
    from scored
),

top_photos as (
    select * from ranked
    where place <= 100
)

select * from top_photos
