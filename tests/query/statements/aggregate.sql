-- Aggregates, GROUP BY, HAVING, FILTER.
select count(*), count(price), count(country), count(1) from events
select count(*) from events where id < 0
select sum(id), min(id), max(id) from events
select sum(price), min(price), max(price) from events
select sum(quantity), min(quantity), max(quantity) from events
select sum(big), min(big), max(big) from events
select sum(small), min(small), max(small) from events
select sum(score), min(score), max(score) from events
select min(rating), max(rating) from events
select avg(id), avg(quantity) from events
select avg(price), avg(score) from events
select avg(price) from events where id < 0
select sum(price), max(id), count(price) from events where id < 0
select min(event_type), max(event_type), min(country), max(country) from events
select min(ts), max(ts), min(day), max(day) from events
select min(event_id), max(event_id) from events
select bool_and(is_new), bool_or(is_new) from events
select bool_and(id > 0), bool_or(price > 900) from events where id > 0
select count(distinct country), count(distinct event_type), count(distinct user_id) from events
select count(distinct id), count(distinct price), count(distinct day) from events
select count(distinct event_id), count(distinct is_new), count(distinct score) from events
select sum(distinct quantity), avg(distinct quantity) from events
select min(distinct quantity), max(distinct country) from events
select stddev(quantity), stddev_samp(quantity), stddev_pop(quantity) from events
select variance(score), var_samp(score), var_pop(score) from events
select stddev(price) from events where id = 3
select stddev_pop(score) from events where id = 4
select percentile_cont(0.5) within group (order by score) from events
select percentile_cont(0.9) within group (order by price) from events <=> select percentile_cont(0.9) within group (order by price::double) from events
select percentile_cont(0.25) within group (order by quantity desc) from events
select percentile_disc(0.5) within group (order by quantity) from events
select percentile_disc(0.99) within group (order by id) from events
select event_type, count(*) from events group by event_type order by event_type
select event_type, count(*) from events group by event_type
select country, count(*) from events group by country
select country, count(*) from events group by country order by count(*) desc, country
select event_type, sum(price) from events group by event_type order by event_type
select event_type, avg(price) from events group by event_type order by event_type
select event_type, min(price), max(price), count(price) from events group by event_type order by event_type
select event_type, count(distinct user_id) from events group by event_type order by event_type
select country, event_type, count(*) from events group by country, event_type order by country, event_type
select country, event_type, is_new, count(*) from events group by country, event_type, is_new order by 1, 2, 3
select user_id, count(*) from events group by user_id order by 2 desc, 1 limit 10
select user_id, sum(price) s from events group by user_id order by s desc nulls last, user_id limit 7
select is_new, count(*), sum(quantity) from events group by is_new order by is_new
select quantity, count(*) from events group by quantity order by quantity
select price, count(*) from events group by price order by price nulls last limit 20
select score, count(*) from events where id < 50 group by score order by score
select day, count(*), count(distinct user_id) from events group by day order by day
select event_id, count(*) from events where id < 20 group by event_id order by event_id
select id % 10 as bucket, count(*) from events group by id % 10 order by bucket
select id % 10 as bucket, count(*) from events group by bucket order by bucket
select id % 10, count(*) from events group by 1 order by 1
select id % 3, country, sum(quantity) from events group by 1, 2 order by 1, 2
select (id % 10) + 1, count(*) from events group by id % 10 order by 1
select upper(country) as c, count(*) from events group by c order by c
select length(page) as l, count(*) from events group by length(page) order by l
select case when price > 500 then 'high' when price > 100 then 'mid' else 'low' end as tier, count(*) from events group by tier order by tier
select coalesce(country, 'none'), count(*) from events group by coalesce(country, 'none') order by 1
select event_type, count(*) from events group by event_type having count(*) > 300 order by event_type
select event_type, count(*) from events group by event_type having event_type like 'p%' order by event_type
select country, avg(price) from events group by country having avg(price) > 300 order by country
select country from events group by country having count(*) > 10 order by country
select count(*) from events having count(*) > 5
select count(*) from events having count(*) < 5
select event_type, count(*) filter (where country = 'DE') from events group by event_type order by event_type
select count(*) filter (where price > 100), count(*) filter (where price <= 100), count(*) filter (where price is null) from events
select sum(price) filter (where event_type = 'purchase'), avg(price) filter (where is_new) from events
select count(distinct user_id) filter (where event_type = 'purchase') from events
select event_type, sum(quantity) filter (where is_new), max(ts) filter (where price > 500) from events group by event_type order by 1
select sum(price * quantity) from events
select sum(price * quantity), sum(price) * 2, max(price) - min(price) from events
select event_type, sum(price * quantity) as revenue from events where event_type in ('purchase', 'refund') group by event_type order by revenue desc
select count(*) + 1, count(*) * 2 from events
select sum(quantity) / count(*) from events
select sum(quantity)::double precision / count(*) from events
select round(avg(price), 2) from events
select country, round(sum(price), 1) from events group by country order by country
select max(length(page)), min(length(page)) from events
select event_type, count(*) from events where country = 'DE' group by event_type order by count(*) desc, event_type
select event_type from events group by event_type order by count(*) desc, event_type limit 3
select event_type, country, count(*) from events group by event_type, country having count(*) > 20 order by count(*) desc, event_type, country limit 10
select count(*), count(n), sum(n), avg(n), min(n), max(n) from nums
select label, count(*), sum(n) from nums group by label order by label
select n is null, count(*) from nums group by n is null order by 1
select count(*) from events group by ()
select distinct count(*) from events group by event_type order by 1
select sum(case when event_type = 'purchase' then 1 else 0 end) from events
select sum(case when event_type = 'purchase' then price end) from events
select event_type, min(page), max(page) from events group by event_type order by event_type
select user_id, min(ts), max(ts), max(ts) - min(ts) > interval '1 day' from events where user_id < 'u2' group by user_id order by user_id
select is_expensive, count(*) from events group by is_expensive order by 1
select ip, count(*) from events where id < 500 group by ip order by count(*) desc, min(id) limit 5
