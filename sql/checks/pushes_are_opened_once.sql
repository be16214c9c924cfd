-- claim: no kind of push is opened more often than it arrived, nor led to more photos than openings
with pushes as (
    select
        app,
        kind,
        people,
        received,
        opened,
        captured
    from marts.push_effect_v1
    where pushed_date = @day
),

wrong as (
    select * from pushes
    where opened > received or captured > opened or people > received
)

select * from wrong
