-- claim: the day's top photos stand in places 1, 2, 3 and so on, each once, none above one with a higher score
with places as (
    select
        place,
        photo,
        score,
        row_number() over (order by place, photo) as expected_place,
        lag(score) over (order by place, photo) as score_above,
        count(*) over (partition by photo) as places_of_photo
    from marts.top_photos_v1
    where ranked_date = @day
),

wrong as (
    select * from places
    where place != expected_place or score > score_above or places_of_photo > 1
)

select * from wrong
