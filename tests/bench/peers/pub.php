<?php
// SPDX-License-Identifier: BSD-2-Clause
// Copyright (c) 2026 The crier authors

require __DIR__ . '/store.php';

store()->prepare('INSERT INTO events (channel, data) VALUES (?, ?)')
    ->execute([$_GET['ch'], file_get_contents('php://input')]);
echo '{}';
