-- claim: a cohort is as large on every day, loses nobody on the day it registers, and keeps no more than it has
with cohorts as (
    select
        cohort_date,
        min(cohort_size) as smallest,
        max(cohort_size) as largest,
        max(retained) as retained,
        max(if(days_since = 0, cohort_size - retained, 0)) as lost_on_day_0
    from marts.retention_v1
    where activity_date between date_sub(@day, interval 30 day) and @day
    group by cohort_date
),

wrong as (
    select * from cohorts
    where smallest != largest or retained > largest or lost_on_day_0 != 0
)

select * from wrong
