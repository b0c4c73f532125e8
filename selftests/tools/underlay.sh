#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Endpoints by a policy, in a network namespace with real links and without the kernel's part: the words of weft fleet hello, the
# addresses that its hello has, and an agent that follows them.
#
#   underlay.sh path/to/weft

# The functions are called through check().
# shellcheck disable=SC2317

WEFT=$(realpath "$1")
stores=$(realpath "$(dirname "$0")/../../tools/stores")
here=$(realpath "$0")
if [ -z "${WEFT_TEST_INSIDE-}" ]; then
	map=()
	[ "$(id -u)" = 0 ] || map=(--map-root-user)
	unshare "${map[@]}" --net true 2>/dev/null || { echo "1..0 # SKIP no namespace may be made here"; exit 4; }
	WEFT_TEST_INSIDE=${#map[@]} exec unshare "${map[@]}" --net bash "$here" "$WEFT"
fi
count=0
failed=0
dir=$(mktemp -d)
trap 'kill "${agent-}" "${holder-}" 2>/dev/null; rm -rf "$dir"' EXIT
export WEFT_FLEET_STATE=$dir/state
cd "$dir" || exit 1

check() { # check NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		echo "#   the endpoints of the last hello are '$(endpoints out)'"
		ip -o addr 2>/dev/null | sed 's/^/#   /'
		tail -n 5 err out agent.out 2>/dev/null | sed 's/^/#   /'
		failed=1
	fi
}

skip() { # skip NAME WHY
	echo "ok $((count += 1)) - $1 # SKIP $2"
}

hello() { # hello WORDS...: into out and err
	"$WEFT" -j fleet hello prod "$@" >out 2>err
}

endpoints() { # the endpoints of the record in the file, with commas
	sed -n 's/.*\\"endpoints\\":\[\(.*\)\]}.*/\1/p' "$1" | tr -d '\\"'
}

gives() { # gives ENDPOINTS WORDS...: hello with these words
	local wanted=$1
	shift
	hello "$@" && [ "$(endpoints out)" = "$wanted" ]
}

refuses() { # refuses TEXT WORDS...
	local text=$1
	shift
	! hello "$@" && grep -qF -- "$text" err
}

wait_for() { # wait_for SECONDS COMMAND...
	local end=$((SECONDS + $1))

	shift
	while ! "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

warns() { # warns TEXT WORDS...: hello with these words warns, and is no error
	local text=$1
	shift
	hello "$@" && grep -qF -- "$text" err
}

silent() { # silent WORDS...
	hello "$@" && ! [ -s err ]
}

says() { # says KEY [WORD...]: the last hello's JSON has this list
	python3 -c 'import json, sys; sys.exit(json.load(open("out"))[sys.argv[1]] != sys.argv[2:])' "$@"
}

# No kind of link but lo's is there in each kernel; it has global addresses, too.
ip link set lo up
ip addr add 203.0.113.5/32 dev lo
ip addr add 192.168.7.5/32 dev lo
ip addr add 2001:db8::5/128 dev lo nodad
ip addr add 2001:db8::6/128 dev lo nodad preferred_lft 0
ip addr add fd00::5/128 dev lo nodad
"$WEFT" -j fleet init prod store fleet-store admin-key key >out
admin=$(sed -n 's/.*"admin": *"\(.*\)".*/\1/p' out)

check "a policy at the first hello, which has port 51820 before the fleet is known" \
	gives "203.0.113.5:51820,[2001:db8::5]:51820" node ant admins "$admin" serial 1 endpoints-from public
identity=$(sed -n 's/.*"identity": *"\(.*\)".*/\1/p' out)
check "... which is there again without words" gives "203.0.113.5:51820,[2001:db8::5]:51820"
check "... and is no change" grep -q '"changed": *false' out
check "endpoints that are given come first, and are there once" \
	gives "198.51.100.1:9,203.0.113.5:51820,[2001:db8::5]:51820" endpoint 198.51.100.1:9,203.0.113.5:51820
check "all words of a policy" \
	gives "192.168.7.5:7,[fd00::5]:7,[2001:db8::5]:7,203.0.113.5:7" endpoint off port 7 endpoints-from private,2001:db8::/32,lo
check "a policy that takes nothing" gives "" endpoints-from 198.51.100.0/24,none0
check "a policy of one address" gives "203.0.113.5:7" endpoints-from 203.0.113.5
ip addr del 203.0.113.5/32 dev lo
check "an address that is gone" gives ""
ip addr add 203.0.113.5/32 dev lo
check "a word that takes nothing makes a warning" warns "endpoints-from: 'publik' takes no address of this machine" endpoints-from publik,public
check "... and JSON has the policy" says endpoints_from publik public
check "... with what it has found" says endpoints_found 203.0.113.5:7 "[2001:db8::5]:7"
check "... but words that take one make none" silent endpoints-from public,lo,203.0.113.0/24

# Links of containers, of other VPNs and without a carrier.
if ip link add docker0 type bridge 2>err && ip link add up0 type veth peer name port0 2>err &&
   ip tuntap add dev ts0 mode tap 2>err; then
	ip link set port0 master docker0
	ip addr add 172.17.0.1/16 dev docker0
	ip addr add 100.100.1.1/32 dev ts0
	ip addr add 172.18.0.1/16 dev up0
	for link in docker0 up0 port0 ts0; do
		ip link set $link up
	done
	# A program that has the tap open is its carrier.
	python3 -c '
import fcntl, struct, time
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"ts0", 0x1002))
time.sleep(600)' &
	holder=$!
	check "a link with a carrier" wait_for 20 gives "192.168.7.5:7,[fd00::5]:7,172.18.0.1:7" endpoints-from private
	check "an address of a bridge without a way out, and of a tap, is taken by name" \
		wait_for 20 gives "172.17.0.1:7,100.100.1.1:7" endpoints-from docker0,ts0
	check "... and not by prefix" gives "" endpoints-from 172.17.0.0/16,100.64.0.0/10
	# A kind of link that many kernels have, in the place of hardware.
	if ip link add out0 type ifb 2>err; then
		ip link set out0 master docker0
		ip link set out0 up
		check "a bridge with another port" wait_for 20 gives "172.17.0.1:7" endpoints-from 172.17.0.0/16
		ip link del out0
	else
		skip "a bridge with another port" "$(cat err)"
	fi
	ip link set port0 nomaster
	ip link set port0 down
	check "a link that has lost its carrier" wait_for 20 gives "192.168.7.5:7,[fd00::5]:7" endpoints-from private
	kill $holder
	wait $holder 2>/dev/null
	ip link del docker0
	ip link del up0
	ip link del ts0
else
	skip "links of containers, of other VPNs and without a carrier" "$(cat err)"
fi

# More addresses than a hello has endpoints: the primary one of a network is not the one that is left out.
for i in $(seq 100 140); do
	ip addr add 198.51.100.$((340 - i))/24 dev lo
done
check "too many addresses make a warning" warns "endpoints-from: 25 addresses are left out: a hello has 16 endpoints at most" \
	endpoints-from 198.51.100.0/24
check "... and the primary one is the first" grep -qF '["198.51.100.240:7","198.51.100.200:7"' <(tr -d '\\' <out)
ip addr flush dev lo to 198.51.100.0/24
check "a policy that is switched off" gives "" endpoints-from off
check "... is an empty list" says endpoints_from
check "a prefix with host bits" refuses "endpoints-from: '203.0.113.5/24' is not" endpoints-from public,203.0.113.5/24
check "an empty word" refuses "endpoints-from: '' is not" endpoints-from public,
check "the fleet's own interface" refuses "endpoints-from: 'prod' is not" endpoints-from prod
check "too many words" refuses "more than 16 words" endpoints-from "$(printf 'a%s,' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)public"
check "... change nothing" gives ""

# The port is the fleet's, and its prefixes are left out.
"$WEFT" fleet admit store fleet-store admin-key key node ant identity "$identity" address 10.7.0.1/24 prefix 192.168.7.0/24 >out
"$WEFT" fleet init prod store fleet-store admin-key key port 4711 >out
"$WEFT" fleet bundle store fleet-store >bundle
hello port 0 endpoints-from public,private
"$WEFT" fleet apply prod bundle >out 2>err
"$WEFT" -j fleet rotate prod undo >out 2>err
check "apply follows the policy, too, with the fleet's port and without its prefixes" \
	[ "$(endpoints out)" = "203.0.113.5:4711,[2001:db8::5]:4711,[fd00::5]:4711" ]

# An agent, whose interface cannot be made here: its hello goes to the store all the same, ever later after each failed step.
published() { # published ENDPOINTS
	[ "$(sed -n 's/.*"endpoints":\[\(.*\)\]}$/\1/p' fleet-store/hello/ant 2>/dev/null | tr -d '"')" = "$1" ]
}

agent_stops() {
	kill -TERM "$agent" && wait "$agent"
}

follows() {
	mkdir -p fleet-store/hello
	chmod 755 . fleet-store
	chown nobody fleet-store/hello
	"$WEFT" fleet run prod store "$stores/weft-store-dir $dir/fleet-store" user nobody >agent.out 2>&1 &
	agent=$!
	check "an agent publishes endpoints by the policy" \
		wait_for 60 published "203.0.113.5:4711,[2001:db8::5]:4711,[fd00::5]:4711"
	ip addr add 203.0.113.99/32 dev lo
	check "... and an address that appears" wait_for 90 published "203.0.113.5:4711,203.0.113.99:4711,[2001:db8::5]:4711,[fd00::5]:4711"
	check "a signal ends the agent" agent_stops
}

if [ "$WEFT_TEST_INSIDE" = 0 ]; then
	follows
else
	skip "an agent that follows the policy" "needs root: the store's program runs as another user"
fi
echo "1..$count"
exit $failed
