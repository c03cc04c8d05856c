# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""The web servers with the files of conf/ that let them start crierd."""

import os
import shutil
import signal

from lib import servers, started

PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"
APACHE_MODULES = "/usr/lib/apache2/modules"


class Starting:
    """In place of what a Server does with the file for a crierd that runs."""

    conf = ""  # of conf/
    title = ""

    @classmethod
    def missing(cls):
        """What is not installed, or ''."""
        if not shutil.which(cls.program, path=PATH):
            return cls.program
        for name in getattr(cls, "modules", ()):
            path = f"{APACHE_MODULES}/mod_{name}.so"
            if cls.program == "apache2" and not os.path.exists(path):
                return f"mod_{name}"
        return ""

    def __init__(self, place, hub):
        self.place = place
        self.crierd = hub
        self.binary = shutil.which(self.program, path=PATH)
        self.port = 0
        self.proc = None
        self.log = place.log(f"{self.name}.log")
        self.state = place.make_dir(self.name)
        self.error_log = place.log(os.path.join(self.name, "error.log"))
        self.www = place.path("www")
        self._copy_www()
        self.includes = [
            place.write(f"{self.name}-{number}.conf", text)
            for number, text in enumerate(self.parts())]

    def shipped(self):
        return self.includes[-1]

    def parts(self):
        """The configuration that is included."""
        return [self.change(started.shipped(self.place, self.conf,
                                            self.crierd.config))]

    def change(self, text):
        return text


class LighttpdCgi(Starting, servers.Lighttpd):
    title = "lighttpd, mod_cgi"
    conf = "lighttpd/cgi.conf"

    def join_urls(self):
        lines = self.uncomment('$HTTP["url"] =~ "^/(sse', "}")
        self.append(lines.replace(
            '"CRIER_QUEUE"', f'"CRIER_CONF" => "{self.crierd.config}",\n'
            '"CRIER_QUEUE"'))


class LighttpdSpawn(Starting, servers.Lighttpd):
    title = "lighttpd, bin-path"
    conf = "lighttpd/spawn.conf"
    max_procs = 1

    def change(self, text):
        wanted = '"max-procs" => 1'
        if wanted not in text:
            raise AssertionError(f"no {wanted} in {self.conf}")
        return text.replace(wanted, f'"max-procs" => {self.max_procs}')


class LighttpdSpawnFour(LighttpdSpawn):
    title = "lighttpd, bin-path, four processes"
    max_procs = 4


class ApacheCgid(Starting, servers.Apache):
    title = "Apache, mod_cgid"
    conf = "apache/cgi.conf"
    mpm = "mpm_event"
    modules = tuple(name for name in servers.Apache.modules
                    if not name.startswith(("proxy", "mpm"))
                    ) + ("mpm_event", "cgid")

    def sizes(self):
        with open(os.path.join(started.bench.SRCDIR, "conf", "apache",
                               "mpm.conf"), encoding="utf-8") as conf:
            return conf.read()

    def own(self):
        """What the site itself says in its configuration."""
        return f"ScriptSock {self.state}/cgid.sock\n"

    def parts(self):
        # The default, which heartbeats are to stay below; see cgi.conf.
        return ["Timeout 60\n", self.sizes(), self.own()] + super().parts()


class ApacheCgi(ApacheCgid):
    title = "Apache, prefork, mod_cgi"
    modules = tuple(name for name in ApacheCgid.modules
                    if name not in ("mpm_event", "cgid")
                    ) + ("mpm_prefork", "cgi")

    def sizes(self):
        return ("ServerLimit 300\nMaxRequestWorkers 300\nStartServers 10\n"
                "MinSpareServers 5\nMaxSpareServers 300\n")

    def own(self):
        return ""


class ApacheHtaccess(ApacheCgid):
    """crier.cgi in the site's own directory, with its .htaccess alone."""

    title = "Apache, .htaccess"
    conf = ""
    modules = ApacheCgid.modules + ("rewrite",)

    def own(self):
        return super().own() + (f'<Directory "{self.www}">\n'
                                "\tAllowOverride Options FileInfo\n"
                                "</Directory>\n")

    def parts(self):
        source = os.path.join(started.bench.SRCDIR, "conf", "apache",
                              "htaccess")
        with open(source, encoding="utf-8") as file:
            text = file.read()
        for old, new in (
                ("/home/me/crier.conf", self.crierd.config),
                ("/home/me/crier/queue.sock", self.crierd.queue),
                ("#SetEnv", "SetEnv")):
            if old not in text:
                raise AssertionError(f"no {old} in {source}")
            text = text.replace(old, new)
        name = os.path.join(self.www, ".htaccess")
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        for name in ("crier.cgi", "crierd"):
            program = os.path.join(self.www, name)
            shutil.copy(started.bench.CRIERD[-1], program)
            os.chmod(program, 0o755)
        return ["Timeout 60\n", self.sizes(), self.own()]


    def shipped(self):
        return os.path.join(self.www, ".htaccess")

    def lengthen_urls(self):
        # No .htaccess may say that.
        self.append("LimitRequestLine 16384\n")

    def join_urls(self):
        line = self.uncomment("RewriteRule ^(events|sse")
        with open(self.shipped(), encoding="utf-8") as file:
            text = file.read()
        old = "RewriteRule ^events(/.*)?$ crier.cgi [END]\n"
        if text.count("\n" + old) != 1:
            raise AssertionError(f"no {old} in {self.shipped()}")
        with open(self.shipped(), "w", encoding="utf-8") as file:
            file.write(text.replace("\n" + old, "\n" + line))


class ApacheFcgid(ApacheCgid):
    title = "Apache, mod_fcgid"
    conf = "apache/fcgid.conf"
    modules = tuple(name for name in ApacheCgid.modules
                    if name != "cgid") + ("fcgid",)

    def own(self):
        return (f"FcgidIPCDir {self.state}/fcgid\n"
                f"FcgidProcessTableFile {self.state}/fcgid.shm\n")


class ApacheFcgidSite(ApacheFcgid):
    """For one site only: in its <VirtualHost>, as the file says."""

    title = "Apache, mod_fcgid, <VirtualHost>"

    def main_conf(self):
        include = f'Include "{self.shipped()}"\n'
        text = super().main_conf()
        if text.count(include) != 1:
            raise AssertionError(f"not one {include}")
        with open(self.shipped(), encoding="utf-8") as file:
            lines = [line for line in file if line.strip().startswith(
                ("FcgidMaxProcesses ", "FcgidSpawnScoreUpLimit "))]
        return text.replace(include, "".join(lines) + f"""
<VirtualHost *>
    DocumentRoot "{self.www}"
    Define CRIER_IN_VIRTUAL_HOST
    {include}
</VirtualHost>
""")


class NginxSpawnFcgi(Starting, servers.Nginx):
    """nginx starts nothing itself: spawn-fcgi does."""

    title = "nginx, spawn-fcgi -F 3"
    conf = "nginx/crier.conf"
    processes = 3

    @classmethod
    def missing(cls):
        return super().missing() or (
            "" if shutil.which("spawn-fcgi", path=PATH) else "spawn-fcgi")

    def start(self):
        words = [shutil.which("spawn-fcgi", path=PATH), "-s",
                 os.path.join(self.place.run, "fcgi.sock"), "-M", "0660",
                 "-F", str(self.processes)]
        if started.bench.IS_ROOT:
            user = started.bench.server_user().pw_name
            words += ["-u", user, "-g", started.bench.server_group()]
        words += ["--", os.path.join(started.install(self.place),
                                     "crier.fcgi")]
        spawner = started.proc.Proc(
            words, self.place.log("spawn-fcgi.log"),
            env={"PATH": os.environ["PATH"], "CRIER_QUEUE": self.crierd.queue,
                 "CRIER_CONF": self.crierd.config})
        if spawner.wait() != 0:
            raise AssertionError("spawn-fcgi has failed")
        self.place.own(Spawned())
        return super().start()


class Spawned:
    """What spawn-fcgi leaves behind is for nobody but us to end."""

    def destroy(self):
        for pid, state in started.processes("crier.fcgi"):
            if state != "Z":
                os.kill(pid, signal.SIGTERM)

    def __str__(self):
        return "spawn-fcgi"
