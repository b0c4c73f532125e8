# SPDX-License-Identifier: GPL-2.0
# Completion for bash. What could follow is the command's own business: "weft complete WORD..." prints candidates for the
# last word, one a line, and "/" where a file's name may stand.

_weft() {
	local word=$2 candidate

	COMPREPLY=()
	while IFS= read -r candidate; do
		if [ "$candidate" = / ]; then
			compopt -o filenames 2>/dev/null
			mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
		else
			COMPREPLY+=("$candidate")
		fi
	done < <(command weft complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _weft weft
