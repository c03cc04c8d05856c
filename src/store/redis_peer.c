/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cause.h"
#include "store/redis_peer.h"

enum {
	REDIS_PEER_PASSWORD_MAX = 512 /* of the file's bytes */
};

/* Keeps both lines of a text, which is zeroed; 0 or -1 (memory). */
static int
redis_peer_keep_passwords(struct redis_peer *peer, char *text, size_t size)
{
	char *end = text + strcspn(text, "\r\n"), *second;

	second = end + strspn(end, "\r\n");
	second[strcspn(second, "\r\n")] = '\0';
	*end = '\0';
	/* Without a second line both point at the same end. */
	peer->password = strdup(text);
	peer->sentinel_password = strdup(second);
	explicit_bzero(text, size);
	return peer->password == NULL || peer->sentinel_password == NULL ? -1
									 : 0;
}

/* Reads the passwords' file; 0, or -1 with *cause. */
static int
redis_peer_read_passwords(struct redis_peer *peer, const char *path,
    char **cause)
{
	char text[REDIS_PEER_PASSWORD_MAX + 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd == -1 || fstat(fd, &st) == -1) {
		cause_set(cause, "store-password-file: %s: %s", path,
		    strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		cause_set(cause,
		    "store-password-file: %s: is not a regular file", path);
		goto fail;
	}
	if ((st.st_mode & S_IRWXO) != 0) {
		cause_set(cause,
		    "store-password-file: %s: may be read by everybody "
		    "(chmod o-rwx)",
		    path);
		goto fail;
	}
	n = read(fd, text, sizeof text - 1);
	if (n < 0 || n > REDIS_PEER_PASSWORD_MAX) {
		cause_set(cause, "store-password-file: %s: %s", path,
		    n < 0 ? strerror(errno) : "is too long");
		goto fail;
	}
	close(fd);
	text[n] = '\0';
	*cause = NULL;
	return redis_peer_keep_passwords(peer, text, sizeof text);
fail:
	if (fd != -1)
		close(fd);
	return -1;
}

int
redis_peer_init(struct redis_peer *peer, const struct redis_url *url,
    const char *password_file, char **cause)
{
	struct redis_link_peer *link = &peer->link;

	*cause = NULL;
	memset(peer, 0, sizeof *peer);
	if (password_file != NULL && *password_file != '\0') {
		if (redis_peer_read_passwords(peer, password_file, cause) == -1)
			return -1;
	} else if ((peer->password = strdup("")) == NULL ||
	    (peer->sentinel_password = strdup("")) == NULL)
		return -1;
	if (redis_url_has_tls(url) &&
	    (link->tls = redis_tls_new(url->ca, cause)) == NULL)
		return -1;
	link->path = url->way == REDIS_UNIX ? url->path : NULL;
	link->host = redis_url_has_sentinels(url) ? NULL : &url->hosts[0];
	link->user = url->user;
	link->password = peer->password;
	link->db = url->db;
	return 0;
}

void
redis_peer_clear(struct redis_peer *peer)
{
	redis_tls_free(peer->link.tls);
	free(peer->password);
	free(peer->sentinel_password);
	memset(peer, 0, sizeof *peer);
}
