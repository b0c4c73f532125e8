#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each file of the module is a room on a floor, and includes only from its own floor or from those below it. The floors
# are drawn in Documentation/networking/weft-internals.rst.
#
# A unit is a .c file with its header. The includes of the units form no circle: tsort gets an edge for each.
#
#   layering.sh                 checks kmod/
#   layering.sh --self-check    plants violations in a copy, a circle among them, and looks whether they are found
set -eu -o pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

# From the top floor to the lowest.
floors=(
	"main netdev netlink sockaddr report events config binding change config_check rotation netlink-gen"
	"fit probe xmit recv handshake"
	"spread batch segment crypt sock port gro ratelimit known stray"
	"device drop trace drop_reason cells line home identity peer keyring handshake_state timers peer_endpoint lookup peer_ref label keypair index endpoint path staged candidates uncut pages"
	"version wire noise cookie fsm pmtu replay flight allowedips name pair"
)
pure=4

declare -A floor_of
for ((i = 0; i < ${#floors[@]}; i++)); do
	for room in ${floors[i]}; do
		floor_of[$room]=$i
	done
done

complain() {
	echo "layering.sh: $*" >&2
	bad=1
}

# The lowest floor takes what it needs as arguments: no packets, devices, locks or clocks.
forbidden='linux/(skbuff|netdevice|spinlock|mutex|rwsem|jiffies|ktime|timekeeping|timer|workqueue|slab|random)\.h'

check_include() { # check_include FILE ROOM HEADER
	local other=${3%.h}

	if [ -z "${floor_of[$other]-}" ]; then
		complain "$1 includes \"$3\", which stands on no floor"
	elif [ "${floor_of[$other]}" -lt "${floor_of[$2]}" ]; then
		complain "$1 includes \"$3\", which is above it"
	fi
}

check_file() { # check_file FILE
	local file=$1 room header

	room=$(basename "${file%.[ch]}")
	if [ -z "${floor_of[$room]-}" ]; then
		complain "$file stands on no floor"
		return
	fi
	while read -r header; do
		check_include "$file" "$room" "$header"
	done < <(sed -n -E 's/^#[[:space:]]*include[[:space:]]+"([^"]+)".*/\1/p' "$file")
	if [ "${floor_of[$room]}" = $pure ] && grep -nE "^#[[:space:]]*include[[:space:]]+<$forbidden>" "$file" >&2; then
		complain "$file is pure and must not include that"
	fi
}

# One line for each include: the unit and the other. A unit that includes nothing depends on itself alone.
edges() { # edges DIRECTORY
	local file unit

	for file in "$1"/*.[ch]; do
		[[ $file != *.mod.c ]] || continue
		unit=$(basename "${file%.[ch]}")
		echo "$unit $unit"
		sed -n -E "s/^#[[:space:]]*include[[:space:]]+\"([^\"]+)\\.h\".*/$unit \\1/p" "$file"
	done
}

check_circles() { # check_circles DIRECTORY
	local said

	said=$(edges "$1" | tsort 2>&1 >/dev/null) || { echo "$said" >&2; complain "$1 has a circle of includes"; }
}

check_directory() { # check_directory DIRECTORY
	local file

	bad=0
	check_circles "$1"
	for file in "$1"/*.[ch]; do
		[[ $file == *.mod.c ]] || check_file "$file"
	done
	return $bad
}

self_check() {
	local work plant

	work=$(mktemp -d)
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$work'" EXIT
	while read -r plant file; do
		rm -rf "$work/kmod"
		mkdir "$work/kmod"
		cp "$top"/kmod/*.[ch] "$work/kmod/"
		printf '#include %s\n' "$plant" >>"$work/kmod/$file"
		if check_directory "$work/kmod" 2>/dev/null; then
			complain "did not find $plant planted in $file"
			return 1
		fi
	done <<-'PLANTS'
		"recv.h" sock.c
		"netdev.h" xmit.h
		"config.h" rotation.h
		"peer.h" replay.c
		"nowhere.h" main.c
		<linux/skbuff.h> noise.c
		<linux/types.h> attic.c
	PLANTS
}

case ${1-} in
'')
	check_directory "$top/kmod"
	;;
--self-check)
	self_check
	;;
*)
	echo "layering.sh: '$1' is no option; expected --self-check or nothing" >&2
	exit 2
	;;
esac
