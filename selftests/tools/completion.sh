#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The completion for bash: the words that it passes to the command, and its use of the candidates.
#
#   completion.sh [ANYTHING]

cd "$(dirname "$0")" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# A fake command, which records its words, one a line, and prints the candidates.
cat >"$work/weft" <<END
#!/bin/bash
printf '%s\n' "\$@" >"$work/asked"
cat "$work/answer"
END
chmod +x "$work/weft"
PATH="$work:$PATH"
# shellcheck source=tools/completion/weft.bash
. ../../tools/completion/weft.bash

same() { # same NAME GOT WANTED
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
	else
		printf 'not ok %u - %s\n# got:    %q\n# wanted: %q\n' $count "$1" "$2" "$3"
		failed=1
	fi
}

# Words as bash splits them at blanks, "=" and ":"; "$2" of the function is the last piece, or empty after a separator.
press_tab() { # press_tab LINE ANSWER PIECES...
	local current

	printf '%s' "$2" >"$work/answer"
	COMP_LINE=$1 COMP_POINT=${#1}
	shift 2
	COMP_WORDS=("$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	current=${COMP_WORDS[COMP_CWORD]}
	case $current in =|:) current= ;; esac
	_weft weft "$current" ""
	asked=$(paste -sd ' ' "$work/asked")
	replies=$(printf '<%s>' "${COMPREPLY[@]}")
}

key=QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=

press_tab "weft sh" $'show\nshowconf\n' weft sh
same "a command: asked" "$asked" "complete sh"
same "a command: offered" "$replies" "<show><showconf>"
press_tab "weft set wg0 peer $key per" $'persistent-keepalive\n' weft set wg0 peer "${key%=}" = per
same "behind a key: asked" "$asked" "complete set wg0 peer $key per"
same "behind a key: offered" "$replies" "<persistent-keepalive>"
press_tab "weft set wg0 peer $key " $'remove\n' weft set wg0 peer "${key%=}" = ""
same "behind a key and a blank: asked" "$asked" "complete set wg0 peer $key "
same "behind a key and a blank: offered" "$replies" "<remove>"
press_tab "weft set wg0 peer $key" "$key"$'\n' weft set wg0 peer "${key%=}" =
same "at the end of a key: asked" "$asked" "complete set wg0 peer $key"
same "at the end of a key: it is whole" "$replies" "<>"
press_tab "weft set wg0 peer QU" "$key"$'\n' weft set wg0 peer QU
same "in a key: offered" "$replies" "<$key>"
press_tab "weft set wg0 peer a endpoint 192.0.2.1:5 ro" $'roam\n' weft set wg0 peer a endpoint 192.0.2.1 : 5 ro
same "behind an endpoint: asked" "$asked" "complete set wg0 peer a endpoint 192.0.2.1:5 ro"
press_tab "weft show wft" $'wft=0\nwft=1\n' weft show wft
same "names with a cut in them: offered" "$replies" "<wft=0><wft=1>"
press_tab "weft show wft=" $'wft=0\nwft=1\n' weft show wft =
same "names with a cut in them: what is behind it" "$replies" "<0><1>"
press_tab "weft set wg0 peer har" $'harbour master; x\n' weft set wg0 peer har
same "a name is quoted" "$replies" '<harbour\ master\;\ x>'
touch "$work/a=b.conf"
press_tab "weft up $work/a=b" $'/\n' weft up "$work/a" = b
same "a file behind a cut: asked" "$asked" "complete up $work/a=b"
same "a file behind a cut: offered" "$replies" "<b.conf>"
echo "1..$count"
exit $failed
