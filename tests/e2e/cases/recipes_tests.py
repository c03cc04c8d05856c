# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
"""doc/recipes.md: its blocks are taken from it and run."""

import os
import re
import shutil
import subprocess

from cases.docs_tests import blocks_of, check, read
from lib import bench, proc, servers, web
from lib.daemon import Crierd
from lib.fcgi import Direct
from lib.server import NotThere
from lib.site import Site
from lib.web import ACCEPT

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
FPM = next((shutil.which(name, path=PATH) for name in
            ("php-fpm8.2", "php-fpm") if shutil.which(name, path=PATH)), None)
DOC = "doc/recipes.md"
# What an application has around the blocks: just their calls.
WORDPRESS = """
$hooks = [];
function add_action($name, $function, $priority, $count)
{
    $GLOBALS['hooks'][$name] = $function;
}
%s
$post = (object) ['ID' => 7, 'post_title' => 'Tea', 'post_type' => 'post'];
$hooks['transition_post_status']('publish', 'draft', $post);
$hooks['transition_post_status']('publish', 'publish', $post);
$hooks['comment_post'](3, 1, ['comment_post_ID' => 7]);
$hooks['comment_post'](4, 'spam', ['comment_post_ID' => 7]);
"""
LARAVEL = """
class Dispatcher
{
    public $function;
    function listen($names, $function)
    {
        $this->function = $function;
    }
}
class Paid
{
    public $channel = 'laravel';
    public $sum = 3;
}
class_alias('Paid', 'App\\\\Events\\\\Paid');
$events = new Dispatcher();
%s
($events->function)('App\\\\Events\\\\Paid', [new Paid()]);
($events->function)('App\\\\Events\\\\Other', [new stdClass()]);
"""
SYMFONY = """
class OrderPaid
{
    public $order = 17;
}
$subscriber = new CrierSubscriber();
foreach (CrierSubscriber::getSubscribedEvents() as $class => $method) {
    $subscriber->$method(new $class());
    $subscriber->$method(new $class());
}
"""
INTERFACE = """namespace Symfony\\Component\\EventDispatcher {
    interface EventSubscriberInterface
    {
    }
}
namespace {
%s
}
"""


def _block(language, part):
    found = [text for text in blocks_of(DOC, language) if part in text]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} blocks with {part}")
    return found[0]


def _php(place, name, text):
    if not text.startswith("<?php"):
        text = "<?php\n" + text
    return place.write(name, text)


def _run_php(place, name, text):
    return subprocess.run(["php", "-d", "error_log=", _php(place, name, text)],
                          capture_output=True, check=False,
                          timeout=30 * proc.SLOW)


def php_publishes(tap, place):
    if not shutil.which("php"):
        tap.skip("what PHP publishes", "php is not installed")
        return
    crierd = Crierd(place).start()
    function = _block("php", "function crier_publish").replace(
        "/run/crier/queue.sock", crierd.queue)

    def events(channel, count):
        with Direct(crierd.listen,
                    f"/events/{channel}?since=all") as stream:
            stream.wait_events(count)
            return [(e.type, e.data) for e in stream.events]

    done = _run_php(place, "wp.php", function + WORDPRESS
                    % _block("php", "add_action("))
    tap.eq((done.returncode, done.stdout, done.stderr), (0, b"", b""),
           "the plugin for WordPress runs")
    tap.eq(events("posts", 1), [("post", '{"id":7,"title":"Tea"}')],
           "a post that appears is told once")
    tap.eq(events("comments/7", 1), [("comment", '{"id":3}')],
           "and a comment that is approved")
    done = _run_php(place, "laravel.php", function + LARAVEL
                    % _block("php", "$events->listen"))
    tap.eq((done.returncode, done.stdout, done.stderr), (0, b"", b""),
           "the listener for Laravel runs")
    tap.eq(events("laravel", 1),
           [("Paid", '{"channel":"laravel","sum":3}')],
           "and tells of events that have a channel")
    body = function.replace("<?php\n", "") + _block(
        "php", "class CrierSubscriber") + SYMFONY
    done = _run_php(place, "symfony.php", INTERFACE % body)
    tap.eq((done.returncode, done.stdout, done.stderr), (0, b"", b""),
           "the subscriber for Symfony runs")
    tap.eq(events("order/17", 1), [("order", '{"state":"paid"}')],
           "and a key makes its second event none")
    crierd.stop()
    done = _run_php(place, "gone.php", function
                    + "\nvar_dump(crier_publish('a', 'b'));")
    tap.ok(b"bool(false)" in done.stdout and b"crier: a: " in done.stderr,
           "without a crierd it says so and goes on", done)


COOKIE = """
session_id('test');
session_start();
$_SESSION['user'] = $_GET['user'];
$_SESSION['channels'] = ['team/red'];
session_write_close();
"""


def _cookie(place, key):
    """The cookie that the recipe's page sets for ann."""
    port = proc.free_port()
    text = _block("php", "function crier_cookie").replace(
        "/etc/crier/token.key", key)
    os.mkdir(place.path("php"))
    _php(place, "php/page.php", text.replace(
        "<?php\n", "<?php\n" + COOKIE.strip() + "\n", 1))
    place.own(proc.Proc(["php", "-S", f"127.0.0.1:{port}", "-t",
                         place.path("php"), "-d",
                         "session.save_path=" + place.path("php")],
                        place.log("php.log")))
    proc.wait_for(lambda: _connects(port), "PHP's server")
    answer = web.fetch(port, "/page.php?user=ann")
    found = re.search(r"crier=([^;\s]+)", str(answer.headers))
    if not found:
        raise AssertionError(f"no cookie: {answer.headers} {answer.raw}")
    return found.group(1)


def _connects(port):
    try:
        web.fetch(port, "/")
        return True
    except OSError:
        return False


def a_cookie(tap, place):
    if not shutil.which("php"):
        tap.skip("PHP's cookie", "php is not installed")
        return
    key = place.write("token.key", "a-key-of-more-than-thirty-two-octets\n")
    settings = _block("", 'token-cookie = "crier"').replace(
        "/etc/crier/token.key", key)
    if check(place.write("try.conf", settings)).returncode:
        tap.skip("PHP's cookie", "crierd was built without libjwt")
        return
    cookie = _cookie(place, key)
    for kind in ("nginx", "lighttpd", "apache", "mod_crier"):
        try:
            site = Site(bench.Corner(place, kind), kind, config=settings)
        except NotThere as error:
            tap.skip(f"the cookie behind {kind}", f"there is no {error}")
            continue
        for channel, status in (("user/ann", 200), ("user/bob", 403),
                                ("team/red", 200), ("team/blue", 403)):
            with web.Exchange(site.port, "/events/" + channel, headers={
                    **ACCEPT, "Cookie": "crier=" + cookie}) as stream:
                stream.wait_head()
                tap.eq(stream.status, status,
                       f"{kind}: ann, {channel}: {status}")
        tap.eq(web.fetch(site.port, "/events/user/ann",
                         headers=ACCEPT).status, 401,
               f"{kind}: nobody without the cookie")


POOL = """[global]
error_log = {log}
daemonize = no
[www]
{user}
listen = {socket}
listen.mode = 0666
pm = static
pm.max_children = 2
php_admin_value[session.save_path] = {sessions}
"""
LOGIN = """<?php
session_start();
$_SESSION['user'] = 'ann';
session_write_close();
echo session_id();
"""


class NginxAsks(servers.KINDS["nginx"]):
    """nginx as the recipe has it."""

    def _copy_conf(self, name):
        path = super()._copy_conf(name)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        place = self.place
        os.mkdir(place.path("crier.d"))
        place.write("crier.d/who.conf", _block("nginx",
                                               "auth_request /crier-who"))
        text = text.replace("/etc/nginx/crier.d", place.path("crier.d"))
        asks = _block("nginx", "location = /crier-who")
        for old, new in (("/var/www/crier-who.php", place.path("who.php")),
                         ("/run/php/php-fpm.sock",
                          os.path.join(place.run, "php.sock")),
                         ("fastcgi_params", "/etc/nginx/fastcgi_params")):
            asks = asks.replace(old, new)
        with open(path, "w", encoding="utf-8") as file:
            file.write(asks + text)
        return path


def nginx_asks(tap, place):
    if not FPM:
        tap.skip("nginx asks PHP", "php-fpm is not installed")
        return
    place.write("who.php", _block("php", "X-Crier-User"))
    place.write("login.php", LOGIN)
    user = bench.server_user()
    pool = place.write("fpm.conf", POOL.format(
        log=place.log("fpm.log"), socket=os.path.join(place.run, "php.sock"),
        sessions=place.make_dir("sessions"),
        user=f"user = {user.pw_name}\ngroup = {bench.server_group()}"
        if bench.IS_ROOT else ""))
    servers.KINDS["nginx_asks"] = NginxAsks
    site = Site(place, "nginx_asks", config="".join(
        [_block("", 'channel "**" { subscribe = { user } }'),
         _block("", "status = prometheus")] +
        [text for text in blocks_of("README.md", "")
         if '"GET,POST /events"' in text]))

    def status(target, session=None):
        more = {"Cookie": f"PHPSESSID={session}"} if session else {}
        with web.Exchange(site.port, target,
                          headers={**ACCEPT, **more}) as stream:
            stream.wait_head()
            return stream.status, stream.headers.get("content-type")

    tap.eq(status("/events/news"), (200, "text/event-stream"),
           "PHP is down: the page is asked to come again")
    fpm = place.own(proc.Proc([FPM, "-n", "-F", "-y", pool]
                              + (["-R"] if bench.IS_ROOT else []),
                              place.log("fpm.out")))
    proc.wait_for(lambda: proc.can_connect(
        os.path.join(place.run, "php.sock")), "php-fpm")
    del fpm
    tap.eq(status("/events/news")[0], 401, "no session: 401")
    session = subprocess.run(
        ["php", "-d", "session.save_path=" + place.path("sessions"),
         place.path("login.php")], capture_output=True,
        check=True).stdout.decode()
    for name in os.listdir(place.path("sessions")):
        os.chmod(place.path("sessions", name), 0o666)
    for target, want in (("/events/news", 200), ("/events?channel=news", 200),
                         ("/events/user/ann", 200), ("/events/user/bob", 403)):
        tap.eq(status(target, session)[0], want, f"ann's session: {target}")
    tap.eq(status("/events/news", "nonsense")[0], 401, "no such session")
    tap.eq((status("/events/metrics?a")[0], status("/events/status")[0]),
           (200, 401), "no session: metrics, and no channel of such a name")


def a_proxy_ahead(tap, place):
    if not shutil.which("nginx", path=PATH):
        tap.skip("nginx ahead", "it is not installed")
        return
    site = Site(place, "lighttpd")
    port = proc.free_port()
    ahead = bench.Corner(place, "ahead")
    state = ahead.make_dir("state")
    temporary = "\n".join(f"{kind}_temp_path {state}/{kind};" for kind in
                          ("client_body", "proxy", "fastcgi", "uwsgi",
                           "scgi"))
    block = _block("nginx", "proxy_buffering off").replace(
        "8081", str(site.port))
    user = f"user {bench.server_user().pw_name} {bench.server_group()};" \
        if bench.IS_ROOT else ""
    conf = ahead.write("nginx.conf", f"""
daemon off; {user} pid {state}/pid; error_log {state}/error.log;
events {{ }}
http {{ {temporary} access_log off; gzip on; gzip_types *;
server {{ listen 127.0.0.1:{port}; {block} }} }}
""")
    place.own(proc.Proc([shutil.which("nginx", path=PATH), "-p", state, "-e",
                         state + "/error.log", "-c", conf],
                        place.log("nginx.log")))
    proc.wait_for(lambda: _connects(port), "nginx ahead")
    with web.Exchange(port, "/events?channel=a", headers={
            **ACCEPT, "Accept-Encoding": "gzip"}) as stream:
        stream.wait_head()
        for number in range(3):
            site.crierd.pub("a", f"event {number}")
            stream.wait(lambda n=number: len([
                e for e in stream.events if e.data]) == n + 1,
                        "each event by itself")
        tap.ok(True, "each event comes by itself")


def a_backup(tap, place):
    if not shutil.which("sqlite3"):
        tap.skip("the backup", "sqlite3 is not installed")
        return
    history = os.path.join(place.run, "history.db")
    backup = place.path("backup.db")
    crierd = Crierd(place, options=["store=sqlite:" + history]).start()
    ids = []
    with crierd.connect() as queue:
        queue.publish_all("a", [f"{n}" for n in range(100)])
    with Direct(crierd.listen, "/events/a?since=all") as stream:
        stream.wait_events(100)
        ids = [e.id for e in stream.events]
    text = _block("sh", ".backup").replace(
        "/var/lib/crier/history.db", history).replace(
            "/var/backups/crier.db", backup)
    done = subprocess.run(["sh", "-ec", text], capture_output=True,
                          check=False)
    tap.eq((done.returncode, done.stderr), (0, b""),
           "a backup is made while crierd runs")
    crierd.pub("a", "later")
    crierd.stop()
    back = _block("sh", "crier shutdown").replace(
        "/var/lib/crier/history.db", history).replace(
            "/var/backups/crier.db", backup)
    back = "\n".join(line for line in back.splitlines()
                     if not line.startswith("crier"))
    if bench.IS_ROOT:
        back = back.replace("-o crier -g crier",
                            f"-o {bench.server_user().pw_name} "
                            f"-g {bench.server_group()}")
    else:
        back = back.replace("-o crier -g crier", "")
    subprocess.run(["sh", "-ec", back], check=True)
    crierd.start()
    with Direct(crierd.listen, "/events/a",
                HTTP_LAST_EVENT_ID=ids[49]) as stream:
        stream.wait_events(50)
        tap.eq([e.data for e in stream.events],
               [f"{n}" for n in range(50, 100)],
               "it is brought back, and clients resume from it")


def blocks(tap, place):
    """What the others do not run is at least well formed."""
    for number, text in enumerate(blocks_of(DOC, "php")):
        if not shutil.which("php"):
            break
        done = subprocess.run(
            ["php", "-l", _php(place, f"{number}.php", text)],
            capture_output=True, check=False)
        tap.eq(done.returncode, 0, f"block {number} of PHP is PHP")
    for number, text in enumerate(blocks_of(DOC, "sh")):
        done = subprocess.run(["sh", "-n"], input=text.encode(),
                              capture_output=True, check=False)
        tap.eq(done.returncode, 0, f"block {number} of shell is shell")
    for number, text in enumerate(blocks_of(DOC, "")):
        if "token-key-file" not in text:
            tap.eq(check(place.write(f"{number}.conf", text)).returncode, 0,
                   f"block {number} of settings is taken")
    settings = re.search(r"<<'EOF'\n(.*?)EOF", _block("sh", "useradd"),
                         re.S).group(1)
    done = check(place.write("blog.conf", re.sub('user = .*', "", settings)))
    tap.eq(done.returncode, 0, "and so are the second site's")
    for name in ("nginx/crier.conf", "lighttpd/crier.conf",
                 "apache/proxy_fcgi.conf", "apache/mod_crier.conf"):
        tap.ok("/run/crier/fcgi.sock" in re.sub(
            r"(?m)^\s*#.*$", "", read("conf/" + name)),
            f"{name} has the path that the second site changes")


TESTS = [blocks, php_publishes, a_cookie, nginx_asks, a_proxy_ahead,
         a_backup]
