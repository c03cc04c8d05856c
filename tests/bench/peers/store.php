<?php
// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// Where the events of the loop in PHP are.
function store(): PDO
{
	$store = new PDO('sqlite:' . getenv('DATABASE'));
	$store->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
	$store->exec('PRAGMA busy_timeout = 5000');
	$store->exec('PRAGMA journal_mode = WAL');
	$store->exec('PRAGMA synchronous = OFF');
	$store->exec('CREATE TABLE IF NOT EXISTS events'
	    . ' (id INTEGER PRIMARY KEY, channel TEXT, data TEXT)');
	return $store;
}
