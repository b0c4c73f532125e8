# SPDX-License-Identifier: GPL-2.0
# Completion for bash. The command itself knows the candidates: "weft complete WORD..." prints candidates for the
# last word, one a line, and "/" where a file's name may stand.

# Bash cuts words at the "=" that ends each key and at the ":" of addresses, too: pieces without a blank between belong
# together. Of the last word only the piece behind the last cut, $2, is replaced.
_weft() {
	local rest=$COMP_LINE words=() blank candidate before file i

	for ((i = 0; i <= COMP_CWORD; i++)); do
		blank=${rest%%[![:space:]]*}
		rest=${rest:${#blank}}
		rest=${rest:${#COMP_WORDS[i]}}
		if ((i == 0)) || [ -n "$blank" ]; then
			words+=("${COMP_WORDS[i]}")
		else
			words[-1]+=${COMP_WORDS[i]}
		fi
	done
	before=${words[-1]%"$2"}
	COMPREPLY=()
	while IFS= read -r candidate; do
		if [ "$candidate" = / ]; then
			compopt -o filenames 2>/dev/null
			while IFS= read -r file; do
				COMPREPLY+=("${file#"$before"}")
			done < <(compgen -f -- "${words[-1]}")
		else
			printf -v candidate %q "${candidate#"$before"}"
			COMPREPLY+=("${candidate#\'\'}")
		fi
	done < <(command weft complete "${words[@]:1}" 2>/dev/null)
}

complete -F _weft weft
