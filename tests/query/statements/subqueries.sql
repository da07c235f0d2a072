-- Subqueries, common table expressions, VALUES and set operations.
select * from (select 1 as a, 2 as b) t
select a + b from (select 1 as a, 2 as b) t
select t.a from (select id as a from events where id < 5) t order by a
select x, y from (select id, country from events where id < 8) t(x, y) order by x
select count(*) from (select id from events where price > 500) t
select avg(c) from (select user_id, count(*) as c from events group by user_id) t
select max(c), min(c) from (select country, count(*) as c from events group by country) t
select c, count(*) from (select user_id, count(*) as c from events group by user_id) t group by c order by c
select * from (select event_type, count(*) as c from events group by event_type) t where c > 300 order by event_type
select event_type from (select event_type, price from events where price > 100) t where price < 200 group by event_type order by 1
select d, n from (select date_trunc('day', ts) as d, count(*) as n from events group by 1) t where n > 100 order by d
select * from (select id from events order by id desc limit 5) t order by id
select sum(id) from (select id from events order by id limit 10) t
select a, a * 2 as b from (select id + 1 as a from events where id < 5) t where a > 2 order by a
select count(*) from (select * from events) t where event_type = 'login'
select count(*) from (select * from (select * from events where id < 1000) a where country = 'DE') b where is_new
with e as (select * from events where event_type = 'purchase') select count(*), sum(price) from e
with e as (select id, price from events), f as (select price from e where id < 100) select count(*), sum(price) from f
with t(a, b) as (select id, country from events where id < 6) select b, a from t order by a
with daily as (select date_trunc('day', ts) as d, count(*) as c from events group by 1) select max(c), min(c), count(*) from daily
with a as (select 1 as x), b as (select x + 1 as y from a) select y from b
with u as (select user_id, count(*) as c from events group by user_id) select count(*) from u where c > (select avg(c) from u)
select id from events where price = (select max(price) from events) order by id
select count(*) from events where price > (select avg(price) from events)
select count(*) from events where ts = (select min(ts) from events)
select (select count(*) from nums), (select max(n) from nums)
select id, (select max(id) from events) - id from events where id < 5 order by id
select count(*) from events where user_id in (select user_id from events where event_type = 'purchase' and price > 800)
select count(*) from events where user_id not in (select user_id from events where event_type = 'refund' and user_id is not null)
select count(*) from events where id not in (select n from nums where n is not null)
select count(*) from events where id not in (select n from nums)
select count(*) from events where country in (select country from events group by country having count(*) > 300)
select exists (select 1 from events where price > 999), exists (select 1 from events where price > 99999)
select count(*) from events where exists (select 1 from nums)
select count(*) from events where not exists (select 1 from nums where n > 1000)
select (select null::integer) is null
select 1 where exists (select id from events where id = 3)
select * from (values (1, 'a'), (2, 'b'), (3, null)) t(n, s) order by n
select sum(n), count(s) from (values (1, 'a'), (2, 'b'), (3, null)) t(n, s)
select n, s from (values (1, 'a'), (2, 'b')) t(n, s) where s = 'b'
values (1, 'x'), (2, 'y')
values (1.5), (2), (3)
select 1 union select 2 union select 1 order by 1
select 1 union all select 2 union all select 1 order by 1
select 1 intersect select 1
select 1 except select 2
select country from events union select event_type from events order by 1
select country from events where id < 50 union all select country from events where id < 10 order by 1
select user_id from events where event_type = 'purchase' intersect select user_id from events where event_type = 'refund' order by 1
select user_id from events where event_type = 'page_view' except select user_id from events where event_type = 'purchase' order by 1
select id % 5 from events where id < 50 intersect all select id % 7 from events where id < 50 order by 1
select id % 5 from events where id < 50 except all select id % 7 from events where id < 30 order by 1
select 'events' as t, count(*) from events union all select 'nums', count(*) from nums order by t
select a from (select 1 as a union select 2.5) t order by a
select null union select 1 order by 1
(select id from events order by id limit 2) union all (select id from events order by id desc limit 2) order by id
select count(*) from (select country, event_type from events union select country, event_type from events) t
select event_type, c from (select event_type, count(*) as c from events group by event_type union all select 'all', count(*) from events) t order by c desc, event_type limit 4
select id from events where id in (values (3), (5)) order by id
