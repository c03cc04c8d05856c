# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The crier authors
#
# Which room of src/ may include what of which other: the table of
# doc/architecture.md.  Reads source files, named src/ROOM/FILE, and prints each
# include that breaks a rule.  "make lint-layers" calls it.

BEGIN {
	may["base"] = ""
	may["protocol"] = "base"
	may["config"] = "base protocol"
	may["store"] = "base protocol"
	may["hub"] = "base protocol config store"
	may["queue"] = "base protocol config hub"
	may["request"] = "base protocol config hub"
	may["source"] = "base protocol config hub request"
	may["door"] = "base protocol config hub request source"
	may["daemon"] = "base protocol config store hub queue request" \
	    " source door"
	may["companion"] = "base protocol"
	may["doctor"] = "base protocol config store companion"
	may["token"] = "base protocol config request companion"
	may["apache"] = ""
	may["nginx"] = ""
	# What of the hub others see.
	contract = "hub/hub.h hub/subscription.h hub/framing.h" \
	    " hub/source.h hub/status.h hub/presence.h hub/ask.h" \
	    " hub/retained.h hub/run.h"
}

function has(list, word) {
	return index(" " list " ", " " word " ") > 0
}

function complain(rule) {
	printf "%s:%d: includes %s, but %s\n", FILENAME, FNR, header, rule
	failed = 1
}

# A main() may use all rooms.
FNR == 1 {
	depth = split(FILENAME, path, "/")
	room = depth > 2 ? path[2] : ""
}

room != "" && !(room in may) {
	printf "%s: the room %s is in no row of the table\n", FILENAME, room
	failed = 1
	room = ""
}

/^#include "/ && room != "" {
	header = $2
	gsub(/"/, "", header)
	if (index(header, "/") == 0)
		next
	other = substr(header, 1, index(header, "/") - 1)
	if (other == room)
		next
	if (!has(may[room], other))
		complain(room "/ may use " (may[room] == "" ? "nothing" : \
		    may[room]) " alone")
	else if (other == "hub" && !has(contract, header))
		complain("outside of hub/ only " contract " may be seen")
}

END {
	exit failed
}
