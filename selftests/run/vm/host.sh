#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Shared by the scripts that run on the host: the cache, messages, and packages of Debian. To be sourced.
#
#   cache           the directory for downloads and built images
#   say WORDS...    progress, on standard error
#   die WORDS...    prints one line on standard error, and exits with status 1
#   with_lock NAME COMMAND...       one process at a time, machine-wide
#   install_packages NAME...        installs those that are missing
#   refresh_lists                   downloads Debian's package lists, one process at a time
#   unpack_package NAME DIRECTORY   downloads a package and unpacks it there, without installing it
#   unpack_whole DIRECTORY NAME...  packages with all that they depend on, as a root for chroot
#   fetch_newest_go FILE            the newest wireguard-go in Debian, as FILE
#   debian_mirror LABEL             the mirror of Debian, or Debian-Security, in this machine's apt
#   in_unstable COMMAND...          runs unpack_package, and the other functions for packages, with Debian unstable's lists
#   test_file TEST                  the script of a test: one of kselftest/ by its name, another one by its path in selftests/
#   is_debug SERIES                 whether it is a debug kernel: those that debug.sh builds, and uml-kasan
#   is_uml SERIES                   whether it is Linux as a program, which uml.sh builds
#   arch_of SERIES                  the architecture of a series like 6.12-arm64, nothing for this machine's own
#   slowness SERIES                 the factor by which tests are slower there than on an ordinary kernel; SLOW overrides it

# shellcheck disable=SC2034 # read by the scripts that source this one
weft_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weft
mkdir -p "$cache" || exit 1

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# A subshell rather than a status caught here, so that the caller's errexit stays in force within the command.
with_lock() ( # with_lock NAME COMMAND...
	exec {fd}>"$cache/.lock-$1"
	shift
	flock "$fd"
	"$@"
)

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root or sudo to run: $*"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o APT::Sandbox::User=root \
		"$@" </dev/null
}

# Options for apt-get and apt-cache: none, or those that select another suite's lists.
suite_options=()

# The command's output is shown only when it fails.
quietly() { # quietly COMMAND...
	local log status=0

	log=$(mktemp)
	"$@" >"$log" 2>&1 || status=$?
	[ $status = 0 ] || tail -n 20 "$log" >&2
	rm -f "$log"
	return $status
}

apt_update() {
	say "refreshing the package lists"
	if [ ${#suite_options[@]} != 0 ]; then
		quietly apt-get -q "${suite_options[@]}" update
	else
		quietly apt update
	fi || die "apt-get update failed: is a Debian mirror reachable?"
}

# apt-get does not wait for another process that writes lists, and unstable's lists have no lock.
refresh_lists() {
	if [ ${#suite_options[@]} != 0 ]; then
		with_lock unstable-lists apt_update
	else
		with_lock lists apt_update
	fi || exit 1
}

# Old lists name packages that the mirrors have replaced since.
with_fresh_lists() { # with_fresh_lists COMMAND...: a second time, after a failure
	quietly "$@" || { refresh_lists; quietly "$@"; }
}

package_known() { # package_known NAME: whether it is available
	apt-cache "${suite_options[@]}" show "$1" >/dev/null 2>&1
}

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_packages() {
	local name

	for name; do
		package_installed "$name" || printf '%s ' "$name"
	done
}

install_missing() {
	local name missing

	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || die "needs Debian's apt-get to install: $missing"
	for name in $missing; do
		package_known "$name" || { refresh_lists; break; }
	done
	say "installing from Debian: $missing"
	# shellcheck disable=SC2086 # a list of words
	with_fresh_lists apt --no-install-recommends install $missing || die "could not install: $missing"
}

install_packages() {
	[ -z "$(missing_packages "$@")" ] || with_lock packages install_missing "$@"
}

download_into() { # download_into DIRECTORY NAME
	(cd "$1" && apt-get -q -o APT::Sandbox::User=root "${suite_options[@]}" download "$2")
}

unpack_package() { # unpack_package NAME DIRECTORY
	local name=$1 directory=$2 work

	package_known "$name" || refresh_lists
	package_known "$name" || die "Debian has no package $name here"
	say "downloading $name"
	work=$(mktemp -d)
	with_fresh_lists download_into "$work" "$name" || { rm -rf "$work"; die "could not download $name"; }
	mkdir -p "$directory"
	dpkg -x "$work"/*.deb "$directory" || { rm -rf "$work"; die "could not unpack $name"; }
	rm -rf "$work"
}

download_all() { # download_all DIRECTORY NAME...: with all their dependencies
	local archives=$1

	shift
	apt-get -q -y -o APT::Sandbox::User=root "${suite_options[@]}" -o Dir::Cache::archives="$archives" \
		--no-install-recommends --download-only install "$@"
}

# As dpkg's own records: the package's fields, its files, and since when its libraries have their symbols.
record_package() { # record_package ROOT FILE
	local records=$1/var/lib/dpkg control name part

	mkdir -p "$records/info"
	echo 1 >"$records/info/format"
	name=$(dpkg-deb -W --showformat '${Package}:${Architecture}' "$2")
	{ dpkg-deb -f "$2"; printf 'Status: install ok installed\n\n'; } >>"$records/status"
	dpkg-deb --fsys-tarfile "$2" | tar -t >"$records/info/$name.list"
	control=$(mktemp -d)
	dpkg-deb -e "$2" "$control"
	for part in symbols shlibs; do
		[ ! -e "$control/$part" ] || cp "$control/$part" "$records/info/$name.$part"
	done
	rm -rf "$control"
}

# Maintainer scripts are not run: they would make the links into /usr, and that of awk.
unpack_whole() { # unpack_whole DIRECTORY NAME...
	local root=$1 archives file name

	shift
	archives=$(mktemp -d)
	mkdir -p "$archives/partial"
	# Debian 12's packages have files below these names; the links have to be there first.
	for name in bin sbin lib lib64; do
		mkdir -p "$root/usr/$name"
		ln -sfn "usr/$name" "$root/$name"
	done
	with_fresh_lists download_all "$archives" "$@" || { rm -rf "$archives"; die "could not download $1 and its dependencies"; }
	for file in "$archives"/*.deb; do
		{ dpkg-deb --fsys-tarfile "$file" | tar -x --keep-directory-symlink -C "$root" && record_package "$root" "$file"; } ||
			{ rm -rf "$archives"; die "could not unpack $file"; }
	done
	rm -rf "$archives" "$root"/usr/share/{doc,info,locale,man}
	ln -sf mawk "$root/usr/bin/awk"
	mkdir -p "$root/dev" "$root/proc" "$root/tmp"
}

# The machine's own apt source of Debian itself: neither security updates nor packages of other origins.
debian_mirror() { # debian_mirror LABEL
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		awk -v label="$1" '$1 == "Debian" && $2 == label { print $3; exit }'
}

write_unstable_source() { # write_unstable_source FILE
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror

	[ ! -s "$1" ] || return 0
	mirror=$(debian_mirror Debian)
	[ -n "$mirror" ] || { refresh_lists; mirror=$(debian_mirror Debian); }
	[ -n "$mirror" ] || die "cannot tell Debian's mirror: no source of this machine's apt is Debian's"
	[ -r "$keyring" ] || install_packages debian-archive-keyring
	echo "deb [signed-by=$keyring] $mirror unstable main" >"$1.new"
	mv "$1.new" "$1"
}

# Lists, cache and dpkg status are separate: the machine's apt is neither used nor changed.
in_unstable() { # in_unstable COMMAND...
	local directory=$cache/unstable suite_options=()

	mkdir -p "$directory"/{lists,archives}/partial
	[ -e "$directory/status" ] || : >"$directory/status"
	with_lock unstable write_unstable_source "$directory/sources.list" || exit 1
	suite_options=(
		-o Dir::Etc::sourcelist="$directory/sources.list" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
		-o Dir::State::lists="$directory/lists" -o Dir::State::status="$directory/status"
		-o Dir::State::extended_states="$directory/extended_states" -o Dir::Cache="$directory"
		-o Debug::NoLocking=true -o APT::Sandbox::User=root
	)
	"$@"
}

test_file() {
	case $1 in
	*/*)
		echo "$weft_top/selftests/$1.sh"
		;;
	*)
		echo "$weft_top/selftests/kselftest/$1.sh"
		;;
	esac
}

is_debug() {
	[[ $1 == 6.12-kasan || $1 == 6.12-kcsan || $1 == uml-kasan ]]
}

is_uml() {
	[[ $1 == uml || $1 == uml-kasan ]]
}

arch_of() { # arch_of SERIES
	sed -n -E 's/^[0-9]+\.[0-9]+-(arm64|arm64-16k|armhf|i386|riscv64|s390x)$/\1/p' <<<"$1"
}

slowness() {
	if [ -n "${SLOW-}" ]; then
		echo "$SLOW"
	elif is_uml "$1"; then
		if is_debug "$1"; then echo 3; else echo 1; fi
	elif is_debug "$1"; then
		echo 10
	else
		echo 1
	fi
}

unpack_newest_go() { # unpack_newest_go DIRECTORY
	[ ! -e "$1" ] || return 0
	rm -rf "$1.new"
	in_unstable refresh_lists
	in_unstable unpack_package wireguard-go "$1.new"
	mv "$1.new" "$1"
}

# In addition to the release's wireguard-go, which comes from a package in the guest's image.
fetch_newest_go() { # fetch_newest_go FILE
	mkdir -p "$cache/bench"
	with_lock wireguard-go unpack_newest_go "$cache/bench/wireguard-go" && cp "$cache/bench/wireguard-go/usr/bin/wireguard-go" "$1"
}
