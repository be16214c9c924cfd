-- claim: nobody is active from more than 10 countries on one day; an id seen in more is shared, or a robot's
with countries as (
    select
        app,
        person,
        count(distinct country) as countries
    from staging.stg_person_days(@day, @day)
    group by app, person
),

everywhere as (
    select * from countries
    where countries > 10
)

select * from everywhere
