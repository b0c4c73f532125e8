#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# promtool accepts the output of "weft metrics". Skipped (status 4) without promtool; "run/setup.sh check" fetches it.
#
#   promtool.sh path/to/weft       with test_metrics and test_fleet_metrics beside it

# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

promtool=$(command -v promtool || echo "$cache/promtool")
built=$(dirname "$1")
count=0
failed=0

metrics() { # as "weft metrics" prints them on a node of a fleet
	"$built/test_metrics" print && "$built/test_fleet_metrics" print
}

result() { # result NAME STATUS
	count=$((count + 1))
	if [ "$2" = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		failed=1
	fi
}

if [ ! -x "$promtool" ]; then
	echo "1..0 # SKIP there is no promtool here"
	exit 4
fi

# promtool also prints a line for each fault in names and types.
said=$(metrics | "$promtool" check metrics 2>&1)
status=$?
[ -z "$said" ] || sed 's/^/# /' <<<"$said"
[ -z "$said" ] && [ $status = 0 ]
result "promtool finds no fault" $?

metrics | sed 's/name=""/name="/' | "$promtool" check metrics >/dev/null 2>&1
result "promtool refuses a label that does not end" $((! $?))
echo "1..$count"
exit $failed
