#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The alert rules and the dashboard of tools/monitoring name metrics, labels and values that "weft metrics" prints; the rules
# fire and stay quiet as their cases say. Skipped (status 4) without promtool or Python's yaml.
#
#   monitoring.sh path/to/weft       with test_metrics and test_fleet_metrics beside it

# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"

promtool=$(command -v promtool || echo "$cache/promtool")
built=$(dirname "$1")
here=$weft_top/selftests/tools
rules=$weft_top/tools/monitoring/weft.rules.yml
dashboard=$weft_top/tools/monitoring/weft-dashboard.json
cases=$here/weft.rules.test.yml
count=0
failed=0

if [ ! -x "$promtool" ] || ! python3 -c 'import yaml' 2>/dev/null; then
	echo "1..0 # SKIP there is no promtool, or no yaml for Python, here"
	exit 4
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/plant" "$work/changed"

result() { # result NAME STATUS: with $work/said of a failure
	count=$((count + 1))
	if [ "$2" = 0 ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' "$work/said"
		failed=1
	fi
}

compare() { # compare RULES CASES DASHBOARD
	python3 "$here/monitoring.py" check "$work/metrics" "$@" >"$work/said" 2>&1
}

# A fault in a copy of one file is found, and the complaint contains a text.
plant() { # plant FILE SED TEXT
	local name=${1##*/} status

	cp "$rules" "$cases" "$dashboard" "$work/plant"
	sed -i "$2" "$work/plant/$name"
	if cmp -s "$1" "$work/plant/$name"; then
		echo "the plant '$2' changes nothing" >"$work/said"
		status=1
	else
		! compare "$work/plant/${rules##*/}" "$work/plant/${cases##*/}" "$work/plant/${dashboard##*/}" &&
			grep -qF -- "$3" "$work/said"
		status=$?
	fi
	result "a plant in $name: $3" $status
}

# Of each alert a copy that never fires, one that fires at once, and one with the opposite comparison.
changed() {
	local folder

	python3 "$here/monitoring.py" changed "$rules" "$cases" "$work/changed" >"$work/said" 2>&1
	result "changed alerts are written" $?
	for folder in "$work"/changed/*; do
		! "$promtool" test rules "$folder/cases.yml" >"$work/said" 2>&1 && grep -q FAILED "$work/said"
		result "the cases see the change: ${folder##*/}" $?
	done
}

{ "$built/test_metrics" print && "$built/test_fleet_metrics" print; } >"$work/metrics" 2>"$work/said"
result "the metrics of the tests" $?
compare "$rules" "$cases" "$dashboard"
result "rules, cases and dashboard name metrics that exist" $?
"$promtool" check rules "$rules" >"$work/said" 2>&1
result "promtool takes the rules" $?
"$promtool" test rules "$cases" >"$work/said" 2>&1
result "each alert fires and stays quiet as its cases say" $?
python3 "$here/monitoring.py" expressions "$dashboard" >"$work/dashboard.yml" 2>"$work/said" &&
	"$promtool" check rules "$work/dashboard.yml" >"$work/said" 2>&1
result "promtool takes the dashboard's expressions" $?

plant "$rules" 's/weft_tunnel_up/weft_tunnel_is_up/' 'WeftTunnelDown: there is no metric weft_tunnel_is_up'
plant "$rules" 's/silent|given-up/silent|given_up/' "WeftPeerSilent: weft_peer_state has no sample with state=~"
plant "$rules" 's/reason="timestamp"/cause="timestamp"/' "weft_drops_total has no label 'cause'"
plant "$rules" 's/max by (job, fleet)/max by (job, flet)/' "no metric of the expression has the label 'flet'"
plant "$rules" 's/fleet {{ $labels.fleet }} were/fleet {{ $labels.name }} were/' "its summary has the label 'name'"
plant "$rules" 's/- alert: WeftFleetBehind/- alert: WeftFleetLate/' 'WeftFleetLate: no case in which it fires'
plant "$rules" 's/severity: critical/severity: high/' 'its severity is neither warning nor critical'
plant "$cases" 's/weft_fleet_epoch/weft_fleet_epochs/' 'there is no metric weft_fleet_epochs'
plant "$cases" '/eval_time: 2m/,/exp_alerts/ s/exp_alerts: \[\]/exp_alerts: [{}]/' \
	'WeftFleetRecordRefused: no case that has its metrics and in which it does not fire'
plant "$dashboard" 's/weft_peers_on_previous_key/weft_peers_on_old_key/' 'there is no metric weft_peers_on_old_key'
plant "$dashboard" 's/rate(weft_events_total/rate(node_events_total/' 'there is no metric node_events_total'
plant "$dashboard" 's/{{state}}/{{condition}}/' "its legend has the label 'condition'"
plant "$dashboard" 's/fleet=~\\"$fleet\\"/fleet=~\\"$prod\\"/' "there is no variable \$prod"
plant "$dashboard" 's/label_values(weft_module_loaded/label_values(weft_modul_loaded/' 'there is no metric weft_modul_loaded'
# shellcheck disable=SC2016 # the dashboard's own variables
plant "$dashboard" 's/"uid": "${datasource}"/"uid": "${source}"/' 'there is no variable $source'
plant "$dashboard" 's/"uid": "weft-tunnels"/"uid": ""/' 'its uid is missing'
plant "$dashboard" '/schemaVersion/d' 'its schemaVersion is missing'
plant "$dashboard" 's/"targets": \[/"queries": [/' 'no targets'
plant "$dashboard" 's/"refId": "B"/"refId": "A"/' 'a refId is missing, or used twice'
plant "$dashboard" 's/"x": 12/"x": 0/' 'it covers another panel'
plant "$dashboard" 's/"id": 9,/"id": 8,/' 'its id is missing, or that of another panel'
plant "$dashboard" '1s/{/{"id": 7,/' 'an id or __inputs'
plant "$dashboard" '$d' 'it is not JSON'
plant "$dashboard" 's/"version": 1,/"title": "again",/' 'a key is there twice'
changed
echo "1..$count"
exit $failed
