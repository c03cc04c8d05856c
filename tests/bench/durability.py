# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""What durability costs, and how long a start takes."""

import os
import signal
import statistics
import sys

from hub import Hub

MODES = ("memory", "none", "process", "power")
DATA = 128
RUNS = 3
SINGLE_SECONDS = 0.5
FACTOR_TARGET = 2.0  # process is not slower than memory by more than this
START_TARGET = 1.0  # seconds
STORED_PER_CHANNEL = 100
PROBES = 5  # channels that are resumed after a start


def write_lines(where, count, channels, data=DATA):
    """A file for `crier pub -n`: `count` events, the channels in turn."""
    path = os.path.join(where, f"lines-{channels}-{count}")
    text = "x" * data
    with open(path, "w", encoding="ascii") as file:
        for start in range(0, count, channels):
            file.writelines(
                f'{{"channel":"bench/{n}","data":"{text}"}}\n'
                for n in range(min(channels, count - start)))
    return path


def publish_once(where, mode, lines, count):
    """One run in a fresh crierd: (events a second, CPU seconds)."""
    with Hub(where, mode) as hub:
        before = hub.threads()
        seconds = hub.publish(lines)
        after = hub.threads()
        published = hub.status()["events"]["published"]
        if published != count:
            raise RuntimeError(f"{published} of {count} events published")
    return {"rate": count / seconds, "loop_cpu": after[0] - before[0],
            "store_cpu": after[1] - before[1]}


def publish_all(where, channels, count, budget):
    """All modes in turn, RUNS times, so that none has the better moment."""
    lines = write_lines(where, count, channels)
    runs = {mode: [] for mode in MODES}
    for number in range(RUNS):
        for mode in MODES:
            if budget.allows(f"{mode}, {channels} channels, run {number}"):
                runs[mode].append(publish_once(where, mode, lines, count))
    os.unlink(lines)
    return {mode: summarise(found, count) for mode, found in runs.items()
            if found}


def summarise(runs, count):
    loop = statistics.median(run["loop_cpu"] for run in runs)
    store = statistics.median(run["store_cpu"] for run in runs)
    return {
        "runs": [round(run["rate"]) for run in runs],
        "events_per_second": round(
            statistics.median(run["rate"] for run in runs)),
        "loop_cpu_us_per_event": round(loop / count * 1e6, 2),
        "store_cpu_us_per_event": round(store / count * 1e6, 2),
        "store_cpu_share": round(store / max(loop + store, 0.01), 3)}


def print_publish(title, rows):
    print(f"\n{title}\n")
    print("  durability   events/s  of memory  CPU us an event: loop  store"
          "  store's share")
    memory = rows.get("memory", {}).get("events_per_second")
    for mode, row in rows.items():
        rate = row["events_per_second"]
        part = f"{rate / memory:9.0%}" if memory else " " * 9
        print(f"  {mode:10} {rate:10} {part:>10}"
              f" {row['loop_cpu_us_per_event']:22}"
              f" {row['store_cpu_us_per_event']:6}"
              f" {row['store_cpu_share']:14.0%}")
    if memory and "process" in rows:
        factor = memory / rows["process"]["events_per_second"]
        rows["factor"] = round(factor, 2)
        print(f"  process is slower than memory by a factor of {factor:.2f}"
              f" (target {FACTOR_TARGET:g}: "
              f"{'met' if factor <= FACTOR_TARGET else 'MISSED'})")


def publish_singly(where, budget):
    """One publisher that waits for each reply, in each mode."""
    rows = {}
    for mode in MODES:
        runs = []
        for number in range(RUNS):
            if budget.allows(f"{mode}, singly, run {number}"):
                with Hub(where, mode) as hub:
                    runs.append(hub.publish_singly(SINGLE_SECONDS, "x" * DATA))
        if runs:
            rows[mode] = {"runs": [round(run) for run in runs],
                          "events_per_second": round(statistics.median(runs))}
    return rows


def print_singly(rows):
    print(f"\nOne publisher that waits for each reply ({DATA} bytes)\n")
    print("  durability   events/s")
    for mode, row in rows.items():
        print(f"  {mode:10} {row['events_per_second']:10}")


def start_once(hub, how, first_ids):
    """End it in that way and start it, with nothing in any cache."""
    hub.stop(how)
    hub.forget()
    ready = hub.start()
    resumes = []
    for channel, first in first_ids.items():
        _, seconds = hub.events(channel, first,
                                STORED_PER_CHANNEL - 1)
        resumes.append(seconds)
    return {"status": ready, "first_resume": ready + resumes[0],
            "later_resume": statistics.median(resumes[1:])}


def start_all(where, stored, budget):
    """Store so many events, then end and start crierd again and again."""
    channels = stored // STORED_PER_CHANNEL
    lines = write_lines(where, stored, channels)
    found = {}
    with Hub(where, "process", ["history-bytes=16M"]) as hub:
        fill = hub.publish(lines)
        os.unlink(lines)
        found_events = hub.status()["store"]["events"]
        if found_events != stored:
            raise RuntimeError(f"{found_events} events are stored")
        step = channels // PROBES
        first_ids = {f"bench/{n * step}": hub.events(
            f"bench/{n * step}", "all", 1)[0][0] for n in range(PROBES)}
        for how in (signal.SIGKILL, signal.SIGTERM):
            name = how.name
            runs = [start_once(hub, how, first_ids) for number in range(RUNS)
                    if budget.allows(f"start after {name}, run {number}")]
            if runs:
                found[name] = {key: round(statistics.median(
                    run[key] for run in runs), 4) for key in runs[0]}
                found[name]["slowest"] = round(max(
                    run["first_resume"] for run in runs), 4)
        size = os.path.getsize(hub.database)
    return {"events": stored, "channels": channels,
            "file_bytes": size, "fill_seconds": round(fill, 2),
            "after": found}


def print_start(start):
    print(f"\nStart with {start['events']} events stored in"
          f" {start['channels']} channels ({start['file_bytes'] >> 20} MiB,"
          f" stored in {start['fill_seconds']} s), nothing cached: seconds\n")
    print("  ended by   status answered  first resume answered  slowest"
          "  target"
          "      a later resume takes")
    for how, row in start["after"].items():
        met = "met" if row["slowest"] < START_TARGET else "MISSED"
        print(f"  {how:9} {row['status']:16.3f}"
              f" {row['first_resume']:22.3f} {row['slowest']:8.3f}"
              f"  < {START_TARGET:g}: {met:6}"
              f" {row['later_resume']:21.4f}")


def measure(where, count, stored, budget):
    """All of it: rows by what was measured."""
    result = {"events": count, "publish": {}}
    if stored > 0 and budget.allows("start", 60):
        result["start"] = start_all(where, stored, budget)
        print_start(result["start"])
    for channels in (1, 1000):
        rows = publish_all(where, channels, count, budget)
        print_publish(f"{count} events of {DATA} bytes in {channels}"
                      f" unwatched channel{'s' * (channels > 1)}, by"
                      " crier pub -n", rows)
        sys.stdout.flush()
        result["publish"][str(channels)] = rows
    result["singly"] = publish_singly(where, budget)
    print_singly(result["singly"])
    return result
