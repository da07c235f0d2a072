"""What docs/SEMANTICS.md says of funnels, sessions, paths and retention, done by trying everything.

Written from that page alone, for answers over whole (small) tables: lists of rows in, rows of the answer out,
as Python values. Times are integer microseconds UTC. Rows are objects with `time` and the table's columns as
attributes; a predicate is a function that is true only where SQL's is (null is not true).
"""

import bisect
import collections
import datetime
import zoneinfo

DAY_US = 86_400_000_000
DEFAULT_GAP_US = 1_800_000_000
LATER_THAN_ANY = 1 << 70
EPOCH = datetime.datetime(1970, 1, 1)


class Options(dict):
    """Options by name; one that was not given is None."""

    def __getattr__(self, name):
        return self.get(name)


def counts(options, time):
    return (options.since is None or time >= options.since) and (options.until is None or time < options.until)


def users_of(rows, options):
    """(user, rows) for each user, in row order: the rows come in arrival order, and sorting is stable."""
    users = collections.defaultdict(list)
    for row in rows:
        if row.u is not None and (options.filter is None or options.filter(row)):
            users[row.u].append(row)
    for user, own in users.items():
        own.sort(key=lambda row: (row.time, row.order))
        yield user, own


# ---- time zones, as PostgreSQL reads local times: before the gap, behind the repetition ----

def to_local(time, zone):
    moment = (EPOCH + datetime.timedelta(microseconds=time)).replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)


def to_utc(local, zone):
    zone = zoneinfo.ZoneInfo(zone)

    def read(fold):
        moment = local.replace(tzinfo=zone, fold=fold).astimezone(datetime.timezone.utc)
        return moment.replace(tzinfo=None), moment.astimezone(zone).replace(tzinfo=None, fold=0)

    first, back = read(0)
    if back == local:
        first = read(1)[0]
    return (first - EPOCH) // datetime.timedelta(microseconds=1)


def local_day(time, zone):
    return to_local(time, zone).date()


def add_months(local, months):
    number = local.year * 12 + local.month - 1 + months
    year, month = divmod(number, 12)
    first_of_next = datetime.date(year + (month == 11), (month + 1) % 12 + 1, 1)
    last = (first_of_next - datetime.timedelta(days=1)).day
    return local.replace(year=year, month=month + 1, day=min(local.day, last))


# ---- sessions ----

def split_sessions(own, options, gap):
    """Lists of rows, in the order of their first rows. `gap` is None when none was given."""
    sessions = []
    latest = {}
    key_of = options.session_key
    for row in own:
        key = key_of(row) if key_of else None
        kind = (key is not None, key)
        before = latest.get(kind)
        limit = gap
        if gap is None and (key_of is None or key is None):
            limit = DEFAULT_GAP_US
        fresh = before is None
        if not fresh:
            last = before[-1]
            fresh = (
                (limit is not None and row.time - last.time > limit)
                or (options.split == "day" and local_day(row.time, options.tz) != local_day(last.time, options.tz))
                or (options.split_on is not None and options.split_on(row) != options.split_on(last))
            )
        if fresh:
            latest[kind] = [row]
            sessions.append(latest[kind])
        else:
            before.append(row)
    return sessions


def sessions(rows, options):
    """(by, user, start, end, seconds, events, entry, exit, bounce, aggregates…); by only when asked for."""
    answer = []
    for user, own in users_of(rows, options):
        for session in split_sessions(own, options, options.gap):
            if not counts(options, session[0].time):
                continue
            nodes = [options.node(row) for row in session if options.node(row) is not None]
            views = sum(1 for row in session if options.view is None or options.view(row))
            interacts = any(options.interaction is not None and options.interaction(row) for row in session)
            by = [options.by(session[0])] if options.by else []
            answer.append(tuple(by + [
                user, session[0].time, session[-1].time, (session[-1].time - session[0].time) / 1e6, len(session),
                nodes[0] if nodes else None, nodes[-1] if nodes else None, views == 1 and not interacts,
            ] + [aggregate(session) for aggregate in options.aggregates or []]))
    return answer


# ---- funnel ----

Chain = collections.namedtuple("Chain", "level immature excluded held")  # held: per step a row's place or None


def _all_chains(own, options, has_exclude):
    """Every chain in step order, as lists with the place of each step's row or None."""
    steps = options.steps
    count = len(steps)
    optional = options.optional or {}
    ordering = options.ordering or "loose"
    matched = [[step(row) for step in steps] for row in own]
    free_ties = ordering == "loose" and not has_exclude
    excludes = options.exclude_after or {}

    def may_follow(step, last, following):
        gap = own[following].time - own[last].time
        if gap < 0 or (options.strict_increase and gap == 0) or (not free_ties and following < last):
            return False
        if options.step_gap is not None and gap > options.step_gap:
            return False
        for between in range(last + 1, following):
            if ordering == "adjacent" or (ordering == "sequence" and any(matched[between])):
                return False
            if has_exclude:
                if options.exclude is not None and options.exclude(own[between]):
                    return False
                if step in excludes and excludes[step](own[between]):
                    return False
        return True

    def extend(held, last_step):
        yield list(held)
        for step in range(last_step + 1, count):
            for place in range(len(own)):
                if (matched[place][step] and (options.reuse_rows or place not in held)
                        and own[place].time - own[held[0]].time <= options.within
                        and may_follow(last_step, held[last_step], place)):
                    held[step] = place
                    yield from extend(held, step)
                    held[step] = None
            if step not in optional:
                return

    entries = [place for place in range(len(own)) if matched[place][0]]
    if options.entry == "first":
        entries = entries[:1]
    for entry in entries:
        if counts(options, own[entry].time):
            yield from extend([entry] + [None] * (count - 1), 0)


def _any_chains(own, options):
    """Every choice of rows for steps within one span, as sorted lists of places."""
    steps = options.steps
    matched = [[place for place, row in enumerate(own) if step(row)] for step in steps]
    firsts = [place for place in range(len(own)) if any(step(own[place]) for step in steps)]

    def assign(step, held):
        if step == len(steps):
            yield sorted(held)
            return
        yield from assign(step + 1, held)
        for place in matched[step]:
            if options.reuse_rows or place not in held:
                times = [own[other].time for other in held] + [own[place].time]
                if max(times) - min(times) <= options.within:
                    yield from assign(step + 1, held + [place])

    for held in assign(0, []):
        if held and counts(options, own[held[0]].time) and (options.entry != "first" or held[0] == firsts[0]):
            yield held


def _level(held, options):
    if options.ordering == "any":
        return len(held)
    return max(step + 1 for step, place in enumerate(held) if place is not None and step not in (options.optional or {}))


def _preference(own, held, options):
    if options.ordering == "any":
        return own[held[-1]].time - own[held[0]].time, held
    times = [LATER_THAN_ANY if place is None else own[place].time for place in held]
    return times, [LATER_THAN_ANY if place is None else place for place in held]


def best_chain(own, options):
    """The reported chain of these rows, or None when nothing enters."""
    has_exclude = options.exclude is not None or bool(options.exclude_after)

    def chains(with_exclude):
        return list(_any_chains(own, options) if options.ordering == "any" else _all_chains(own, options, with_exclude))

    found = chains(has_exclude)
    if not found:
        return None
    level = max(_level(held, options) for held in found)
    best = [held for held in found if _level(held, options) == level]
    newest = max(own[held[0]].time for held in best)
    reported = min(best, key=lambda held: _preference(own, held, options))
    excluded = has_exclude and max(_level(held, options) for held in chains(False)) > level
    if options.ordering == "any":
        reported = reported + [None] * (len(options.steps) - len(reported))
    return Chain(level, level < len(options.steps) and newest + options.within >= options.as_of, excluded, reported)


def attempts(own, options):
    """Loose attempts without further options: one open at a time."""
    place = 0
    while place < len(own):
        if not options.steps[0](own[place]):
            place += 1
            continue
        held = [place]
        following = place + 1
        while (len(held) < len(options.steps) and following < len(own)
               and own[following].time - own[place].time <= options.within):
            if options.steps[len(held)](own[following]):
                held.append(following)
            following += 1
        level = len(held)
        if counts(options, own[place].time):
            immature = level < len(options.steps) and own[place].time + options.within >= options.as_of
            yield Chain(level, immature, False, held + [None] * (len(options.steps) - level))
        place = following


def _chains_of(rows, options):
    for user, own in users_of(rows, options):
        if options.count == "attempts":
            for chain in attempts(own, options):
                yield user, own, chain
            continue
        parts = split_sessions(own, options, options.session_gap) if options.count == "sessions" else [own]
        for part in parts:
            chain = best_chain(part, options)
            if chain is not None:
                yield user, part, chain


def percentile(times, fraction):
    at = fraction * (len(times) - 1)
    low = int(at)
    high = min(low + 1, len(times) - 1)
    return (times[low] + (at - low) * (times[high] - times[low])) / 1e6


def funnel(rows, options, names):
    """The rows of funnel(): [by,] step, name, users, of_first, … in order."""
    groups = {}
    count = len(options.steps)
    optional = options.optional or {}
    for _, own, chain in _chains_of(rows, options):
        held = [place for place in chain.held if place is not None]
        by = options.by(own[held[-1] if options.at == "last" else held[0]]) if options.by else None
        totals = groups.setdefault(by, [[0, 0, 0, 0, []] for _ in range(count)])
        before = None
        for step, place in enumerate(chain.held):
            if place is not None:
                totals[step][0] += 1
                if before is not None:
                    totals[step][4].append(own[place].time - own[before].time)
                before = place
        stopped = totals[chain.level - 1]
        stopped[3] += chain.excluded
        if chain.level < count:
            stopped[2 if chain.immature else 1] += 1
    if not groups and not options.by:
        groups[None] = [[0, 0, 0, 0, []] for _ in range(count)]
    answer = []
    for by in sorted(groups, key=lambda value: (value is None, value or "")):
        totals = groups[by]
        for step in range(count):
            reached, dropped, immature, excluded, times = totals[step]
            required = [other for other in range(step) if other not in optional]
            previous = totals[required[-1]][0] if required else reached
            times = sorted(times)
            answer.append(tuple(([by] if options.by else []) + [
                step + 1, "any %d of %d" % (step + 1, count) if options.ordering == "any" else names[step], reached,
                reached / totals[0][0] if totals[0][0] else None, reached / previous if previous else None,
                dropped, immature, excluded,
            ] + ([times[0] / 1e6, percentile(times, 0.5), sum(times) / len(times) / 1e6, percentile(times, 0.9)]
                 if times else [None] * 4)))
    return answer


def funnel_users(rows, options):
    return [
        (user, chain.level, *[None if place is None else own[place].time for place in chain.held])
        for user, own, chain in _chains_of(rows, options)
    ]


# ---- paths ----

def _path(session, options):
    first = 0
    if options.start_at is not None:
        starts = [place for place, row in enumerate(session) if options.start_at(row)]
        if not starts:
            return None
        first = starts[0]
    kept = session[first:]
    end = "(exit)"
    if options.end_at is not None:
        after = 0 if options.start_at is None else 1
        ends = [place for place, row in enumerate(kept) if place >= after and options.end_at(row)]
        if ends:
            kept = kept[:ends[0] + 1]
            end = "(end)"
    nodes = [options.node(row) for row in kept if options.node(row) is not None]
    if options.collapse is not False:
        nodes = [node for place, node in enumerate(nodes) if place == 0 or nodes[place - 1] != node]
    most = options.max_steps or 5
    if len(nodes) > most:
        nodes = nodes[:most]
        end = "(more)"
    return nodes + [end] if nodes else None


def _paths(rows, options):
    """(by, user, path with its end), nodes replaced by (other)."""
    found = []
    for user, own in users_of(rows, options):
        parts = [own] if options.per == "user" else split_sessions(own, options, options.gap)
        for session in parts:
            path = _path(session, options)
            if path is not None and counts(options, session[0].time):
                found.append((options.by(session[0]) if options.by else None, user, path))
    busy = collections.Counter((step, node) for _, _, path in found for step, node in enumerate(path[:-1]))
    kept = set()
    for step in {step for step, _ in busy}:
        ranked = sorted((-count, node.encode()) for (at, node), count in busy.items() if at == step)
        kept.update((step, node.decode()) for _, node in ranked[:options.top or 20])
    return [
        (by, user, [node if (step, node) in kept else "(other)" for step, node in enumerate(path[:-1])] + path[-1:])
        for by, user, path in found
    ]


def _by_order(by):
    return (by is None, (by or "").encode())


def paths(rows, options):
    edges = collections.defaultdict(lambda: [0, set()])
    for by, user, path in _paths(rows, options):
        for step in range(len(path) - 1):
            edge = edges[by, step + 1, path[step], path[step + 1]]
            edge[0] += 1
            edge[1].add(user)
    order = sorted(edges, key=lambda e: (_by_order(e[0]), e[1], -edges[e][0], e[2].encode(), e[3].encode()))
    return [(*(edge if options.by else edge[1:]), edges[edge][0], len(edges[edge][1])) for edge in order]


def top_paths(rows, options):
    found = collections.Counter((by, " > ".join(path)) for by, _, path in _paths(rows, options))
    totals = collections.Counter()
    for (by, _), count in found.items():
        totals[by] += count
    order = sorted(found, key=lambda p: (_by_order(p[0]), -found[p], p[1].encode()))
    return [(*(path if options.by else path[1:]), found[path], found[path] / totals[path[0]]) for path in order]


# ---- retention ----

def _period_start(day, options):
    if options.period == "month":
        return day.replace(day=1)
    if options.period == "week":
        back = day.isoweekday() % 7 if options.week_start == "sunday" else day.weekday()
        return day - datetime.timedelta(days=back)
    return day


def _later(local, k, options):
    if options.period == "month":
        return add_months(local, k)
    return local + datetime.timedelta(days=k * (7 if options.period == "week" else 1))


def retention(rows, options):
    """The rows of retention(); `as_of` and `oldest` (the oldest time stored) are among the options."""
    zone = options.tz
    cohorts = {}
    last = 7 if options.periods is None else options.periods

    def begins(start, birth, k):
        if options.buckets == "rolling":
            return birth if k == 0 else to_utc(_later(to_local(birth, zone), k, options), zone)
        return to_utc(_later(datetime.datetime.combine(start, datetime.time()), k, options), zone)

    for _, own in users_of(rows, options):
        births = [place for place, row in enumerate(own) if options.birth is None or options.birth(row)]
        if not births or not counts(options, own[births[0]].time):
            continue
        birth = own[births[0]]
        start = _period_start(local_day(birth.time, zone), options)
        borders = [begins(start, birth.time, k) for k in range(last + 2)]
        hits = set()
        for row in own[births[0] + 1:]:
            if options.return_on is None or options.return_on(row):
                hits.add(bisect.bisect_right(borders, row.time) - 1)
        cohort = cohorts.setdefault((options.by(birth) if options.by else None, start), [0, 0, [0] * (last + 1)])
        cohort[0] += 1
        cohort[1] = max(cohort[1], birth.time)
        for k in range(last + 1):
            later = options.mode == "on_or_after" and k > 0
            cohort[2][k] += any(hit == k or (later and hit > k) for hit in hits)
    answer = []
    cut = _period_start(local_day(options.oldest, zone), options)
    for by, start in sorted(cohorts, key=lambda c: (_by_order(c[0]), c[1])):
        size, newest, returned = cohorts[by, start]
        for k in range(last + 1):
            users = size if k == 0 else returned[k]
            end = begins(start, newest, k + 1)
            answer.append(tuple(([by] if options.by else []) + [
                start, size, k, users, returned[0] if k == 0 else None, users / size, end <= options.as_of, start == cut,
            ]))
    return answer
