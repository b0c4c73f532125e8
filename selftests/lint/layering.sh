#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each folder of the module is a layer. A file includes from its own layer or from those below it, and the includes form
# no circle. The layers are drawn in Documentation/networking/weft-internals.rst.
#
#   layering.sh                 checks kmod/
#   layering.sh --self-check    plants violations in a copy, a circle among them, and expects each to be found
set -eu -o pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

# From the lowest to the highest. main.c stands above all of them, and version.h below.
layers="lib core udp datapath handshake control"
pure=lib

# The lowest layer gets its context by arguments: no packets, devices, locks or clocks.
forbidden='linux/(skbuff|netdevice|spinlock|mutex|rwsem|jiffies|ktime|timekeeping|timer|workqueue|slab|random)\.h'

complain() {
	echo "layering.sh: $*" >&2
	bad=1
}

sources() { # sources DIRECTORY: every file by its path there; headers for users and wrappers lie deeper
	(cd "$1" && find . -maxdepth 2 -name '*.[ch]' ! -name '*.mod.c' -printf '%P\n' | sort)
}

# Sets height to that of the layer, or to nothing.
height_of() { # height_of FILE
	local folder i=1

	height=
	case $1 in
	main.c)
		height=99
		;;
	version.h)
		height=0
		;;
	*/*)
		for folder in $layers; do
			[ "$folder" != "${1%/*}" ] || height=$i
			i=$((i + 1))
		done
		;;
	esac
}

# One line for each include: the file, and the included name. A name without a folder may be of the same folder.
includes() { # includes DIRECTORY
	local file header

	sources "$1" | while read -r file; do
		sed -n -E 's/^#[[:space:]]*include[[:space:]]+"([^"]+)".*/\1/p' "$1/$file" | while read -r header; do
			[ ! -e "$1/$(dirname "$file")/$header" ] || [ -e "$1/$header" ] || header=$(dirname "$file")/$header
			echo "$file $header"
		done
	done
}

check_include() { # check_include DIRECTORY FILE HEADER
	local height own

	height_of "$2"
	own=$height
	height_of "$3"
	if [ ! -e "$1/$3" ]; then
		complain "$2 includes \"$3\", which is nowhere"
	elif [ -n "$own" ] && [ "${height:-100}" -gt "$own" ]; then
		complain "$2 includes \"$3\", which is above it"
	fi
}

# A unit is a .c file with its header. tsort reads a pair for each include of another unit.
check_circles() { # check_circles DIRECTORY INCLUDES
	local said

	said=$(sed -E 's/\.[ch]( |$)/\1/g' <<<"$2" | tsort 2>&1 >/dev/null) || { echo "$said" >&2; complain "$1 has a circle of includes"; }
}

check_directory() { # check_directory DIRECTORY
	local file header height all

	bad=0
	all=$(includes "$1")
	check_circles "$1" "$all"
	while read -r file header; do
		check_include "$1" "$file" "$header"
	done <<<"$all"
	while read -r file; do
		height_of "$file"
		[ -n "$height" ] || complain "$file is in no layer"
		if [ "${file%/*}" = $pure ] && grep -nE "^#[[:space:]]*include[[:space:]]+<$forbidden>" "$1/$file" >&2; then
			complain "$file is pure and must not include that"
		fi
	done < <(sources "$1")
	return $bad
}

copy_to() { # copy_to DIRECTORY
	rm -rf "$1"
	mkdir "$1"
	(cd "$top/kmod" && find . -maxdepth 2 -name '*.[ch]' -exec cp --parents -t "$1" {} +)
}

# Without a plant the copy has no fault, and a complaint is about the unit that has the plant.
self_check() {
	local work plant file said

	work=$(mktemp -d)
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$work'" EXIT
	copy_to "$work/kmod"
	if ! check_directory "$work/kmod"; then
		complain "found a fault in a copy without a plant"
		return 1
	fi
	while read -r plant file; do
		copy_to "$work/kmod"
		mkdir -p "$(dirname "$work/kmod/$file")"
		printf '#include %s\n' "$plant" >>"$work/kmod/$file"
		said=$(check_directory "$work/kmod" 2>&1) || :
		if [[ $said != *"${file%.[ch]}"* ]]; then
			complain "did not find $plant planted in $file: $said"
			return 1
		fi
	done <<-'PLANTS'
		"datapath/recv.h" udp/output.c
		"control/netdev.h" datapath/xmit.h
		"control/config.h" control/rotation.h
		"core/peer.h" lib/replay.c
		"core/nowhere.h" main.c
		<linux/skbuff.h> lib/noise.c
		<linux/types.h> attic/attic.c
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
