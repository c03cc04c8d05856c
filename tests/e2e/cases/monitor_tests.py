# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""conf/grafana and conf/prometheus ask for what crierd tells, and work."""

import json
import os
import re
import shutil
import subprocess

from lib import bench, proc, redis
from lib.daemon import Crierd
from lib.fcgi import Direct

CONFIG = 'route "GET /metrics" { status = prometheus }'
METRIC = re.compile(r"\bcrier_[a-z0-9_]+")
# Series of some minutes, and whether the alert is told at their end.
FIRES = (
    ("CrierDown", ('up{job="crier",instance="a"}', "0x10"), True),
    ("CrierDown", ('up{job="crier",instance="a"}', "1x10"), False),
    ("CrierDown", ('up{job="other",instance="a"}', "0x10"), False),
    ("CrierStoreDegraded", ('crier_store_degraded{instance="a"}', "1x10"),
     True),
    ("CrierStoreDegraded", ('crier_store_degraded{instance="a"}', "0x10"),
     False),
    ("CrierNearlyFull", ('crier_streams{instance="a"}', "950x30",
                         'crier_streams_max{instance="a"}', "1000x30"),
     True),
    ("CrierNearlyFull", ('crier_streams{instance="a"}', "950x30",
                         'crier_streams_max{instance="a"}', "0x30"), False),
    ("CrierTurnsAway",
     ('crier_streams_turned_away_total{instance="a"}', "0+1x30",
      'crier_fastcgi_turned_away_total{instance="a"}', "0x30"), True),
    ("CrierSharedStoreAway", ('crier_store_nodes{instance="a"}', "2x10",
                              'crier_store_up{instance="a"}', "0x10"), True),
    ("CrierSharedStoreAway", ('crier_store_nodes{instance="a"}', "0x10",
                              'crier_store_up{instance="a"}', "0x10"),
     False),
    ("CrierLate",
     ('crier_delivery_latency_seconds_bucket{instance="a",le="1.0"}',
      "0x30",
      'crier_delivery_latency_seconds_bucket{instance="a",le="2.0"}',
      "0+10x30",
      'crier_delivery_latency_seconds_bucket{instance="a",le="+Inf"}',
      "0+10x30"), True),
    ("CrierGaps", ('crier_gaps_total{instance="a"}', "0+60x60"), True),
    ("CrierRefuses", ('crier_events_refused_total{instance="a"}', "0x60"),
     False),
)


def _conf(*names):
    return os.path.join(bench.SRCDIR, "conf", *names)


def _read(*names):
    with open(_conf(*names), encoding="utf-8") as file:
        return file.read()


def _metrics(place, store):
    crierd = Crierd(place, config=CONFIG, options=["store=" + store]).start()
    with Direct(crierd.listen, "/metrics") as answer:
        def ended():
            answer.pump()
            return answer.ended
        proc.wait_for(ended, "the metrics")
        return answer.raw.decode()


def _of_a_node(place):
    url = "redis+unix:///nowhere"
    is_built = subprocess.run([*bench.CRIERD, "-n", "-o", "store=" + url],
                              stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, check=False)
    if is_built.returncode or not redis.IS_THERE:
        with open(os.path.join(bench.SRCDIR, "src/protocol/figures_table.c"),
                  encoding="utf-8") as table:
            return " ".join("crier_" + name for name in re.findall(
                r'\.metric = "(store_\w+)"', table.read()))
    return _metrics(bench.Corner(place, "node"),
                    redis.Redis(place).start().url())


def names(tap, place):
    text = _metrics(place, "sqlite:" + os.path.join(place.run, "history.db"))
    there = set(METRIC.findall(text))
    # What nodes at a shared store tell besides.
    there |= set(METRIC.findall(_of_a_node(place)))
    for names in (("grafana", "crier.json"), ("prometheus", "crier.yml")):
        asked = set(METRIC.findall(_read(*names)))
        tap.ok(len(asked) > 5, f"{names[0]} asks for metrics")
        tap.eq(sorted(asked - there), [], f"and {names[0]} for none that "
               "crierd does not tell")
    if not shutil.which("promtool"):
        tap.skip("what promtool says of them", "it is not installed")
        return
    done = subprocess.run(["promtool", "check", "metrics"],
                          input=text.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    tap.eq((done.returncode, done.stdout), (0, b""),
           "promtool finds nothing in the metrics")


def board(tap, _place):
    found = json.loads(_read("grafana", "crier.json"))
    panels = found["panels"]
    ids = [panel["id"] for panel in panels]
    tap.eq(len(ids), len(set(ids)), "every panel has an id of its own")
    taken = {}
    for panel in panels:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                taken.setdefault((x, y), []).append(panel["title"])
    tap.eq([both for both in taken.values() if len(both) > 1], [],
           "no panel lies on another")
    tap.ok(max(x for x, _y in taken) < 24, "and all are within the board")
    lacking = [panel["title"] for panel in panels if panel["type"] != "row"
               and not all(word in target["expr"] for word in
                           ('job=~"$job"', 'instance=~"$instance"')
                           for target in panel["targets"])]
    tap.eq(lacking, [], "every panel is of the chosen job and instance")
    tap.eq([panel["title"] for panel in panels if panel["type"] != "row"
            and (panel["datasource"]["uid"] != "${datasource}"
                 or not panel["description"])], [],
           "of the chosen source, and says what it shows")


def _rules_test(place, number, alert, series, fires):
    lines = [f"rule_files: [ {_conf('prometheus', 'crier.yml')} ]",
             "evaluation_interval: 1m", "tests:", "  - interval: 1m",
             "    input_series:"]
    for name, values in zip(series[::2], series[1::2]):
        lines += [f"      - series: '{name}'", f"        values: '{values}'"]
    minutes = 10 if series[1].endswith("x10") else 30
    lines += ["    alert_rule_test:", f"      - eval_time: {minutes}m",
              f"        alertname: {alert}"]
    path = place.write(f"{number}.yml", "\n".join(lines) + "\n")
    done = subprocess.run(["promtool", "test", "rules", path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    # The file expects no alert.
    told = b"got:[" in b"".join(done.stdout.split())
    return (told and alert.encode() in done.stdout if fires
            else done.returncode == 0), done.stdout.decode()


def alerts(tap, place):
    text = _read("prometheus", "crier.yml")
    alerts = re.findall(r"- alert: (\w+)", text)
    tap.eq(sorted(alerts), sorted({row[0] for row in FIRES}),
           "every alert is tried")
    if not shutil.which("promtool"):
        tap.skip("the alerts", "promtool is not installed")
        return
    done = subprocess.run(["promtool", "check", "rules",
                           _conf("prometheus", "crier.yml")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    tap.eq(done.returncode, 0, "promtool takes the rules")
    for number, (alert, series, fires) in enumerate(FIRES):
        good, out = _rules_test(place, number, alert, series, fires)
        tap.ok(good, f"{alert} is {'' if fires else 'not '}told of "
               f"{series[0]} {series[1]}", out)


TESTS = [names, board, alerts]
