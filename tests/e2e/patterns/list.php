<?php
// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

function crier_position(): string
{
	$queue = stream_socket_client("unix:///run/crier/queue.sock");
	fwrite($queue, '{"do":"position"}' . "\n");
	return json_decode(fgets($queue))->position;
}

$since = crier_position();
$orders = file("/usr/local/lib/site/orders", FILE_IGNORE_NEW_LINES);
?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>Orders</title>
<h1>Orders</h1>
<ol id="list"></ol>
<script>
const since = <?= json_encode($since) ?>;
const shown = new Set();

function show(order) {
	if (shown.has(order.id))
		return;
	shown.add(order.id);
	const li = document.createElement("li");
	li.textContent = order.text;
	document.getElementById("list").append(li);
}

[<?= implode(",", $orders) ?>].forEach(show);
const source = new EventSource("/events/orders?since=" + since);
source.onmessage = (event) => show(JSON.parse(event.data));
</script>
