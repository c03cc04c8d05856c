<?php
// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

// The loop that stands in many tutorials: look, print, sleep.

require __DIR__ . '/store.php';

set_time_limit(0);
header('Content-Type: text/event-stream');
header('Cache-Control: no-cache');
header('X-Accel-Buffering: no');
while (ob_get_level() > 0)
	ob_end_flush();
$store = store();
$last = (int)$store->query('SELECT MAX(id) FROM events')->fetchColumn();
$find = $store->prepare('SELECT id, data FROM events'
    . ' WHERE id > ? AND channel = ? ORDER BY id');
echo ":\n\n";
flush();
while (!connection_aborted()) {
	$find->execute([$last, $_GET['ch']]);
	foreach ($find->fetchAll(PDO::FETCH_NUM) as [$last, $data])
		echo "id: $last\ndata: $data\n\n";
	flush();
	usleep(200000);
}
