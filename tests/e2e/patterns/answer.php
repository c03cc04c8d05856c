#!/usr/bin/php
<?php
// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// Answers a question, word by word, as a language model does.

$question = stream_get_contents(STDIN);
preg_match_all('/\S+\s*/', $question, $words);
foreach ($words[0] as $word) {
	echo json_encode($word), "\n";
	usleep(100000);
}
