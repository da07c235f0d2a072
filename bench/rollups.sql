-- The questions of a web shop, asked of the generated clickstream in table `events`.
-- Read by bench_rollup.c and peers/duckdb_peer.py: "-- query:" names one, "-- wend:" and "-- duckdb:"
-- begin a text of one statement each; a query with neither is the same statement in both.
-- Ties are ordered by a second key, so that answers can be compared row by row. Where an engine has
-- several ways to ask, the one that ran fastest on it stands here.

-- query: count of all
select count(*) from events

-- query: group by event type
select event_type, count(*) from events group by event_type

-- query: sum of price
select sum(price) from events

-- query: q1 count where type and country
select count(*) from events where event_type = 'purchase' and country = 'DE'

-- query: q2 events and users by type and hour
select event_type, date_trunc('hour', ts), count(*), count(distinct user_id) from events group by 1, 2

-- query: q3 top pages by views
select page, count(*) from events where event_type = 'page_view' group by page order by 2 desc, 1 limit 20

-- query: q4 daily active users
select date_trunc('day', ts), count(distinct user_id) from events group by 1

-- query: q5 sessions, duration, events, bounce
-- wend:
select count(*), sum(events), round(sum(duration_s)::numeric, 3), count(*) filter (where bounce)
from sessions(events, gap => '30 min')
-- duckdb:
select count(*), sum(n), round(sum(epoch(last_ts - first_ts))::decimal(18, 3), 3), count(*) filter (where n = 1)
from (select user_id, session, count(*) n, min(ts) first_ts, max(ts) last_ts
      from (select user_id, ts, sum(begins) over (partition by user_id order by ts) session
            from (select user_id, ts,
                         case when ts - lag(ts) over (partition by user_id order by ts) > interval 30 minutes
                              then 1 else 0 end begins
                  from events where user_id is not null))
      group by user_id, session)

-- query: q6 funnel of four steps in an hour
-- wend:
select step, users from funnel(events, event_type = 'product_view', event_type = 'add_to_cart',
                               event_type = 'checkout', event_type = 'purchase', within => interval '1 hour')
order by step
-- duckdb:
with s1 as (select user_id, ts, event_type,
                   max(case when event_type = 'product_view' then ts end) over w as t1
            from events
            where user_id is not null and event_type in ('product_view', 'add_to_cart', 'checkout', 'purchase')
            window w as (partition by user_id order by ts range between unbounded preceding and current row)),
     s2 as (select *, max(case when event_type = 'add_to_cart' and ts - t1 <= interval 1 hour then t1 end) over w as t2
            from s1
            window w as (partition by user_id order by ts range between unbounded preceding and current row)),
     s3 as (select *, max(case when event_type = 'checkout' and ts - t2 <= interval 1 hour then t2 end) over w as t3
            from s2
            window w as (partition by user_id order by ts range between unbounded preceding and current row)),
     levels as (select max(case when event_type = 'purchase' and ts - t3 <= interval 1 hour then 4
                                when t3 is not null then 3 when t2 is not null then 2
                                when t1 is not null then 1 else 0 end) as reached
                from s3 group by user_id)
select step, count(*) filter (where reached >= step) from levels, range(1, 5) steps(step) group by step order by step

-- query: q7a top session paths by event type
-- wend:
select path, sessions
from top_paths(events, node => event_type, steps => 5, session_key => session_id, top => 1000)
order by sessions desc, path limit 20
-- duckdb:
select path, count(*) sessions
from (select user_id, session_id,
             string_agg(event_type, ' > ' order by k) || case when max(last) > 5 then ' > (more)' else ' > (exit)' end path
      from (select user_id, session_id, event_type, k, max(k) over (partition by user_id, session_id) last
            from (select user_id, session_id, event_type,
                         row_number() over (partition by user_id, session_id order by ts) k
                  from (select user_id, session_id, ts, event_type,
                               lag(event_type) over (partition by user_id, session_id order by ts) before
                        from events where user_id is not null)
                  where before is distinct from event_type))
      where k <= 5
      group by user_id, session_id)
group by path order by sessions desc, path limit 20

-- query: q7b top session paths by page
-- wend:
select path, sessions
from top_paths(events, node => page, steps => 5, session_key => session_id, top => 100000)
order by sessions desc, path limit 20
-- duckdb:
select path, count(*) sessions
from (select user_id, session_id,
             string_agg(page, ' > ' order by k) || case when max(last) > 5 then ' > (more)' else ' > (exit)' end path
      from (select user_id, session_id, page, k, max(k) over (partition by user_id, session_id) last
            from (select user_id, session_id, page,
                         row_number() over (partition by user_id, session_id order by ts) k
                  from (select user_id, session_id, ts, page,
                               lag(page) over (partition by user_id, session_id order by ts) before
                        from events where user_id is not null and page is not null)
                  where before is distinct from page))
      where k <= 5
      group by user_id, session_id)
group by path order by sessions desc, path limit 20

-- query: q8 retention by day
-- wend:
select cohort, period, users from retention(events, period => 'day', periods => 6) where users > 0
-- duckdb:
with days as (select distinct user_id, ts::date as day from events where user_id is not null),
     births as (select user_id, min(day) as born from days group by user_id)
select born, (day - born) as period, count(*)
from days join births using (user_id) where day - born <= 6 group by 1, 2

-- query: q9 session conversion by country and device
select country, device, count(*), count(*) filter (where buys > 0)
from (select user_id, session_id, min(country) country, min(device) device,
             count(*) filter (where event_type = 'purchase') buys
      from events where user_id is not null group by user_id, session_id) s
group by country, device

-- query: q10 revenue by product
select product_id, sum(price * quantity) from events where event_type = 'purchase'
group by product_id order by 2 desc, 1 limit 20

-- query: q11 much looked at, seldom bought
select product_id, views, purchases
from (select product_id, count(*) filter (where event_type = 'product_view') views,
             count(*) filter (where event_type = 'purchase') purchases
      from events where product_id is not null group by product_id) p
where views >= 100 order by purchases::double precision / views, views desc, product_id limit 20

-- query: q12 distinct event ids
select count(distinct event_id) from events

-- query: q13 one user's events
select ts, event_type, page from events where user_id = 'u0000000' order by ts, event_id
