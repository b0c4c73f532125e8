#compdef weft
# SPDX-License-Identifier: GPL-2.0
# Completion for zsh. The command itself knows the candidates: "weft complete WORD..." prints candidates for the
# last word, one a line, and "/" where a file's name may stand.

_weft() {
	local -a candidates

	candidates=(${(f)"$(_call_program candidates command weft complete "${(@q)words[2,CURRENT]}" 2>/dev/null)"})
	if (( ${candidates[(Ie)/]} )); then
		_files
	fi
	candidates=(${candidates:#/})
	compadd -a candidates
}

_weft "$@"
