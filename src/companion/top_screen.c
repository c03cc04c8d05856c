/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "companion/top_screen.h"

/* The other screen, and no cursor; and back. */
#define TOP_ENTER "\033[?1049h\033[?25l"
#define TOP_LEAVE "\033[?25h\033[?1049l"

static struct termios top_before;
static volatile sig_atomic_t top_is_open, top_has_keys;

static void
top_write(const char *text, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(STDOUT_FILENO, text, len);
		if (n == -1 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void
top_enter(void)
{
	struct termios raw = top_before;

	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	if (top_has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	top_write(TOP_ENTER, strlen(TOP_ENTER));
	top_is_open = 1;
}

void
top_screen_close(void)
{
	if (!top_is_open)
		return;
	top_is_open = 0;
	top_write(TOP_LEAVE, strlen(TOP_LEAVE));
	if (top_has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &top_before);
}

/* Gives the terminal back, then lets the signal do what it does. */
static void
top_end_cb(int number)
{
	sigset_t set;
	int error = errno;

	top_screen_close();
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	errno = error;
}

static void
top_catch(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

/*
 * Stopped, and then in the foreground again.  SIGTSTP itself would not stop a
 * program that no shell waits for.
 */
static void
top_stop_cb(int number)
{
	int error = errno;

	(void)number;
	top_screen_close();
	raise(SIGSTOP);
	top_enter();
	errno = error;
}

/* Its coming ends a wait, so that the page is drawn anew. */
static void
top_resize_cb(int number)
{
	(void)number;
}

static void
top_catch_all(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE,
		SIGALRM, SIGUSR1, SIGUSR2, SIGABRT, SIGSEGV, SIGBUS, SIGFPE,
		SIGILL, SIGXCPU };
	size_t i;

	for (i = 0; i < sizeof ends / sizeof *ends; i++)
		top_catch(ends[i], top_end_cb);
	top_catch(SIGTSTP, top_stop_cb);
	top_catch(SIGWINCH, top_resize_cb);
}

bool
top_screen_open(void)
{
	const char *term = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || term == NULL || *term == '\0' ||
	    strcmp(term, "dumb") == 0)
		return false;
	top_has_keys = tcgetattr(STDIN_FILENO, &top_before) == 0;
	top_catch_all();
	top_enter();
	return true;
}

struct top_size
top_screen_size(void)
{
	struct winsize w;
	struct top_size size = { 24, 80 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 &&
	    w.ws_col > 0) {
		size.lines = w.ws_row;
		size.columns = w.ws_col;
	}
	return size;
}

/* Bytes of the characters of UTF-8 that fit into so many columns. */
static size_t
top_fit(const char *line, size_t len, size_t columns)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (((unsigned char)line[i] & 0xc0) != 0x80 && columns-- == 0)
			return i;
	return len;
}

void
top_screen_show(const struct buffer *page)
{
	struct top_size size = top_screen_size();
	const char *line = page->data, *end = page->data + page->len, *next;
	struct buffer out = { 0 };
	size_t n;
	int rc = buffer_append_text(&out, "\033[H");

	for (n = 0; rc == 0 && line < end && n < size.lines; n++) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (next == NULL)
			next = end;
		if (n > 0)
			rc = buffer_append_text(&out, "\r\n");
		/* The heads of both parts, and nothing else, begin so. */
		if (rc == 0 && *line == '\t')
			rc = buffer_append_text(&out, "\033[7m");
		line += *line == '\t';
		if (rc == 0)
			rc = buffer_append(&out, line,
			    top_fit(line, (size_t)(next - line), size.columns));
		if (rc == 0)
			rc = buffer_append_text(&out, "\033[0m\033[K");
		line = next + 1;
	}
	if (rc == 0 && buffer_append_text(&out, "\033[J") == 0)
		top_write(out.data, out.len);
	buffer_clear(&out);
}

int
top_screen_key(int timeout_ms)
{
	struct pollfd p = { .fd = top_has_keys ? STDIN_FILENO : -1,
		.events = POLLIN };
	unsigned char key;

	if (poll(&p, 1, timeout_ms) <= 0 || p.revents == 0)
		return 0;
	if (read(STDIN_FILENO, &key, 1) == 1)
		return key;
	top_has_keys = 0;
	return -1;
}
