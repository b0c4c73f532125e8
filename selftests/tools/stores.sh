#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The programs of stores, each by the three calls that the agent makes: a folder, and Vault's interface as a stub in Python has
# it. And an agent on a machine without the kernel's part: what it refuses, and that it remembers and publishes.
#
#   stores.sh path/to/weft

# The functions are called through check().
# shellcheck disable=SC2317

WEFT=$(realpath "$1")
stores=$(realpath "$(dirname "$0")/../../tools/stores")
count=0
failed=0
dir=$(mktemp -d)
trap 'kill "${stub-}" 2>/dev/null; rm -rf "$dir"' EXIT
export WEFT_FLEET_STATE=$dir/state
cd "$dir" || exit 1
record='weft-fleet/1 hello KEY SIGNATURE {"node":"ant","endpoints":["[2001:db8::1]:5"],"x-note":"a\\\\b"}'

check() { # check NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		tail -n 5 err out 2>/dev/null | sed 's/^/#   /'
		failed=1
	fi
}

wait_for() { # wait_for COMMAND...: for 20 seconds
	local try

	for ((try = 0; try < 200; try++)); do
		"$@" && return 0
		sleep 0.1
	done
	return 1
}

puts() { # puts COMMAND...: the record as hello/ant, and gets it
	printf '%s\n' "$record" | "$@" put hello/ant 2>err && "$@" get >out 2>err && [ "$(cat out)" = "$record" ]
}

watches() { # watches COMMAND...: prints what is there, and what comes
	local pid good=1

	printf "%s\n" "weft-fleet/1 first" | "$@" put fleet 2>err || return 1
	"$@" watch >watched 2>err &
	pid=$!
	wait_for grep -q first watched && printf "%s\n" "weft-fleet/1 second" | "$@" put node/bee 2>err && wait_for grep -q second watched && good=0
	kill "$pid"
	wait "$pid" 2>/dev/null
	return $good
}

leaves_no_parts() {
	[ -z "$(find store -name '.*' -type f)" ]
}

mkdir -p store
check "a folder: put and get" puts "$stores/weft-store-dir" "$dir/store"
check "a folder: watch" watches "$stores/weft-store-dir" "$dir/store"
check "a folder: no parts are left" leaves_no_parts
out_of_it() {
	! printf 'x\n' | "$stores/weft-store-dir" "$dir/store" put ../escaped 2>err && [ ! -e escaped ]
}
check "a folder: no file outside" out_of_it

# A file cannot take a folder's place: no get would print the record in the folder.
put_on_folder() {
	mkdir -p store/hello/fox
	! printf '%s\n' "$record" | "$stores/weft-store-dir" "$dir/store" put hello/fox 2>err && leaves_no_parts && [ -z "$(ls -A store/hello/fox)" ]
}
put_on_link() {
	mkdir -p elsewhere
	ln -s "$dir/elsewhere" store/hello/gnu
	printf '%s\n' "$record" | "$stores/weft-store-dir" "$dir/store" put hello/gnu 2>err && [ -f store/hello/gnu ] && [ ! -L store/hello/gnu ] &&
		[ -z "$(ls -A elsewhere)" ]
}
check "a folder: a put fails where a folder has its name" put_on_folder
check "a folder: a put replaces a link to a folder" put_on_link
rm -r store/hello/fox store/hello/gnu

# Any name of a node is one of a file; the records of former admin keys, and those that a command has not finished, count.
every_record() {
	local good

	printf 'weft-fleet/1 lock\n' | "$stores/weft-store-dir" "$dir/all" put node/lock 2>err &&
		printf 'weft-fleet/1 dots\n' | "$stores/weft-store-dir" "$dir/all" put hello/a..b 2>err || return 1
	printf 'weft-fleet/1 former\n' >all/fleet.3
	printf 'weft-fleet/1 pending\n' >all/pending
	printf 'weft-fleet/1 other\n' >all/fleet.txt
	"$stores/weft-store-dir" "$dir/all" get >out 2>err && [ "$(sort out)" = "$(printf 'weft-fleet/1 %s\n' dots former lock pending)" ] || return 1
	"$stores/weft-store-dir" "$dir/all" watch >watched 2>err &
	wait_for eval '[ "$(sort watched)" = "$(sort out)" ]'
	good=$?
	kill $!
	wait $! 2>/dev/null
	return $good
}
mkdir -p all
check "a folder: each of its records" every_record

# What a node can do in the folder of hellos, and what comes between two calls: the other records are there all the same.
if [ "$(id -u)" = 0 ]; then ordinary="setpriv --reuid 65534 --regid 65534 --clear-groups"; else ordinary=; fi
hostile_store() { # hostile_store NAME: the others' records
	rm -rf "$1"
	mkdir -p "$1/node" "$1/hello"
	printf 'weft-fleet/1 %s\n' fleet >"$1/fleet"
	printf 'weft-fleet/1 %s\n' bee >"$1/node/bee"
	printf 'weft-fleet/1 %s\n' cat >"$1/hello/cat"
	chmod 755 .
	chmod -R a+rX "$1"
}
gets_others() { # gets_others COMMAND...
	timeout 20 "$@" "$stores/weft-store-dir" "$dir/hostile" get >out 2>err && [ "$(grep -c '^weft-fleet/1 \(fleet\|bee\|cat\)$' out)" = 3 ]
}
watches_others() { # watches_others COMMAND...
	local pid good=1

	timeout -k 2 60 "$@" "$stores/weft-store-dir" "$dir/hostile" watch >watched 2>err &
	pid=$!
	wait_for grep -q cat watched && echo "weft-fleet/1 later" >hostile/node/dog && wait_for grep -q later watched && good=0
	kill "$pid"
	wait "$pid" 2>/dev/null
	return $good
}
hostile_store hostile
echo "weft-fleet/1 hidden" >hostile/hello/bad
chmod 000 hostile/hello/bad
# shellcheck disable=SC2086 # words
check "a folder: a hello that cannot be read hides no record" gets_others $ordinary
# shellcheck disable=SC2086 # words
check "... nor from a watch" watches_others $ordinary
chmod 000 hostile/node/bee
# shellcheck disable=SC2086 # words
check "... a record of the admin's is missed" eval '! gets_others $ordinary'
hostile_store hostile
mkdir -m 000 hostile/hello/x
# shellcheck disable=SC2086 # words
check "a folder: nor does a folder that cannot be read" gets_others $ordinary
# shellcheck disable=SC2086 # words
check "... nor from a watch" watches_others $ordinary
hostile_store hostile
truncate -s 8G hostile/hello/bad
mkfifo hostile/hello/fifo
ln -s /dev/zero hostile/hello/zero
check "a folder: nor do a file without an end, a FIFO and a device" gets_others
check "... nor from a watch" watches_others
hostile_store hostile
printf 'weft-fleet/1 \0\377\n\0' >hostile/hello/bad
check "a folder: nor does what is no text" gets_others env LANG=C.UTF-8 LC_ALL=C.UTF-8
hostile_store hostile
mkdir gone
cat >gone/xargs <<-'END'
	#!/bin/sh
	rm -f hostile/hello/bad
	exec /usr/bin/xargs "$@"
END
chmod +x gone/xargs
echo "weft-fleet/1 bad" >hostile/hello/bad
# So it is the first of the changed ones.
chmod 600 hostile/fleet hostile/node/bee hostile/hello/cat
check "a folder: nor does a file that is gone by then" watches_others env "PATH=$dir/gone:$PATH"
put_at_limit() {
	! (ulimit -f 0; printf '%s\n' "$record" | "$stores/weft-store-dir" "$dir/store" put hello/bat 2>/dev/null) && leaves_no_parts
}
check "a folder: a put without room leaves no part" put_at_limit
put_killed() {
	local pid

	mkfifo held
	"$stores/weft-store-dir" "$dir/store" put hello/bat <held 2>err &
	pid=$!
	exec 7>held
	wait_for eval '! leaves_no_parts' || return 1
	kill -KILL "$pid"
	exec 7>&-
	wait "$pid" 2>/dev/null
	find store -name '.new.*' -exec touch -d '20 minutes ago' {} +
	echo x | "$stores/weft-store-dir" "$dir/store" put hello/bat && leaves_no_parts
}
check "a folder: what a put that was killed has left is swept up" put_killed

# The machine's clock is an hour ahead of the file system's: times of files are never after its own.
mkdir ahead
cat >ahead/date <<-'END'
	#!/bin/sh
	exec /bin/date "$@" --date '1 hour'
END
chmod +x ahead/date
check "a folder whose clock is another one" watches env "PATH=$dir/ahead:$PATH" "$stores/weft-store-dir" "$dir/store"
# The superuser may enter any folder.
not_entered() {
	local status

	mkdir -p -m 0644 closed
	# shellcheck disable=SC2086 # words
	! $ordinary "$stores/weft-store-dir" "$dir/closed" get >out 2>err && grep -q "cannot be read by this user" err
	status=$?
	chmod 755 closed
	return $status
}
check "a folder that may not be entered is no empty store" not_entered
check "a folder that is gone" eval '! "$stores/weft-store-dir" "$dir/none" get >out 2>err && ! timeout 20 "$stores/weft-store-dir" "$dir/none" watch >out 2>err; [ $? != 124 ]'
check "etcd: a node of the name of etcd's own user" eval '! "$stores/weft-etcd-setup" "$dir/tls" node /weft/prod root 2>err && grep -q "is no name for a node" err'
check "etcd: ... or the authority's" eval '! "$stores/weft-etcd-setup" "$dir/tls" node /weft/prod ca 2>err && grep -q "is no name for a node" err'
check "etcd: a node of no name" eval '! "$stores/weft-etcd-setup" "$dir/tls" node /weft/prod ../x 2>err && grep -q "is not the name of a node" err'
check "etcd: a member whose files would be another member's" eval '! "$stores/weft-etcd-setup" "$dir/tls" member one.peer 192.0.2.1 2>err && grep -q "is no name for a member" err'
check "etcd: a member of no name" eval '! "$stores/weft-etcd-setup" "$dir/tls" member ../x 192.0.2.1 2>err && grep -q "is not the name of a member" err'
check "etcd: nothing was made of them" [ ! -e tls ]

# A certificate that was being written when the program was ended.
mkdir cut etcd
cat >cut/openssl <<-'END'
	#!/bin/sh
	[ "$1" = x509 ] || exec /usr/bin/openssl "$@"
	while [ "$1" != -out ]; do shift; done
	: >"$2"
	kill -KILL $PPID
END
chmod +x cut/openssl
made_again() {
	"$stores/weft-etcd-setup" "$dir/tls" ca 2>err
	PATH=$dir/cut:$PATH "$stores/weft-etcd-setup" "$dir/tls" client ember 2>err
	"$stores/weft-etcd-setup" "$dir/tls" client ember 2>err && openssl verify -CAfile tls/ca.crt tls/ember.crt >out 2>err
}
# The public keys of a certificate and of its key are the same.
fits() { # fits FILE
	[ "$(openssl x509 -in "$1.crt" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout)" ]
}
made_by_two() {
	local name pids=()

	for name in bat bat cow cow; do
		"$stores/weft-etcd-setup" "$dir/two" ca 2>>err && "$stores/weft-etcd-setup" "$dir/two" client "$name" 2>>err &
		pids+=($!)
	done
	wait "${pids[@]}"
	fits two/ca && fits two/members/ca && fits two/bat && fits two/cow && [ ! -e two/bat.key.new ]
}
if command -v openssl >/dev/null; then
	check "etcd: a certificate that was cut is made again" made_again
	check "etcd: ... and fits its key" fits tls/ember
	check "etcd: two calls at once" made_by_two
else
	echo "ok $((count += 1)) - etcd: a certificate that was cut, and two calls at once # SKIP no openssl here"
fi

members() { # members ADDRESS WANTED
	"$stores/weft-etcd-setup" "$dir/tls" options one one="$1" two=192.0.2.2 >out 2>err &&
		grep -q -- "--listen-client-urls https://$2:2379 " out && grep -q -- "--initial-cluster one=https://$2:2380,two=https://192.0.2.2:2380 " out
}
check "etcd: options of a member" members 192.0.2.1 192.0.2.1
check "etcd: ... with an address of IPv6" members 2001:db8::1 '\[2001:db8::1\]'
no_member() {
	! "$stores/weft-etcd-setup" "$dir/tls" options three one=192.0.2.1 >out 2>err && grep -q "'three' is none of the members" err && [ ! -s out ]
}
check "etcd: options of no member" no_member

# Users and roles are files here. With "away" no call succeeds.
mkdir -p access/user access/role
cat >access/etcdctl <<-END
	#!/bin/sh
	cd "$dir/access"
	[ ! -e away ] || exit 1
	case \$2 in
	delete) rm "\$1/\$3" ;;
	get) [ -e "\$1/\$3" ] ;;
	list) : ;;
	esac
END
chmod +x access/etcdctl
removes() {
	PATH=$dir/access:$PATH "$stores/weft-etcd-setup" "$dir/tls" remove ember >out 2>err
}
removed() {
	: >access/role/ember
	: >tls/ember.crt
	: >tls/ember.key
	removes && [ ! -e access/role/ember ] && [ ! -e tls/ember.crt ] && [ ! -e tls/ember.key ]
}
not_removed() {
	: >access/away
	: >tls/ember.crt
	! removes && [ -e tls/ember.crt ]
}
mkdir -p tls
check "etcd: a removal that was interrupted is repeated, and takes the certificate" removed
check "etcd: ... and fails where no etcd answers" not_removed

# "at" has the cluster, its revision and its term; the watch ends at revision 9. A node may put what is no text.
cat >etcd/etcdctl <<-'END'
	#!/bin/sh
	case $1 in
	get)
		read -r cluster revision term <at
		printf '"ClusterID" : %s\n"Revision" : %s\n"RaftTerm" : %s\n"Value" : "weft-fleet/1 first {\\"a\\"}"\n' $cluster $revision $term
		;;
	watch)
		sed 's/ 7 / 9 /' at >at.watched
		mv at.watched at
		printf '"Revision" : 8\n"Value" : "\\x00"\n"Revision" : 8\n"Value" : "weft-fleet/1 \\xff \377"\n'
		[ -e long ] && head -c 16777216 /dev/zero | tr '\0' x | sed 's/x/\\x00/g; s/^/"Value" : "/; s/$/"\n/'
		printf '"Revision" : 9\n"Type" : PUT\n"Value" : "weft-fleet/1 second {\\"b\\\\\\":\\"c\\"}"\n'
		exec sleep 1000
		;;
	esac
END
chmod +x etcd/etcdctl
etcd_place() { # etcd_place CLUSTER REVISION TERM
	echo "$*" >at.new
	mv at.new at
}
etcd_begins() { # etcd_begins LOCALE: sets pid, once the watch has told all it has
	etcd_place 1 7 2
	# Those of the case before would be taken for what this watch tells.
	: >watched
	: >err
	WEFT_ETCD_INTERVAL=0.1 PATH=$dir/etcd:$PATH LC_ALL=$1 timeout -k 2 60 "$stores/weft-store-etcd" /weft/prod watch >watched 2>err &
	pid=$!
	wait_for grep -aqxF 'weft-fleet/1 first {"a"}' watched && wait_for grep -aqxF 'weft-fleet/1 second {"b\":"c"}' watched
}
etcd_ends() {
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}
etcd_watches() { # etcd_watches LOCALE
	local good=1

	etcd_place 1 9 2
	etcd_begins "$1" && good=0
	etcd_ends
	return $good
}
etcd_goes_to() { # etcd_goes_to CLUSTER REVISION TERM
	etcd_begins C
	etcd_place "$@"
	wait_for grep -q "was set back" err
}
etcd_set_back() { # etcd_set_back CLUSTER REVISION TERM
	local good=1

	etcd_goes_to "$@" && wait_for gone "$pid" && good=0
	etcd_ends
	return $good
}
etcd_goes_on() {
	local good=1

	etcd_begins C
	etcd_place 1 9 2
	sleep 0.5
	etcd_place 1 9 3
	sleep 0.5
	etcd_place 1 400 3
	sleep 0.5
	! gone "$pid" && [ ! -s err ] && good=0
	etcd_ends
	return $good
}
gone() { # gone PID
	! kill -0 "$1" 2>/dev/null
}
check "etcd: what is no text does not end a watch" etcd_watches C
check "... in UTF-8, too" etcd_watches C.UTF-8
: >long
check "... nor do megabytes of it delay the next record" etcd_watches C
rm long
check "etcd: a cluster that goes on does not end a watch" etcd_goes_on
check "... another cluster does" etcd_set_back 2 9 2
check "... so does a revision before the last one that the watch has had" etcd_set_back 1 8 2
check "... and a restored cluster that has come further since" etcd_set_back 1 400 1

if command -v curl >/dev/null; then
	python3 - >port <<-'END' &
		import http.server, json, os, sys
		kept = {}
		class Stub(http.server.BaseHTTPRequestHandler):
		    def answer(self, status, value):
		        self.send_response(status)
		        self.end_headers()
		        self.wfile.write(json.dumps(value, separators=(",", ":")).encode())
		    def handle_any(self):
		        if self.headers["X-Vault-Token"] != "secret":
		            return self.answer(403, {"errors": ["permission denied"]})
		        mount, part, path = self.path[len("/v1/"):].split("/", 2)
		        if mount != "secret":
		            return self.answer(404, {"errors": ["no handler for route"]})
		        if self.command == "POST":
		            kept[path] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
		            return self.answer(200, {})
		        if os.path.exists("broken") and self.command == "LIST":
		            return self.answer(500, {"errors": ["internal error"]})
		        if self.command == "LIST":
		            names = sorted(k[len(path):].strip("/") for k in kept if k.startswith(path))
		            return self.answer(200, {"data": {"keys": names}}) if names else self.answer(404, {})
		        if path not in kept:
		            return self.answer(404, {"errors": []})
		        self.answer(200, {"data": {"data": kept[path], "metadata": {"version": 1}}})
		    do_GET = do_POST = do_LIST = handle_any
		    def log_message(self, *words):
		        pass
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
		print(server.server_port, flush=True)
		server.serve_forever()
	END
	stub=$!
	wait_for test -s port
	echo secret >token
	VAULT_ADDR=http://127.0.0.1:$(cat port) VAULT_TOKEN_FILE=$dir/token
	export VAULT_ADDR VAULT_TOKEN_FILE
	check "a stub of Vault: put" eval 'printf "%s\n" "weft-fleet/1 first" | "$stores/weft-store-vault" secret/weft/prod put fleet'
	check "a stub of Vault: get" eval 'printf "%s\n" "$record" | "$stores/weft-store-vault" secret/weft/prod put hello/ant &&
		"$stores/weft-store-vault" secret/weft/prod get >out && [ "$(cat out)" = "$(printf "weft-fleet/1 first\n%s" "$record")" ]'
	touch broken
	check "a stub of Vault: a list that fails is no empty store" eval '! "$stores/weft-store-vault" secret/weft/prod get >out 2>err && [ ! -s out ]'
	rm broken
	check "a stub of Vault: an empty store is none that fails" eval '"$stores/weft-store-vault" secret/weft/other get >out 2>err && [ ! -s out ]'
	check "a stub of Vault: a mount that is not there is no empty store" eval '! "$stores/weft-store-vault" none/weft/prod get >out 2>err &&
		grep -q "status 404" err'
	check "a stub of Vault: nor can it be written" eval '! echo x | "$stores/weft-store-vault" none/weft/prod put fleet 2>err &&
		grep -q "status 404" err'
	check "a stub of Vault: watch" watches "$stores/weft-store-vault" secret/weft/prod
	echo wrong >token
	check "a stub of Vault: a token that is refused" eval '! "$stores/weft-store-vault" secret/weft/prod get >out 2>err'
else
	echo "ok $((count += 1)) - a stub of Vault # SKIP no curl here"
fi

# The agent.

refuses() { # refuses TEXT WORDS...
	local text=$1
	shift
	! timeout 20 "$WEFT" fleet run "$@" >out 2>err && grep -qF -- "$text" err
}

"$WEFT" -j fleet init prod store fleet-store admin-key key >out
admin=$(sed -n 's/.*"admin": *"\(.*\)".*/\1/p' out)
check "an agent without a store" refuses "missing 'store'" prod user nobody
check "an agent of no fleet" refuses "this machine is in no fleet" prod store true
"$WEFT" -j fleet hello prod node ant admins "$admin" >out
identity=$(sed -n 's/.*"identity": *"\(.*\)".*/\1/p' out)
check "an agent whose store has an unknown user" refuses "does not exist" prod store true user no-such-user
check "an agent whose store would have all rights" refuses "has all rights" prod store true user root
"$WEFT" fleet admit store fleet-store admin-key key node ant identity "$identity" address 10.7.0.1/24 >out
if [ "$(id -u)" = 0 ]; then
	user=nobody
	mkdir -p fleet-store/hello
	chmod 755 . fleet-store
	chown nobody fleet-store/hello
else
	user=$(id -un)
fi
publishes() {
	local agent status

	timeout -s TERM 30 "$WEFT" fleet run prod store "$stores/weft-store-dir $dir/fleet-store" user "$user" >out 2>err &
	agent=$!
	wait_for test -s fleet-store/hello/ant
	status=$?
	kill -TERM "$agent"
	wait "$agent" || return 1
	return $status
}
check "an agent publishes its hello, and ends with a signal" publishes
check "... and remembers the records" grep -q '^weft-fleet/1 node' state/prod/memory
check "... and its own" grep -q '^weft-fleet/1 hello' state/prod/memory
echo "1..$count"
exit $failed
