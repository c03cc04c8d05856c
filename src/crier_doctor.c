/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * crier-doctor, which `crier doctor` becomes: so crier need not load libcurl.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/json.h"
#include "doctor/checkup.h"
#include "doctor/examine.h"
#include "doctor/report.h"
#include "doctor/target.h"
#include "doctor/wake.h"
#include "protocol/paths.h"

enum {
	DOCTOR_FAULT = 1 /* the exit code */
};

static int
doctor_show(const struct options *o, const char *url, const struct measure *m)
{
	struct report report;
	struct json_object *json;

	report_init(&report, url, m);
	if (!o->json) {
		putchar('\n');
		report_print(&report, stdout);
	} else if ((json = report_json(&report)) != NULL) {
		puts(json_line(json));
		json_object_put(json);
	}
	return report.faults > 0 ? DOCTOR_FAULT : 0;
}

static int
doctor_run(const struct options *o, const char *url)
{
	struct measure m = { 0 };
	struct far_end crierd;
	int rc;

	wake(o);
	rc = far_end_open(&crierd, &o->env);
	if (rc == 0 && !o->json) {
		puts(url);
		fflush(stdout);
	}
	if (rc == 0)
		rc = examine(&crierd, o, &m);
	if (rc == 0)
		rc = doctor_show(o, url, &m);
	far_end_close(&crierd);
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o;
	char *queue = NULL, *url;
	int rc = options_read(&o, argc, argv);

	if (rc != 0)
		return rc == -1 ? verb_finish(0) : rc;
	signal(SIGPIPE, SIG_IGN);
	if (o.is_store)
		return verb_finish(checkup_run(&o));
	if (o.env.queue == NULL)
		o.env.queue = queue = paths_find_queue();
	url = target_display(o.url);
	if (o.env.queue == NULL || url == NULL) {
		client_warn("%s", strerror(errno));
		return EX_OSERR;
	}
	rc = doctor_run(&o, url);
	free(queue);
	free(url);
	return verb_finish(rc);
}
