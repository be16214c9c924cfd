-- claim: of an app's scrolls through a feed at most as many reach a mark as reach the mark before
with marks as (
    select
        app,
        feed,
        mark,
        scrolls,
        lag(scrolls) over (partition by app, feed order by mark) as scrolls_before
    from marts.feed_depth_v1
    where activity_date = @day
),

deeper as (
    select * from marks
    where scrolls > scrolls_before
)

select * from deeper
