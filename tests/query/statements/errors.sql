-- What must be refused, and the words the refusal must hold behind "=>".
select nosuch from events => column "nosuch" does not exist
select 1 from nosuch => nosuch
select event_type, count(*) from events => must appear in the GROUP BY clause
select event_type from events group by country => must appear in the GROUP BY clause
select count(*) from events where count(*) > 1 => aggregate functions are not allowed in WHERE
select sum(count(*)) from events => cannot be nested
select event_type from events group by count(*) => aggregate functions are not allowed in GROUP BY
select 1 / 0 => division by zero
select id / (id - id) from events => division by zero
select 'abc'::integer => invalid input syntax
select sum(event_type) from events => sum
select avg(is_new) from events => avg
select id from events order by 5 => position 5
select id from events group by 9 => position 9
select (select id, price from events) => only one column
select (select id from events) => more than one row
select id from events limit -1 => must not be negative
select distinct id from events order by price => must appear in select list
select string_agg(country, ',') from events => string_agg
select array_agg(id) from events => array_agg
select nosuchfunction(1) => nosuchfunction
select 'a' + 1 => 
select 1 union select 1, 2 => same number of columns
select id from events e where events.id = 1 => events
select * from nosuchfunction(events) => nosuchfunction
select a.id from events a, events b => 
select row_number() over () from events => 
select id, event_type from events group by rollup(id, event_type) => GROUPING SETS
select percentile_cont(1.5) within group (order by price) from events => between 0 and 1
select percentile_cont(0.5) from events => WITHIN GROUP
select count(distinct id, price) from events => 
insert into events values (1) => 
select from events where => 
select id from events where id = 'x' => invalid input syntax
select id from events having id > 1 => must appear in the GROUP BY clause
select x from (values (1), (2)) t(x, y) => column names
select user_id from events where user = 'x' => user
