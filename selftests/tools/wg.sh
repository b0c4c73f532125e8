#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keys that need no kernel: weft and wg(8) agree.
#
#   wg.sh path/to/weft

# The functions are called through check().
# shellcheck disable=SC2317

WEFT=$1
count=0
failed=0

check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		failed=1
	fi
}

same_public_key() {
	local key=$1
	[ "$(wg pubkey <<<"$key")" = "$("$WEFT" pubkey <<<"$key")" ]
}

accepted_by_wg() {
	[ "$(wg pubkey <<<"$1" | wc -c)" -eq 45 ]
}

# Both accept it or both refuse it.
same_verdict() {
	wg pubkey <<<"$1" >/dev/null 2>&1
	local wg_status=$?
	"$WEFT" pubkey <<<"$1" >/dev/null 2>&1
	[ "$?" -eq "$wg_status" ]
}

# The 'all zero' key is clamped like any other.
ZERO=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

if ! command -v wg >/dev/null; then
	echo "1..0 # SKIP wg(8) is not installed (package wireguard-tools)"
	exit 4
fi

for i in 1 2 3 4 5 6 7 8; do
	key=$("$WEFT" genkey)
	check "key $i of weft genkey: one public key" same_public_key "$key"
	check "key $i of weft genkey: taken by wg" accepted_by_wg "$key"
	check "key $i of wg genkey: one public key" same_public_key "$(wg genkey)"
	check "key $i of weft genpsk: taken by wg" accepted_by_wg "$("$WEFT" genpsk)"
done
check "the key of zeros: one public key" same_public_key "$ZERO"
for text in "" A "${ZERO%=}" "$ZERO=" "${ZERO/AAA/AA-}" "${ZERO/A=/B=}" " $ZERO" "$ZERO " "$ZERO x"; do
	check "'$text': one verdict" same_verdict "$text"
done
echo "1..$count"
exit $failed
