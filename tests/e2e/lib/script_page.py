# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""Pages that follow with crier.js, in tabs of Chromium."""

import json

from lib import patterns_page, proc

# What a page notes of each source, by the name that the test gives it.
PAGE = """<!doctype html><meta charset="utf-8"><title>follows</title>
<link rel="icon" href="data:,"><script src="%s"></script><script>
const sources = {}, said = {}, notes = {}, tokens = [];
let restored = 0, asked = 0;
addEventListener("pageshow", (e) => restored += e.persisted);
function follow(name, url, options = {}, names = [], make = Crier) {
    const source = sources[name] = new make(url, options);
    said[name] = said[name] || [];
    const note = notes[name] = {open: 0, error: 0, gap: 0, handlers: 0};
    for (const kind of ["message", ...names])
        source.addEventListener(kind, (e) => said[name].push(
            [e.type, e.data, e.lastEventId]));
    for (const kind of ["open", "error", "gap"]) {
        source.addEventListener(kind, () => note[kind]++);
        source["on" + kind] = () => note.handlers++;
    }
    return source;
}
function data(name) { return (said[name] || []).map((e) => e[1]); }
</script>
"""


class Tab(patterns_page.Page):
    """A tab with the page, which may follow under several names."""

    def follow(self, url, name="a", options="{}", names=()):
        self.script(f"follow('{name}', '{url}', {options}, "
                    f"{json.dumps(list(names))})")
        return self

    def data(self, name="a"):
        return self.script(f"return data('{name}')")

    def state(self, name="a"):
        return self.ready(f"sources.{name}")

    def note(self, kind, name="a"):
        return self.script(f"return notes.{name}.{kind}")

    def wait_state(self, state, name="a"):
        return self.wait_ready(state, f"sources.{name}")

    def wait_data(self, want, name="a", seconds=20):
        try:
            proc.wait_for(lambda: self.data(name) == want,
                          f"{name} has {want}", seconds)
        except proc.Late as late:
            raise proc.Late(f"{late}; it has {self.data(name)}, "
                            f"state {self.state(name)}") from None
        return self
