-- claim: every step of the funnel has at most the people of the step before
with steps as (
    select
        app,
        step,
        people,
        lag(people) over (partition by app order by step) as people_before
    from marts.funnel_v1
    where opened_date = @day
),

wider as (
    select * from steps
    where people > people_before
)

select * from wider
