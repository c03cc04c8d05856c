/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include "doctor/advice_table.h"

#define ANY_SERVER SERVER_UNKNOWN
#define ANY_WAY    ATTACHED_UNKNOWN

#define IN_NGINX       "in the location that has fastcgi_pass"
#define IN_NGINX_FRONT "in a further nginx ahead, where proxy_pass is"
#define IN_APACHE      "in the <Location> of the route"
#define IN_APACHE_SITE "in the <VirtualHost>"
#define IN_MPM         "in the event MPM's settings (mpm_event.conf)"
#define IN_LIGHTTPD    "in the $HTTP[\"url\"] block of the route"
#define IN_FASTCGI     "in the host of fastcgi.server"
#define IN_SPAWNED     "in \"bin-environment\" in the host of fastcgi.server"
#define IN_FCGID       "in FcgidCmdOptions of crier.fcgi"
#define IN_HAPROXY     "in the backend that has use-fcgi-app"
#define IN_CADDY       "in the reverse_proxy block of the route"
#define IN_H2O         "in the path that has fastcgi.connect"
#define IN_CRIER       "in crier.conf"

#define APACHE_PASS                                              \
	"ProxyPass \"unix:/run/crier/fcgi.sock|fcgi://crier/\" " \
	"flushpackets=on timeout=3600 retry=0\n"

#define AT_A_WRITE                                                           \
	"the server notices only when it cannot write; a shorter heartbeat " \
	"makes that sooner"

const struct advice advice_table[] = {
	/* Nothing, or something else, answers. */
	{ ANY_SERVER, ANY_WAY, FAULT_CERTIFICATE, "in the web server",
	    "a certificate for this host's name, with its chain\n",
	    "browsers refuse it, too; -k measures in spite of it" },
	{ ANY_SERVER, ANY_WAY, FAULT_DENIED, "on the command line",
	    "-H 'Authorization: ...' or -H 'Cookie: ...'\n",
	    "if the route is for users who are logged in; otherwise the "
	    "server's or crier.conf's rules turn everybody away" },
	{ SERVER_NGINX, ANY_WAY, FAULT_NOT_FOUND, "in the server block",
	    "include " PKGDATADIR "/conf/nginx/crier.conf;\n",
	    "the URL does not lead to crierd" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_NOT_FOUND, IN_APACHE,
	    APACHE_PASS, "the URL does not lead to crierd" },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_NOT_FOUND, IN_FASTCGI,
	    "\"check-local\" => \"disable\"\n",
	    "without it lighttpd looks for a file of that name" },
	{ ANY_SERVER, ANY_WAY, FAULT_NOT_FOUND, IN_CRIER,
	    "route \"GET /events\" { subscribe = { \"{query.channel}\" } }\n",
	    "if it is crierd that does not know this path" },
	{ SERVER_NGINX, ANY_WAY, FAULT_GATEWAY, IN_NGINX,
	    "fastcgi_pass unix:/run/crier/fcgi.sock;\n", NULL },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_GATEWAY, IN_APACHE,
	    APACHE_PASS, NULL },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_GATEWAY, IN_FASTCGI,
	    "\"socket\" => \"/run/crier/fcgi.sock\"\n", NULL },
	{ ANY_SERVER, ANY_WAY, FAULT_GATEWAY, IN_CRIER,
	    "listen = \"unix:/run/crier/fcgi.sock\"\n"
	    "listen-group = \"www-data\"\n",
	    "the path must be the one that the web server has, and its group "
	    "may connect" },
	{ ANY_SERVER, ANY_WAY, FAULT_GATEWAY, IN_CRIER,
	    "handoff-allow = { \"www-data\" }\n",
	    "if the web server starts crier.cgi or crier.fcgi as another user "
	    "than crierd's, which must be told to take their streams" },
	{ ANY_SERVER, ANY_WAY, FAULT_STAND_IN, IN_CRIER,
	    "listen = \"unix:/run/crier/fcgi.sock\"\n"
	    "listen-group = \"www-data\"\n",
	    "the web server does not reach crierd at its socket, or crierd "
	    "is full (max-streams)" },
	{ ANY_SERVER, ANY_WAY, FAULT_STATUS, "in the web server",
	    "a route to crierd\n", "whatever answered, it was not a stream" },
	{ ANY_SERVER, ANY_WAY, FAULT_TYPE, "in the web server",
	    "a route to crierd\n",
	    "something else answers at this URL; an EventSource takes "
	    "nothing but text/event-stream" },

	/* The wrong crierd. */
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_SOME_CRIERD, IN_SPAWNED,
	    "\"CRIER_QUEUE\" => \"/run/crier/queue.sock\"\n",
	    "the same for all that lighttpd starts, where its user may make "
	    "files: then one has the streams, and the others hand theirs over "
	    "to it" },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_SOME_CRIERD, IN_FASTCGI,
	    "\"max-procs\" => 1\n",
	    "with \"bin-path\", if they cannot share a queue: each then has "
	    "streams of its own, which the others' events never reach" },
	{ SERVER_APACHE, ANY_WAY, FAULT_SOME_CRIERD, IN_FCGID,
	    "InitialEnv CRIER_QUEUE=/run/crier/queue.sock\n",
	    "the same for all that Apache starts, where its user may make "
	    "files; with mod_cgid: SetEnv CRIER_QUEUE /run/crier/queue.sock" },
	{ ANY_SERVER, ANY_WAY, FAULT_SOME_CRIERD, IN_CRIER,
	    "queue = \"/run/crier/queue.sock\"\n",
	    "all processes must have the same queue; else let the web server "
	    "start one only, or none" },
	{ ANY_SERVER, ANY_WAY, FAULT_OTHER_CRIERD, "on the command line",
	    "crier -s QUEUE doctor URL\n",
	    "the URL leads to another crierd than the one that was published "
	    "to; or, for a route of your own, -c says which channel it is" },
	{ ANY_SERVER, ANY_WAY, FAULT_OTHER_CRIERD,
	    "in the environment of crier.cgi or crier.fcgi",
	    "CRIER_QUEUE=/run/crier/queue.sock\n",
	    "if the web server starts them: the queue whose crierd is to have "
	    "their streams" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_FULL, IN_FCGID,
	    "MaxProcesses 1000\n",
	    "and FcgidMaxProcesses 1000: mod_fcgid counts a process for each "
	    "stream, for as long as it is open" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_FULL, IN_APACHE,
	    "SetHandler crier\n",
	    "with mod_proxy_fcgi each stream takes one of MaxRequestWorkers, "
	    "with mod_crier none: see mod_crier.conf" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_FULL, IN_MPM,
	    "AsyncRequestWorkerFactor 400\nMaxSpareThreads 150\n",
	    "with mod_crier: how many streams a child may have, and that none "
	    "is ended because it looks idle (150: as MaxRequestWorkers)" },
	{ ANY_SERVER, ANY_WAY, FAULT_FULL, IN_CRIER, "max-streams = 0\n",
	    "or the web server allows fewer connections or threads" },

	/* Compression. */
	{ SERVER_NGINX, ANY_WAY, FAULT_COMPRESSED, IN_NGINX, "gzip off;\n",
	    NULL },
	{ SERVER_NGINX, ANY_WAY, FAULT_COMPRESSED, IN_NGINX_FRONT,
	    "gzip off;\n", NULL },
	{ SERVER_APACHE, ANY_WAY, FAULT_COMPRESSED, IN_APACHE,
	    "SetEnv no-gzip 1\nSetEnv no-brotli 1\n",
	    "mod_deflate or mod_brotli keeps a compressor for each stream" },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_COMPRESSED, IN_LIGHTTPD,
	    "deflate.mimetypes = ( \"text/html\", \"text/css\" )\n",
	    "without text/event-stream, and without \"text/\"" },
	{ SERVER_HAPROXY, ANY_WAY, FAULT_COMPRESSED, "where compression is",
	    "compression type text/html text/css text/javascript\n",
	    "without text/event-stream" },
	{ SERVER_CADDY, ANY_WAY, FAULT_COMPRESSED, "in the site",
	    "@pages not path /events /events/*\nencode @pages gzip\n", NULL },
	{ SERVER_H2O, ANY_WAY, FAULT_COMPRESSED, IN_H2O, "compress: OFF\n",
	    NULL },
	{ ANY_SERVER, ANY_WAY, FAULT_CACHE, "in whatever stands ahead",
	    "nothing that changes Cache-Control\n",
	    "a cache or a proxy may otherwise keep or change the stream" },

	/* Buffers. */
	{ SERVER_NGINX, ANY_WAY, FAULT_HELD, IN_NGINX,
	    "fastcgi_buffering off;\n",
	    "crierd's X-Accel-Buffering says so too; fastcgi_ignore_headers "
	    "must not name it then" },
	{ SERVER_NGINX, ANY_WAY, FAULT_HELD, IN_NGINX_FRONT,
	    "proxy_buffering off;\n",
	    "the one that has fastcgi_pass keeps X-Accel-Buffering to itself" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_HELD, IN_APACHE, APACHE_PASS,
	    "flushpackets=on; with SetHandler it stands in "
	    "<Proxy \"fcgi://crier/\">: ProxySet flushpackets=on" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_HELD, IN_APACHE_SITE,
	    "FcgidOutputBufferSize 0\n",
	    "mod_fcgid keeps 65536 bytes by default" },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_HELD, IN_LIGHTTPD,
	    "server.stream-response-body = 2\n", NULL },
	{ SERVER_CADDY, ANY_WAY, FAULT_HELD, IN_CADDY, "flush_interval -1\n",
	    NULL },
	{ ANY_SERVER, ANY_WAY, FAULT_HELD, "in the URL", "padding=4096\n",
	    "fills the buffer of something that cannot be configured, for "
	    "the first bytes at least" },

	{ SERVER_HAPROXY, ANY_WAY, FAULT_SLOW, IN_HAPROXY,
	    "option http-no-delay\n",
	    "without it HAProxy waits 200 ms for more with each event" },

	/* Silence. */
	{ SERVER_NGINX, ANY_WAY, FAULT_CUT, IN_NGINX,
	    "fastcgi_read_timeout 1h;\n", NULL },
	{ SERVER_NGINX, ANY_WAY, FAULT_CUT, IN_NGINX_FRONT,
	    "proxy_read_timeout 1h;\n", NULL },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_CUT, IN_APACHE, APACHE_PASS,
	    "timeout=3600; with SetHandler it stands in "
	    "<Proxy \"fcgi://crier/\">: ProxySet timeout=3600" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_CUT, IN_FCGID,
	    "IOTimeout 3600\n",
	    "FcgidIOTimeout does not count for a program that has "
	    "FcgidCmdOptions; with mod_proxy_fcgi: timeout=3600" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_CUT, IN_APACHE_SITE,
	    "FcgidIOTimeout 3600\n", "if there are no FcgidCmdOptions" },
	{ SERVER_APACHE, ATTACHED_CGI, FAULT_CUT, IN_APACHE_SITE,
	    "CGIDScriptTimeout 3600\n", "with mod_cgi: Timeout 3600" },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_CUT, IN_FASTCGI,
	    "\"read-timeout\" => 3600\n", "or none, which is the default" },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_CUT, "in lighttpd.conf",
	    "server.max-write-idle = 360\n",
	    "the default; the heartbeat must stay below it" },
	{ SERVER_HAPROXY, ANY_WAY, FAULT_CUT, IN_HAPROXY, "timeout server 1h\n",
	    "in the frontend: timeout client 1h" },
	{ SERVER_CADDY, ANY_WAY, FAULT_CUT,
	    "in the transport fastcgi block of the route", "read_timeout 1h\n",
	    "or none, which is the default" },
	{ SERVER_H2O, ANY_WAY, FAULT_CUT, IN_H2O,
	    "fastcgi.timeout.io: 3600000\n", "the default is 30000" },
	{ ANY_SERVER, ANY_WAY, FAULT_CUT, IN_CRIER, "heartbeat = 15\n",
	    "or less: it must stay below every timeout on the way" },
	{ ANY_SERVER, ANY_WAY, FAULT_MAX_TIME, IN_CRIER, "max-time = 3600\n",
	    "crierd itself ends streams after max-time" },
	{ ANY_SERVER, ANY_WAY, FAULT_NO_HEARTBEAT, "on the command line",
	    "-i SECONDS\n",
	    "if a channel section of crier.conf has a longer heartbeat than "
	    "was waited for" },
	{ ANY_SERVER, ANY_WAY, FAULT_HEARTBEAT_OFF, IN_CRIER,
	    "heartbeat = 25\n",
	    "without it timeouts cut silent streams, and clients that are "
	    "gone may never be noticed" },

	/* Leaving. */
	{ SERVER_NGINX, ANY_WAY, FAULT_LEAVING_LATE, IN_NGINX,
	    "fastcgi_ignore_client_abort off;\n", NULL },
	{ SERVER_NGINX, ANY_WAY, FAULT_LEAVING_LATE, IN_NGINX_FRONT,
	    "proxy_ignore_client_abort off;\n", NULL },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_LEAVING_LATE, IN_FASTCGI,
	    "\"tcp-fin-propagate\" => \"enable\"\n", NULL },
	{ SERVER_LIGHTTPD, ATTACHED_CGI, FAULT_LEAVING_LATE, IN_CRIER,
	    "heartbeat = 15\n", AT_A_WRITE },
	{ SERVER_HAPROXY, ANY_WAY, FAULT_LEAVING_LATE, IN_HAPROXY,
	    "option abortonclose\n",
	    "then it is the next heartbeat, not the one after that" },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_LEAVING_LATE, IN_APACHE,
	    "SetHandler crier\n",
	    "mod_crier in place of mod_proxy_fcgi notices at once, and streams "
	    "hold no threads of Apache's: see mod_crier.conf" },
	{ SERVER_APACHE, ANY_WAY, FAULT_LEAVING_LATE, IN_CRIER,
	    "heartbeat = 15\n",
	    "all other modules notice only when they cannot write; a shorter "
	    "heartbeat frees Apache's threads sooner" },
	{ SERVER_CADDY, ANY_WAY, FAULT_LEAVING_LATE, IN_CRIER,
	    "heartbeat = 15\n", AT_A_WRITE },
	{ SERVER_H2O, ANY_WAY, FAULT_LEAVING_LATE, IN_CRIER, "heartbeat = 15\n",
	    AT_A_WRITE },
	{ SERVER_NGINX, ANY_WAY, FAULT_LEAVING_NEVER, IN_NGINX,
	    "fastcgi_buffering off;\nfastcgi_ignore_client_abort off;\n",
	    NULL },
	{ SERVER_LIGHTTPD, ATTACHED_FASTCGI, FAULT_LEAVING_NEVER, IN_FASTCGI,
	    "\"tcp-fin-propagate\" => \"enable\"\n", NULL },
	{ SERVER_LIGHTTPD, ANY_WAY, FAULT_LEAVING_NEVER, IN_LIGHTTPD,
	    "server.stream-response-body = 2\n", NULL },
	{ SERVER_APACHE, ATTACHED_FASTCGI, FAULT_LEAVING_NEVER, IN_APACHE,
	    APACHE_PASS, "flushpackets=on: only what is written can fail" },
	{ SERVER_APACHE, ATTACHED_MANAGED, FAULT_LEAVING_NEVER, IN_APACHE_SITE,
	    "FcgidOutputBufferSize 0\n", "only what is written can fail" },
	{ ANY_SERVER, ANY_WAY, FAULT_LEAVING_NEVER, IN_CRIER,
	    "heartbeat = 25\n",
	    "a client that is gone is noticed when a write fails" },

	/* Threads. */
	{ SERVER_APACHE, ANY_WAY, FAULT_THREADS, IN_APACHE,
	    "SetHandler crier\n",
	    "with mod_crier streams hold no threads of Apache's: see "
	    "mod_crier.conf" },
	{ SERVER_APACHE, ANY_WAY, FAULT_THREADS, IN_CRIER,
	    "max-streams = 100\n",
	    "or what is well below MaxRequestWorkers, for the site is dead "
	    "when streams hold them all; poll-above instead lets the rest "
	    "poll" },
	{ SERVER_APACHE, ANY_WAY, FAULT_MPM, IN_MPM,
	    "AsyncRequestWorkerFactor 400\nMaxSpareThreads 150\n",
	    "how many streams a child may have, and that none is ended "
	    "because it looks idle (150: as MaxRequestWorkers)" },
	{ SERVER_APACHE, ANY_WAY, FAULT_MPM, "on the command line",
	    "a2dismod mpm_prefork mpm_worker; a2enmod mpm_event\n",
	    "only with the event MPM streams do without threads; where plain "
	    "HTTP is passed on to crierd any MPM will do" },

	/* Coming back. */
	{ SERVER_NGINX, ANY_WAY, FAULT_LAST_EVENT_ID, IN_NGINX,
	    "fastcgi_pass_request_headers on;\n",
	    "Last-Event-ID must reach crierd" },
	{ SERVER_APACHE, ANY_WAY, FAULT_LAST_EVENT_ID, IN_APACHE,
	    "no \"RequestHeader unset Last-Event-ID\"\n",
	    "Last-Event-ID must reach crierd" },
	{ ANY_SERVER, ANY_WAY, FAULT_LAST_EVENT_ID, "in the page",
	    "new EventSource(url + \"?lastEventId=\" + id)\n",
	    "if something on the way takes the header Last-Event-ID away" },
	{ ANY_SERVER, ANY_WAY, FAULT_GAP, IN_CRIER, "keep = 10000\n",
	    "the channel's history is too small to come back to" },
};

const size_t advice_count = sizeof advice_table / sizeof advice_table[0];
