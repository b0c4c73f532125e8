#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The folders of tools/ are layers: a file includes from its own folder or from those below it, by the path from tools/.
# No files include each other in a circle; a .c file and the .h file of the same name count as one.
#
#   layering-tools.sh                 checks tools/
#   layering-tools.sh --self-check    plants violations in a copy, and expects each to be found
set -eu -o pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)

# From the top layer to the lowest.
layers=(cli top fleet doctor apply conf host genl print model base)

declare -A depth_of
for ((i = 0; i < ${#layers[@]}; i++)); do
	depth_of[${layers[i]}]=$i
done

complain() {
	echo "layering-tools.sh: $*" >&2
	bad=1
}

includes_of() { # includes_of FILE
	sed -n -E 's/^#[[:space:]]*include[[:space:]]+"([^"]+)".*/\1/p' "$1"
}

# The version is the module's.
check_include() { # check_include FILE FOLDER HEADER
	local folder=${3%%/*}

	[ "$1 $3" != "cli/version.h ../../kmod/version.h" ] || return 0
	if [[ $3 != */* ]] || [ -z "${depth_of[$folder]-}" ]; then
		complain "$1 includes \"$3\", which is in no layer"
	elif [ "${depth_of[$folder]}" -lt "${depth_of[$2]}" ]; then
		complain "$1 includes \"$3\", which is above it"
	fi
}

check_file() { # check_file FILE
	local folder=${1%%/*} header

	if [[ $1 != */* ]] || [ -z "${depth_of[$folder]-}" ]; then
		complain "$1 is in no layer"
		return
	fi
	while read -r header; do
		check_include "$1" "$folder" "$header"
	done < <(includes_of "$1")
}

edges() { # edges FILE...: each unit, and the units that it includes
	local file header

	for file in "$@"; do
		while read -r header; do
			[ "${file%.[ch]}" = "${header%.h}" ] || echo "${file%.[ch]} ${header%.h}"
		done < <(includes_of "$file")
	done
}

check_circles() { # check_circles FILE...
	local said

	said=$(edges "$@" | tsort 2>&1 >/dev/null) || complain "files include each other in a circle:"$'\n'"$said"
}

check_directory() { # check_directory DIRECTORY
	local file files

	bad=0
	cd "$1"
	mapfile -t files < <(find . -name '*.[ch]' ! -path './build/*' -printf '%P\n' | sort)
	for file in "${files[@]}"; do
		check_file "$file"
	done
	check_circles "${files[@]}"
	return $bad
}

self_check() {
	local work file plant expected said

	work=$(mktemp -d)
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf '$work'" EXIT
	while IFS='|' read -r file plant expected; do
		rm -rf "$work/tools"
		cp -r "$top/tools" "$work/tools"
		printf '#include %s\n' "$plant" >>"$work/tools/$file"
		if said=$(check_directory "$work/tools" 2>&1); then
			complain "did not find $plant planted in $file"
			return 1
		elif [[ $said != *"$expected"* ]]; then
			complain "did not say '$expected' of $plant planted in $file, but: $said"
			return 1
		fi
	done <<-'PLANTS'
		model/model.c|"conf/config.h"|which is above it
		base/text.h|"model/key.h"|which is above it
		model/key.h|"model/model.h"|in a circle
		conf/profile.c|"conf/record.h"|in a circle
		cli/main.c|"nowhere.h"|which is in no layer
		host/program.c|"elsewhere/nowhere.h"|which is in no layer
		attic.c|<stdlib.h>|attic.c is in no layer
	PLANTS
}

case ${1-} in
'')
	check_directory "$top/tools"
	;;
--self-check)
	self_check
	;;
*)
	echo "layering-tools.sh: '$1' is no option; expected --self-check or nothing" >&2
	exit 2
	;;
esac
