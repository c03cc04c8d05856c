/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "config/template.h"
#include "lib/support.h"

/* Variables by their source, and marks for optional and quoted ones. */
static void
test_describe(const struct template *t, char *to, size_t size)
{
	static const char sources[] = " PQFJBUIS";
	static const char *const forms[] = { "", "json ", "html " };
	const struct template_piece *p = t->pieces;
	size_t i, n;

	n = (size_t)snprintf(to, size, "%s", forms[t->form]);
	for (i = 0; i < t->count; i++, p++) {
		assert_true(p->source == TEMPLATE_TEXT ||
		    (t->sources & TEMPLATE_BIT(p->source)) != 0);
		if (p->source == TEMPLATE_TEXT)
			n += (size_t)snprintf(to + n, size - n, "<%.*s>",
			    (int)p->text.len, p->text.text);
		else
			n += (size_t)snprintf(to + n, size - n, "%c%s%s:%.*s ",
			    sources[p->source], p->is_optional ? "?" : "",
			    p->is_quoted ? "\"" : "", (int)p->text.len,
			    p->text.text);
		assert_true(n < size);
	}
}

static void
test_one(const char *text, enum template_want want, const char *wanted)
{
	struct path_pattern path;
	struct template_scope scope = { &path, true, true, want };
	char *cause, have[512];
	struct template *t;

	assert_null(path_pattern_parse(&path, "/a/{name}/{id}/{rest...}"));
	t = template_new(text, &scope, &cause);
	if (t == NULL)
		snprintf(have, sizeof have, "! %s", cause);
	else
		test_describe(t, have, sizeof have);
	if (strcmp(have, wanted) != 0)
		fail_msg("%s: \"%s\" instead of \"%s\"", text, have, wanted);
	if (t != NULL)
		assert_int_equal(template_is_literal(t), t->sources == 0);
	free(cause);
	template_free(t);
	path_pattern_clear(&path);
}

static const struct {
	const char *text, *want;
} test_syntax_table[] = {
	{ "", "" },
	{ "plain", "<plain>" },
	{ "{name}", "P:name " },
	{ "a{name}b", "<a>P:name <b>" },
	{ "{name}{rest}", "P:name P:rest " },
	{ "{query.a}{form.b}{json.c.d}{body}{user}",
	    "Q:a F:b J:c.d B:body U:user " },
	{ "{query.a-b_c[].d}", "Q:a-b_c[].d " },
	{ "{query.caf\xc3\xa9}", "Q:caf\xc3\xa9 " },
	{ "{streams}", "S:streams " },
	/* A name of the path comes before the reply's. */
	{ "{id}", "P:id " },
	{ "{name?}{query.a?}{body?}", "P?:name Q?:a B?:body " },
	{ "{query.?}", "! {query.} has no name behind the dot" },
	{ "{query.a??}", "Q?:a? " },
	{ "{{name}}", "<{name}>" },
	{ "{{{name}}}", "<{>P:name <}>" },
	{ "{{{{", "<{{>" },
	{ "{{ }", "! has a } without its {: write }}" },
	{ "}}}}", "<}}>" },
	{ "}", "! has a } without its {: write }}" },
	{ "a}}}", "! has a } without its {: write }}" },
	{ "{}", "<{}>" },
	{ "{ }", "<{ }>" },
	{ "{1}", "<{1}>" },
	{ "{", "! has a { without its }: write {{" },
	{ "{ {{ }", "! has a } without its {: write }}" },
	{ "{ {{ }} }", "<{ { } }>" },
	{ "{{ { } }}", "<{ { } }>" },
	{ "{a", "! has a variable that is not closed by }" },
	{ "{name{name}}", "! has a variable that is not closed by }" },
	{ "{Name}",
	    "! {Name} is neither in the path nor query.NAME, "
	    "form.NAME, json.NAME, body or user" },
	{ "{name }",
	    "! {name } is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ "{query}",
	    "! {query} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or user" },
	{ "{name...}",
	    "! {name...} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or "
	    "user" },
	{ "{json..a}", "! {json..a} has an empty name between its dots" },
	{ "{x\x1b[2J}",
	    "! {x\\x1b[2J} is neither in the path nor "
	    "query.NAME, form.NAME, json.NAME, body or "
	    "user" },
	{ "\xff", "! is not valid UTF-8" },
};

static void
test_syntax(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_syntax_table / sizeof *test_syntax_table;
	     i++)
		test_one(test_syntax_table[i].text, TEMPLATE_WANT_PLAIN,
		    test_syntax_table[i].want);
}

static const struct {
	const char *text, *want;
} test_json_table[] = {
	{ "{name}", "P:name " },
	{ "text {name}", "<text >P:name " },
	{ "{\"a\":1}", "json <{\"a\":1}>" },
	{ "{}", "json <{}>" },
	{ "[]", "json <[]>" },
	{ " {{\"a\":{name}}}", "json < {\"a\":>P:name <}>" },
	{ "{\"a\":\"{name}\"}", "json <{\"a\":\">P\":name <\"}>" },
	{ "{\"a\":{\"b\":{name}}}", "json <{\"a\":{\"b\":>P:name <}}>" },
	{ "{\"{name}\":{name}}", "json <{\">P\":name <\":>P:name <}>" },
	{ "[{name},\"{name} {name}\"]",
	    "json <[>P:name <,\">P\":name < >P\":name <\"]>" },
	{ "{\"a\":\"\\\"{name}\"}", "json <{\"a\":\"\\\">P\":name <\"}>" },
	{ "{\"a\\\\\":{name}}", "json <{\"a\\\\\":>P:name <}>" },
	{ "\"{name}\"", "json <\">P\":name <\">" },
	/* Text that only begins like it. */
	{ "[info] {name}", "<[info] >P:name " },
	{ "\"{name}\" said", "<\">P\":name <\" said>" },
	{ "[{name}", "<[>P:name " },
	{ "{ {name} }", "! begins with a brace and is not valid JSON" },
	{ "{{name}}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":{name}{name}}",
	    "! begins with a brace and is not valid JSON" },
	{ "{\"a\":1{name}}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":-{name}}", "! begins with a brace and is not valid JSON" },
	{ "{{name}:1}", "! has a } without its {: write }}" },
	{ "{ {name}:1}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":\"\\{name}\"}",
	    "! begins with a brace and is not valid JSON" },
	{ "{\"a\":\"\\u00{name}\"}",
	    "! begins with a brace and is not valid JSON" },
	{ "{\"a\":/*{name}*/1}",
	    "! begins with a brace and is not valid JSON" },
	{ "{'a':{name}}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":\"'{name}'\"}", "json <{\"a\":\"'>P\":name <'\"}>" },
	{ "{'a':'{name}'}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":1}{\"b\":2}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":\"x\ny\"}", "! begins with a brace and is not valid JSON" },
	{ "{\"a\":NaN}", "! begins with a brace and is not valid JSON" },
};

/* What is JSON, and where in it a variable stands. */
static void
test_json(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof test_json_table / sizeof *test_json_table; i++)
		test_one(test_json_table[i].text, TEMPLATE_WANT_DATA,
		    test_json_table[i].want);
	test_one("5", TEMPLATE_WANT_JSON, "json <5>");
	test_one("{name}", TEMPLATE_WANT_JSON, "json P:name ");
	test_one("", TEMPLATE_WANT_JSON, "");
	test_one("ok", TEMPLATE_WANT_JSON,
	    "! is not valid JSON (see reply-type)");
	test_one("<b>{name}", TEMPLATE_WANT_HTML, "html <<b>>P:name ");
}

/* Every beginning of a template is one, or is refused; none is read beyond. */
static void
test_prefixes(void **state)
{
	static const char text[] = "a{name}{{{query.b?}}}{ \"{user}\" }"
				   "{json.c.d}\xc3\xa9}}";
	struct path_pattern path;
	struct template_scope scope = { &path, true, true, TEMPLATE_WANT_DATA };
	char *cause, copy[sizeof text];
	struct template *t;
	size_t len;

	(void)state;
	assert_null(path_pattern_parse(&path, "/{name}"));
	for (len = 0; len < sizeof text; len++) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		t = template_new(support_guard(copy, len + 1), &scope, &cause);
		assert_true((t == NULL) == (cause != NULL));
		free(cause);
		template_free(t);
	}
	path_pattern_clear(&path);
}

static void
test_depth(void **state)
{
	char text[256];

	(void)state;
	memset(text, '\0', sizeof text);
	memset(text, '{', 126);
	test_one(text, TEMPLATE_WANT_PLAIN,
	    "<{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{>");
	memset(text, '{', 128);
	test_one(text, TEMPLATE_WANT_PLAIN, "! has braces that are too deep");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
