#!/usr/bin/env python3
"""What kafka_follow wrote, as a page with curves of rate, lag and memory, and as numbers.

    steady_graph.py TSV HTML [TITLE]

The page is one file of HTML and SVG that needs nothing else. summary() says in numbers what the curves show:
a stalled second is one in which less than a tenth of the mean rate was taken although messages waited.
"""

import html
import statistics
import sys

WARM_UP_S = 5
STALL_SHARE = 0.1
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1000, 190, 80, 15, 28, 24
STYLE = """body{font:14px sans-serif;margin:2em;max-width:1040px;color:#222;background:#fff}
svg text{font:12px sans-serif;fill:#444}.grid{stroke:#ddd}.curve{fill:none;stroke:#1f5fa8;stroke-width:1.4}
.dashed{fill:none;stroke:#c33;stroke-dasharray:5 4}td,th{padding:2px 14px 2px 0;text-align:left}td+td{text-align:right}"""


class Sample:
    """One second: numbers are of the time since the sample before."""

    def __init__(self, before, now):
        seconds = (now["elapsed_us"] - before["elapsed_us"]) / 1e6
        self.at_s = now["elapsed_us"] / 1e6
        self.taken = now["taken"] - before["taken"]
        self.rate = self.taken / seconds
        self.waiting = now["lag"] > 0
        self.lag = max(now["lag"], 0)
        self.rss = now["rss_bytes"]
        self.window = now["window_bytes"]
        self.cpu_s = (now["cpu_us"] - before["cpu_us"]) / 1e6
        self.seconds = seconds


def read_samples(path, until_s=None):
    """The samples of a file, those of less than half a second joined with the next; without the warm-up."""
    with open(path, encoding="ascii") as file:
        names = file.readline().split()
        rows = [dict(zip(names, map(int, line.split()))) for line in file]
    samples, before = [], rows[0] if rows else None
    for row in rows[1:]:
        if row["elapsed_us"] - before["elapsed_us"] < 500000:
            continue
        samples.append(Sample(before, row))
        before = row
    return [sample for sample in samples if sample.at_s > WARM_UP_S and (until_s is None or sample.at_s <= until_s)]


def at_share(values, share):
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def summary(samples):
    rates = [sample.rate for sample in samples]
    mean = statistics.mean(rates)
    stalled = sum(sample.rate < STALL_SHARE * mean and sample.waiting for sample in samples)
    part = max(len(samples) // 5, 1)
    taken = sum(sample.taken for sample in samples)
    return {
        "seconds": sum(sample.seconds for sample in samples),
        "taken": taken,
        "rate_mean": mean,
        "rate_least": min(rates),
        "rate_most": max(rates),
        "rate_variation": statistics.pstdev(rates) / mean if mean else 0.0,
        "stalled_seconds": stalled,
        "stalled_share": stalled / len(samples),
        "lag_median": at_share([sample.lag for sample in samples], 0.5),
        "lag_p99": at_share([sample.lag for sample in samples], 0.99),
        "lag_most": max(sample.lag for sample in samples),
        "rss_most": max(sample.rss for sample in samples),
        "rss_before": statistics.mean(sample.rss - sample.window for sample in samples[-2 * part:-part] or samples),
        "rss_late": statistics.mean(sample.rss - sample.window for sample in samples[-part:]),
        "cpu_us_per_event": sum(sample.cpu_s for sample in samples) / taken * 1e6 if taken else 0.0,
    }


def short(value):
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return "%.3g%s" % (value / size, unit)
    return "%.3g" % value


def top_of(values):
    """A round number that no value exceeds."""
    most = max(max(values), 1e-9)
    step = 10.0 ** (len(str(int(most))) - 1)
    return next(step * k for k in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * k >= most)


def panel(title, times, values, dashed=None):
    """One curve over time, from zero upwards, and perhaps a second one."""
    top, begin, end = top_of(values), times[0], max(times[-1], times[0] + 1)

    def x(at_s):
        return LEFT + (at_s - begin) / (end - begin) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    parts = ['<svg viewBox="0 0 %d %d" width="100%%" role="img"><title>%s</title>' % (WIDTH, HEIGHT, html.escape(title)),
             '<text x="%d" y="16" font-weight="bold">%s</text>' % (LEFT, html.escape(title))]
    for k in range(5):
        value = top * k / 4
        parts.append('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>'
                     % (LEFT, WIDTH - RIGHT, y(value), y(value), LEFT - 6, y(value) + 4, short(value)))
    for k in range(11):
        at_s = begin + (end - begin) * k / 10
        parts.append('<text x="%.1f" y="%d" text-anchor="middle">%d:%02d</text>'
                     % (x(at_s), HEIGHT - 6, int(at_s) // 60, int(at_s) % 60))
    for kind, curve in (("dashed", dashed), ("curve", values)):
        if curve is not None:
            parts.append('<polyline class="%s" points="%s"/>' % (
                kind, " ".join("%.1f,%.1f" % (x(at_s), y(value)) for at_s, value in zip(times, curve))))
    return "\n".join([*parts, "</svg>"])


def write_page(path, title, samples):
    numbers = summary(samples)
    times = [sample.at_s for sample in samples]
    rows = [("taken", "%s events in %.0f s" % (format(numbers["taken"], ","), numbers["seconds"])),
            ("events a second, mean (least–most)", "%s (%s–%s)" % tuple(
                short(numbers[key]) for key in ("rate_mean", "rate_least", "rate_most"))),
            ("variation of the rate: standard deviation to mean", "%.1f %%" % (100 * numbers["rate_variation"])),
            ("stalled seconds", "%d (%.2f %%)" % (numbers["stalled_seconds"], 100 * numbers["stalled_share"])),
            ("lag in messages, median / 99 % / most", "%s / %s / %s" % tuple(
                short(numbers[key]) for key in ("lag_median", "lag_p99", "lag_most"))),
            ("resident memory, most", "%.0f MiB" % (numbers["rss_most"] / 1048576)),
            ("without the window of keys, fourth fifth / last fifth of the time", "%.0f / %.0f MiB" % (
                numbers["rss_before"] / 1048576, numbers["rss_late"] / 1048576)),
            ("client processor time per event", "%.2f µs" % numbers["cpu_us_per_event"])]
    with open(path, "w", encoding="utf-8") as file:
        file.write('<!doctype html><meta charset="utf-8"><title>%s</title><style>%s</style><h1>%s</h1><table>%s</table>%s\n' % (
            html.escape(title), STYLE, html.escape(title),
            "".join("<tr><td>%s<td>%s" % (html.escape(what), html.escape(value)) for what, value in rows),
            "\n".join([panel("events taken per second", times, [sample.rate for sample in samples],
                             [numbers["rate_mean"]] * len(samples)),
                       panel("lag: messages that wait in the broker", times, [sample.lag for sample in samples]),
                       panel("resident memory, MiB; dashed: without the window of keys", times, [sample.rss / 1048576 for sample in samples],
                             [(sample.rss - sample.window) / 1048576 for sample in samples]),
                       panel("processors kept busy", times, [sample.cpu_s / sample.seconds for sample in samples])])))
    return numbers


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: steady_graph.py TSV HTML [TITLE]")
    write_page(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "wend ingest from Kafka", read_samples(sys.argv[1]))
