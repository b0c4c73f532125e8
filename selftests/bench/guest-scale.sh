#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The cost of a device by its number of peers and of allowed IPs. Prints a line of JSON for each figure.
#
#   guest-scale.sh       KINDS: wireguard, weft; SIZES: numbers of peers; BIGGEST_WIREGUARD: the largest number for
#                        in-tree; LOOKUPS: the number of allowed IPs to look up in; WAITS: the number of peers to
#                        load while another process waits for the kernel
#
# The same program, weft, configures both kinds; its own cost is included, and is the same for both.
set -u -o pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=selftests/bench/tunnels.sh
. "$here/tunnels.sh"

KINDS=${KINDS:-wireguard weft}
SIZES=${SIZES:-1 10 1000 10000}
BIGGEST_WIREGUARD=${BIGGEST_WIREGUARD:-10000}
LOOKUPS=${LOOKUPS:-100000}
WAITS=${WAITS:-10000}
# With fewer peers the difference in free memory is too small.
fewest_for_memory=10000
traffic=$programs/traffic
umask 077
work=$(mktemp -d)

# Any 32 bytes are a key. PER_PEER allowed IPs each, in sequence from 10.0.0.0 on.
write_config() { # write_config COUNT PER_PEER
	awk -v count="$1" -v per="$2" 'BEGIN {
		printf "[Interface]\nPrivateKey = %042dE=\nListenPort = 51820\n", 1
		for (i = 0; i < count; i++) {
			printf "[Peer]\nPublicKey = %042dA=\nAllowedIPs = ", i + 1000000
			for (j = 0; j < per; j++) {
				n = i * per + j
				printf "%s10.%d.%d.%d/32", (j ? ", " : ""), n / 65536 % 256, n / 256 % 256, n % 256
			}
			printf "\n"
		}
	}' >"$work/config"
	sed -n 1,3p "$work/config" >"$work/empty"
}

# Kilobytes in use, and those of them in the kernel's own allocators.
used_memory() { # sets used and kernel
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	read -r used kernel < <(awk '
		{ kb[$1] = $2 }
		END { print kb["MemTotal:"] - kb["MemFree:"], kb["Slab:"] + kb["Percpu:"] + kb["VmallocUsed:"] }' /proc/meminfo)
}

step() { # step KIND CASE SIZE UNIT COMMAND...
	local kind=$1 name=$2 size=$3 unit=$4 line

	shift 4
	if line=$("$traffic" command "$size" nsenter --net=/run/netns/a "$@" 2>"$work/errors"); then
		result "$kind" "$name" "$size" "$unit" "$line"
	else
		no_result "$kind" "$name" "$size" "$(tail -n 3 "$work/errors")"
	fi
}

memory_result() { # memory_result KIND SIZE USED_BEFORE KERNEL_BEFORE
	local used kernel

	used_memory
	result "$1" memory "$2" peer "{\"bytes\":$(((used - $3) * 1024 / $2)),\"kernel\":$(((kernel - $4) * 1024 / $2))}"
}

device_create() { # device_create KIND
	modprobe "$1" && spaces_create a && ip -n a link add wt0 type "$1" && ip -n a link set wt0 up || return
	ip -n a addr add 192.0.2.1/32 dev wt0
	ip -n a route add 10.0.0.0/8 dev wt0 src 192.0.2.1
}

scale() { # scale KIND SIZE
	local kind=$1 size=$2 used kernel used_before kernel_before

	write_config "$size" 1
	device_create "$kind" || return
	# Memory of the first configuration is not counted for peers.
	ns a weft setconf wt0 "$work/empty"
	settle
	used_memory
	used_before=$used kernel_before=$kernel
	step "$kind" load "$size" peer weft setconf wt0 "$work/config"
	settle
	[ "$size" -lt "$fewest_for_memory" ] || memory_result "$kind" "$size" "$used_before" "$kernel_before"
	step "$kind" dump "$size" peer weft show wt0 dump
	step "$kind" remove "$size" peer weft setconf wt0 "$work/empty"
	spaces_delete a
}

# The cost of a packet by the number of allowed IPs.
lookups() { # lookups KIND COUNT
	local kind=$1 per line

	device_create "$kind" || return
	for per in 1 1000; do
		write_config $(($2 / per)) $per
		[ $per != 1 ] || write_config 1 1
		ns a weft setconf wt0 "$work/config"
		settle
		line=$("$traffic" lookups a 10.0.0.0 $((per == 1 ? 1 : $2)) 24000)
		result "$kind" lookup $((per == 1 ? 1 : $2)) packet "$line"
	done
	spaces_delete a
}

# The longest wait of another process while peers are loaded and removed.
waits() { # waits KIND COUNT
	local line name config

	device_create "$1" || return
	write_config "$2" 1
	for name in load remove; do
		config=$work/config
		[ $name = load ] || config=$work/empty
		if line=$(nsenter --net=/run/netns/a "$programs/waits" weft setconf wt0 "$config" 2>"$work/errors"); then
			result "$1" "wait-$name" "$2" wait "$line"
		else
			no_result "$1" "wait-$name" "$2" "$(tail -n 3 "$work/errors")"
		fi
	done
	spaces_delete a
}

main() {
	local kind size

	for kind in $KINDS; do
		for size in $SIZES; do
			if [ "$kind" = wireguard ] && [ "$size" -gt "$BIGGEST_WIREGUARD" ]; then
				no_result "$kind" load "$size" "left out: it takes minutes"
				continue
			fi
			scale "$kind" "$size"
		done
		lookups "$kind" "$LOOKUPS"
		waits "$kind" "$WAITS"
	done
	rm -rf "$work"
}

main
