# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# Makes crier.min.js of crier.js: leaves out comments and needless spaces, makes
# one "let" of declarations that follow each other, and gives a letter or two to
# each name that is declared.  It relies on how the source is written:
#
# - comments are those of C, and every statement ends with ; or };
# - texts are in double quotes, regular expressions follow ( = ! & ? : , or >;
# - each name has a "let" or "const" of its own, or is a parameter of an arrow
#   function without a default;
# - no block begins with a name and a comma, as a list in braces does;
# - no loop has a body of ; alone, no statement begins with a bracket;
# - === and !== compare values of one type.
#
# A constant in capitals that is a number stands wherever it is used.
# Names in a class, behind a dot, and before a colon in braces are properties,
# and stay.

{
	text = text $0 "\n"
}

function is_word(s) {
	return s ~ /^[A-Za-z_#$0-9]/
}

# Takes a token from the text, given the one before; "" at the end.
function take(last) {
	while (match(text, /^[ \t\n]+/) || substr(text, 1, 2) == "/*")
		text = substr(text, substr(text, 1, 2) == "/*" ? \
		    index(text, "*/") + 2 : RLENGTH + 1)
	if (match(text, /^"([^"\\]|\\.)*"/) ||
	    match(text, /^[A-Za-z_$#][A-Za-z0-9_$]*/) ||
	    match(text, /^\.?[0-9][0-9.e]*/) ||
	    (last ~ /^[(=!&?:,>]$/ &&
	    match(text, /^\/([^\/\\\[]|\\.|\[([^]\\]|\\.)+\])+\/[a-z]*/)) ||
	    match(text, /^(\.\.\.|=>|[!=]==|.)/))
		last = substr(text, 1, RLENGTH)
	else
		last = ""
	text = substr(text, length(last) + 1)
	return last
}

# A name is good within the innermost block around its declaration, or somewhat
# less.
function declare(name, block) {
	if (is_word(name))
		blocks[name] = blocks[name] " " block
}

# The names in brackets that end or begin at token i.
function declare_list(i, step, block) {
	for (i += step; token[i] !~ /^[][()]$/; i += step)
		declare(token[i], block)
}

# blocks: where each name is declared; first and last: of a block, its tokens.
function find_names(    i, block, up) {
	for (i = 1; i <= n; i++) {
		uses[token[i]]++
		if (token[i] == "{") {
			up[i] = block
			first[block = i] = i
		} else if (token[i] == "}") {
			last[block] = i
			block = up[block]
		} else if (token[i + 1] ~ /^[A-Z_]+$/ && token[i + 4] == ";") {
			same[token[i + 1]] = token[i + 3]
			token[i] = token[i + 1] = token[i + 2] = token[i + 3] = \
			    token[i + 4] = ""
		} else if (token[i] == "const" || token[i] == "let") {
			token[i] = "let"
			if (token[i + 1] == "[")
				declare_list(i + 1, 1, block)
			else
				declare(token[i + 1], block)
		} else if (token[i] == "=>") {
			if (token[i - 1] == ")")
				declare_list(i - 1, -1, block)
			else
				declare(token[i - 1], block)
		}
	}
	last[""] = n
}

# Whether two lists of blocks have any where both names would be good.
function meet(one, other,    a, b, i, j, k, l) {
	k = split(one, a, " ")
	l = split(other, b, " ")
	if (k == 0 || l == 0)
		return 1
	for (i = 1; i <= k; i++)
		for (j = 1; j <= l; j++)
			if (a[i] + 0 <= last[b[j]] && b[j] + 0 <= last[a[i]])
				return 1
	return 0
}

# The shortest name that is free where this one is good.
function new_name(name,    letters, number, text, other, taken) {
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for (number = 0; ; number++) {
		text = substr(letters, number % 52 + 1, 1)
		if (number >= 52)
			text = text substr(letters, int(number / 52), 1)
		taken = text in uses && !(text in blocks)
		for (other in given)
			if (given[other] == text &&
			    meet(blocks[other], blocks[name]))
				taken = 1
		if (!taken)
			return text
	}
}

# The most used names get theirs first.
function give_names(    name, most) {
	for (;;) {
		most = ""
		for (name in blocks)
			if (!(name in given) && (most == "" ||
			    uses[name] > uses[most] ||
			    (uses[name] == uses[most] && name < most)))
				most = name
		if (most == "")
			return
		given[most] = new_name(most)
	}
}

# What stands for token i, whose innermost bracket is this one.
function short(i, bracket,    name, begins) {
	name = token[i]
	begins = bracket == "{" && token[i - 1] ~ /^[{,]$/
	if (!(name in given) || token[i - 1] == "." ||
	    (begins && token[i + 1] == ":"))
		return name
	if (begins && token[i + 1] ~ /^[,}]$/)
		return name ":" given[name]
	return given[name]
}

# Whether token i begins a list of one parameter, which needs no brackets.
function is_alone(i) {
	return token[i] == "(" && is_word(token[i + 1]) && \
	    token[i + 2] == ")" && token[i + 3] == "=>"
}

# Prints token i; before is what was printed last, and is not left out.
function put(i,    is_plain) {
	if (token[i] == "" || is_alone(i) || is_alone(i - 2))
		return
	if (token[i] ~ /^[])}]$/)
		depth--
	if (before == ";" && token[i] == "let" && begins[depth] == "let") {
		printf ","
		before = ","
		return
	} else {
		if (before == ";" && token[i] != "}")
			printf ";"
		if ((before ~ /^[;{]?$/ && token[i] != "}") ||
		    (before == "}" && is_word(token[i])))
			begins[depth] = token[i]
		is_plain = is_word(token[i]) && !(token[i] in same)
		if (is_plain && is_word(before))
			printf " "
		if (token[i] != ";")
			printf "%s", is_plain ? short(i, open[depth]) : \
			    token[i] in same ? same[token[i]] : token[i]
	}
	if (token[i] ~ /^[({[]$/)
		open[++depth] = token[i]
	before = token[i]
}

END {
	while ((token[n + 1] = take(token[n])) != "")
		n++
	find_names()
	give_names()
	same["true"] = "!0"
	same["false"] = "!1"
	same["==="] = "=="
	same["!=="] = "!="
	printf "/* crier %s, BSD-2-Clause */\n", version
	for (i = 1; i <= n; i++)
		put(i)
	print ""
}
