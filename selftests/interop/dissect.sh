#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wireshark decodes a tunnel's captured traffic (capture.sh), decrypts it with the keys, and finds no error. TAP.
#
#   dissect.sh [SERIES]
set -u -o pipefail
# shellcheck source=selftests/run/vm/host.sh
. "$(dirname "$0")/../run/vm/host.sh"
cd "$weft_top" || exit 1

series=${1:-6.12}
number=0
failed=0

is() { # is LABEL ACTUAL WANTED
	local verdict=ok

	number=$((number + 1))
	[ "$2" = "$3" ] || { verdict="not ok"; failed=$((failed + 1)); }
	echo "$verdict $number - $1"
	[ "$2" = "$3" ] || echo "# is '$2', wanted '$3'"
}

is_some() { # is_some LABEL COUNT
	is "$1 ($2)" $(($2 > 0)) 1
}

# Names are not resolved, so that no query leaves this machine.
dissect() { # dissect OPTIONS...
	tshark -n -r "$work/capture" -o "wg.keylog_file:$work/keys" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE "$@" \
		2>>"$work/errors"
}

frames() { # frames FILTER
	dissect -Y "$1" | wc -l
}

capture() {
	local module

	module=$(selftests/run/vm/module.sh "$series") && make -s -C tools >&2 &&
		selftests/run/vm/boot.sh -k "$module" "$series" "exec bash selftests/interop/capture.sh" >"$work/output" &&
		awk -v to="$work/" '/^begin / { file = to $2; next } file { print >file }' "$work/output" &&
		base64 -d "$work/capture" >"$work/decoded" && mv "$work/decoded" "$work/capture"
}

# Checks Wireshark's result for each message. Its remarks, of which each keepalive has one, are no errors.
look() {
	local data

	data=$(frames 'wg.type == 4')
	is_some "frames" "$(frames frame)"
	is "frames that are WireGuard" "$(frames wg)" "$(frames frame)"
	is "complaints" "$(dissect -Y '_ws.expert.severity > 0x200000' -T fields -e frame.number -e _ws.expert.message)" ""
	is "malformed frames" "$(frames '_ws.malformed')" 0
	is_some "initiations with a second MAC" "$(frames 'wg.type == 1 and wg.mac2 != 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00')"
	is "handshake messages without a known receiver" "$(frames '(wg.type == 1 or wg.type == 2) and not wg.receiver_pubkey')" 0
	is "initiations that were not decrypted" "$(frames 'wg.type == 1 and not wg.timestamp.value')" 0
	is_some "responses" "$(frames 'wg.type == 2')"
	is "responses that were not decrypted" "$(frames 'wg.type == 2 and not wg.handshake_ok == 1')" 0
	is "cookie replies, one each way" "$(frames 'wg.type == 3 and udp.srcport == 51820')" 2
	is_some "data messages" "$data"
	is_some "keepalives" "$(frames 'wg.type == 4 and wg.keepalive')"
	is "data messages that were decrypted" "$(frames 'wg.type == 4 and (wg.keepalive or icmp)')" "$data"
	is "echoes that were answered" "$(frames icmp.resp_to)" "$(frames 'icmp.type == 8')"
	is "inner checksums that are wrong" "$(frames 'icmp.checksum.status == 0 or ip.checksum.status == 0 or udp.checksum.status == 0')" 0
	is_some "messages over IPv6" "$(frames 'ipv6 and wg')"
	is "messages of Wireshark itself" "$(grep -v '^Running as user "root"' "$work/errors")" ""
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
capture 2>"$work/capture-errors"
is "a tunnel was captured" "$(grep -c '^not ok' "$work/output")/$(wc -l <"$work/keys")" "0/$(grep -c _KEY "$work/keys")"
if [ ! -s "$work/capture" ]; then
	sed 's/^/# /' "$work/capture-errors" "$work/output"
else
	look
	[ $failed = 0 ] || { dissect; cat "$work/errors"; } | sed 's/^/# /'
fi
echo "1..$number"
[ $failed = 0 ]
