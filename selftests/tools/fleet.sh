#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# weft fleet, without a kernel: the store, the state folder, and a dry run of apply; two commands at once, and commands
# that are killed.
#
#   fleet.sh path/to/weft

# The functions are called through check().
# shellcheck disable=SC2317

WEFT=$(realpath "$1")
sources=$(realpath "$(dirname "$0")/../..")
count=0
failed=0
umask 077
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export WEFT_FLEET_STATE=$dir/state
cd "$dir" || exit 1

check() { # check NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		sed 's/^/#   /' err out 2>/dev/null | head -n 20
		failed=1
	fi
}

fleet() { # fleet WORDS...: into out and err
	"$WEFT" -j fleet "$@" >out 2>err
}

# The status, too: a crash under the sanitizers has another one than 1.
fails() { # fails STATUS TEXT WORDS...
	local status=$1 text=$2 got

	shift 2
	fleet "$@"
	got=$?
	[ "$got" = "$status" ] && grep -qF -- "$text" err
}

value() { # value EXPRESSION: of the JSON j in out
	python3 -c 'import json, sys; j = json.load(open("out")); print(eval(sys.argv[1]))' "$1"
}

is() { # is EXPRESSION VALUE
	local got

	got=$(value "$1")
	[ "$got" = "$2" ] && return
	echo "# $1 is '$got', not '$2'"
	return 1
}

run_is() { # run_is EXPRESSION VALUE WORDS...
	local expression=$1 wanted=$2

	shift 2
	fleet "$@" && is "$expression" "$wanted"
}

bundle_of() { # bundle_of STORE FILE
	"$WEFT" fleet bundle store "$1" >"$2" 2>err
}

node_state() { # node_state NODE WORDS...: as that node
	local node=$1

	shift
	WEFT_FLEET_STATE=$dir/state-$node fleet "$@"
}

node_fails() { # node_fails NODE TEXT WORDS...: with status 1
	local WEFT_FLEET_STATE=$dir/state-$1

	fails 1 "${@:2}"
}

none_of() { # none_of FILE...: no such file
	local file

	for file; do
		[ ! -e "$file" ] || return 1
	done
}

digest() { # of all files of a folder
	(cd "$1" && find . -type f | sort | xargs -r sha256sum)
}

stays() { # stays FOLDER COMMAND...: it changes nothing there
	local folder=$1 before

	shift
	before=$(digest "$folder")
	"$@"
	[ "$(digest "$folder")" = "$before" ]
}

# init

first_dry() {
	run_is 'j["changes"]' "['a new admin key', 'fleet prod: new', 'fleet prod: topology: none -> mesh', 'fleet prod: keepalive: none -> 9', 'fleet prod: port: none -> 51820']" \
		--dry-run init prod store st admin-key key keepalive 9 && none_of st key
}
check "the first init in a dry run" first_dry
check "init" run_is 'j["changed"], j["epoch"]' "(True, 1)" init prod store st admin-key key
ADMIN=$(value 'j["admin"]')
check "init again" run_is 'j["changed"], j["epoch"]' "(False, 1)" init prod store st admin-key key
check "the admin key's mode" [ "$(stat -c %a key)" = 600 ]
check "init in a dry run" stays st run_is 'j["changed"], j["changes"]' "(True, ['fleet prod: port: 51820 -> 1'])" \
	--dry-run init prod store st admin-key key port 1
check "... of what is there" run_is 'j["changed"], j["changes"]' "(False, [])" --dry-run init prod store st admin-key key
check "init with another word" run_is 'j["changed"], j["epoch"]' "(True, 2)" init prod store st admin-key key keepalive 25
check "words left out stay" run_is 'j["keepalive"], j["port"]' "(25, 51820)" list store st
check "a port that is none" stays st fails 1 "port is not" init prod store st admin-key key port 65536
check "a topology that is none" stays st fails 1 "topology is not" init prod store st admin-key key topology ring
check "another fleet" stays st fails 1 "is the store of fleet 'prod'" init test store st admin-key key
"$WEFT" fleet init other store st-other admin-key other-key >out
check "another admin key" stays st fails 1 "admin key is none of those" init prod store st admin-key other-key
check "an admin key's file that does not exist" stays st fails 1 "typo" init prod store st admin-key typo
check "... is not made" none_of typo
check "an MTU below that of IPv6" stays st fails 1 "mtu: 1000 is too small" init prod store st admin-key key mtu 1000
check "port 0" stays st fails 1 "port: 0" init prod store st admin-key key port 0
check "a number with more" stays st fails 1 "is not a number" init prod store st admin-key key mtu 1420x
check "a number that does not fit" stays st fails 1 "is not" init prod store st admin-key key mtu 99999999999999999999999
check "an unknown word" fails 1 "unknown word" init prod store st admin-key key mtus 1
check "a word twice" fails 1 "given twice" init prod store st admin-key key mtu 1 mtu 2
check "a word without a value" fails 1 "requires a value" init prod store st admin-key key mtu
check "no words" fails 1 "missing argument" init
check "a verb that is none" fails 1 "unknown verb" frob
check "a name that is a path" fails 1 "not the name of a fleet" hello ../x node ant admins "$ADMIN"
long=abcdefghijklmnopqrst
no_key() {
	fails 1 "name of a fleet" init "$long" store st-long admin-key long-key && [ ! -e long-key ]
}
check "a name that is too long makes no key" no_key

# hello and admit

declare -A identity
for node in ant bee cat; do
	check "the first hello of $node" node_state $node hello prod node $node admins "$ADMIN"
	check "... has no record" is 'j["record"], j["serial"], j["changed"]' "(None, 0, True)"
	identity[$node]=$(value 'j["identity"]')
done
check "a hello without a name" fails 1 "node NODE" hello none
check "a hello without admin keys" fails 1 "admins KEY" hello none node ant
check "a name with capitals" fails 1 "not the name of a node" hello none node Ant admins "$ADMIN"
check "an admin key that is none" fails 1 "is not a key" hello none node ant admins abc
check "... leaves no keys" [ ! -e state/none/self ]
again() {
	WEFT_FLEET_STATE=$dir/state-ant stays state-ant run_is 'j["changed"]' False hello prod
}
check "a second hello changes nothing" again
other_name() {
	WEFT_FLEET_STATE=$dir/state-ant stays state-ant fails 1 "is node 'ant'" hello prod node bee
}
check "another name of the same machine" other_name
check "the state folder's mode" [ "$(stat -c %a state-ant/prod state-ant/prod/self | tr '\n' ' ')" = "700 600 " ]

admit=(admit store st admin-key key)
check "admit" run_is 'j["changed"], j["nodes"]' "(True, [{'node': 'ant', 'serial': 1, 'changed': True}])" \
	"${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.1/24
check "admit again" stays st run_is 'j["changed"], j["nodes"]' "(False, [{'node': 'ant', 'serial': 1, 'changed': False}])" \
	"${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.1/24
check "another address" run_is 'j["nodes"][0]["serial"]' 2 "${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.9/24
check "... is not a new admission" grep -q '"serial":2,"admitted":1' st/node/ant
check "an address of another node" stays st fails 1 "is of node 'ant' and of node 'bee'" \
	"${admit[@]}" node bee identity "${identity[bee]}" address 10.7.0.9/24
check "a prefix that is another's address" stays st fails 1 "is of node" \
	"${admit[@]}" node bee identity "${identity[bee]}" address 10.7.0.2/24 prefix 10.7.0.9/32
check "an identity of another node" stays st fails 1 "identity" "${admit[@]}" node bee identity "${identity[ant]}" address 10.7.0.2/24
check "neither identity nor key" stays st fails 1 "neither identity nor public_key" "${admit[@]}" node bee address 10.7.0.2/24

from() { # from STATUS TEXT JSON: nothing is admitted
	printf '%s' "$3" >from.json
	stays st fails "$1" "$2" "${admit[@]}" from from.json
}
ok_bee='{"node":"bee","identity":"'${identity[bee]}'","addresses":["10.7.0.2/24"],"prefixes":[],"not_after":null,"hub":false}'
ok_cat='{"node":"cat","identity":"'${identity[cat]}'","addresses":["10.7.0.3/24"]}'
check "all or nothing: a bad node" from 1 "node 'cat'" "[$ok_bee,{\"node\":\"cat\"}]"
check "all or nothing: a node twice" from 1 "twice" "[$ok_bee,$ok_bee]"
check "all or nothing: an address twice" from 1 "is of node" "[$ok_bee,${ok_cat/0.3/0.2}]"
check "all or nothing: an unknown key" from 1 "unknown key" "[$ok_bee,{\"node\":\"cat\",\"serial\":3}]"
check "not an array" from 1 "not a JSON array" "$ok_bee"
check "two arrays" from 1 "not a JSON array" "[$ok_bee] [$ok_cat]"
check "half an array" from 1 "not a JSON array" "[$ok_bee,"
check "not objects" from 1 "not a JSON object" "[1]"
check "an empty file" from 1 "not a JSON array" ""
cp -r st with-prefix
fleet admit store with-prefix admin-key key node ant identity "${identity[ant]}" address 10.7.0.9/24 prefix 10.8.0.0/24
printf '[%s,\n%s]\n' "$ok_bee" "$ok_cat" >from.json
check "admit two" run_is 'j["changed"], len(j["nodes"])' "(True, 2)" "${admit[@]}" from from.json
check "... again" stays st run_is 'j["changed"], len(j["nodes"])' "(False, 2)" "${admit[@]}" from from.json
check "admit in a dry run" stays st run_is 'j["changes"]' \
	"['node dog: new, serial 1', 'node dog: identity: none -> $ADMIN', 'node dog: addresses: none -> 10.7.0.4/32']" \
	--dry-run "${admit[@]}" node dog identity "$ADMIN" address 10.7.0.4
dry_many() { # without -j: a line for each value of each node that changes
	sed 's/"hub":false/"hub":true/; s/0\.3.24"/0.3\/24","10.7.1.3\/24"/' from.json >dry.json
	"$WEFT" --dry-run fleet admit store st admin-key key from dry.json >out 2>err
	diff out - <<-END
		node bee: hub: none -> true
		node cat: addresses: 10.7.0.3/24 -> 10.7.0.3/24,10.7.1.3/24
	END
}
check "... of many nodes, in words" stays st dry_many
check "... of a value that is taken out" run_is 'j["changes"]' "['node ant: addresses: 10.7.0.9/24 -> 10.7.0.8/24', 'node ant: prefixes: 10.8.0.0/24 -> none']" \
	--dry-run admit store with-prefix admin-key key node ant identity "${identity[ant]}" address 10.7.0.8/24
check "two addresses change places in one call" run_is 'j["changed"]' True "${admit[@]}" from <(sed 's/0\.2/0.X/; s/0\.3/0.2/; s/0\.X/0.3/' from.json)
check "... and back" run_is 'j["changed"]' True "${admit[@]}" from from.json

# put

: >hellos
for node in ant bee cat; do
	check "a hello of $node with its serial" node_state $node hello prod serial 1 endpoint "192.0.2.${#node}:5"
	value 'j["record"]' >>hellos
done
check "put in a dry run" stays st run_is 'j["changed"], j["accepted"]' "(True, 3)" --dry-run put store st from hellos
check "put" run_is 'j["changed"], j["accepted"], j["same"], j["refused"]' "(True, 3, 0, [])" put store st from hellos
check "put again" stays st run_is 'j["changed"], j["accepted"], j["same"]' "(False, 0, 3)" put store st from hellos
{ echo rubbish; sed 's/"generation":1/"generation":7/' hellos; } >bad
check "put of bad records" stays st fails 2 "record line 1 is refused" put store st from bad
check "... which are named" is '[r["record"] for r in j["refused"]]' "['line 1', 'hello, line 2', 'hello, line 3', 'hello, line 4']"
check "put of nothing" stays st fails 0 "" put store st from /dev/null
check "put into no store" fails 1 "has no fleet" put store nowhere from hellos

# bundle, apply in a dry run

bundle_of st bundle
check "the bundle: the fleet, then nodes, then hellos" [ "$(cut -d' ' -f2 bundle | uniq | tr '\n' ' ')" = "fleet node hello " ]
apply() { # apply NODE STATUS FILE: in a dry run
	WEFT_FLEET_STATE=$dir/state-$1 stays "state-$1" fails "$2" "" --dry-run apply prod "$3"
}
check "apply in a dry run" apply ant 0 bundle
check "... has two peers" is 'j["peers"], j["nodes"], j["refused"], j["waiting"]' "(2, 3, [], None)"
{ cat bundle; echo rubbish; } >bad
check "a bad record does not keep the others away" apply ant 2 bad
check "... and is named" is 'j["peers"], len(j["refused"])' "(2, 1)"
head -c -10 bundle >bad
check "a bundle that is cut" apply ant 2 bad
check "an empty bundle of a new node" apply ant 1 /dev/null

# Remembered without a kernel: what was taken in is written before the interface is looked at.
remember() { # remember NODE FILE
	WEFT_FLEET_STATE=$dir/state-$1 fleet rotate prod undo >/dev/null
	WEFT_FLEET_STATE=$dir/state-$1 unshare --map-root-user --net "$WEFT" fleet apply prod "$2" >out 2>err
	[ -s "state-$1/prod/memory" ]
}
if unshare --map-root-user --net true 2>/dev/null; then
	check "a bundle is remembered" remember ant bundle
	check "an emptied bundle is an error" apply ant 1 /dev/null
	check "... and takes nothing back" apply ant 0 bundle
	check "... no peer" is 'j["peers"], j["nodes"]' "(2, 3)"
fi

# rotate

rotate() { # rotate EXPRESSION VALUE WORDS...: as ant
	WEFT_FLEET_STATE=$dir/state-ant run_is "$1" "$2" rotate prod "${@:3}"
}
rotation='j["changed"], j["rotation"], j["rotation_id"]'
check "announce" rotate "$rotation" "(True, 'announced', 'r1')" announce id r1
next=$(value 'j["next_public_key"]')
generation=$(value 'j["generation"]')
check "announce again" rotate "$rotation" "(False, 'announced', 'r1')" announce id r1
check "... with the same key" is 'j["next_public_key"], j["generation"]' "('$next', $generation)"
refuses() { # refuses TEXT WORDS...
	WEFT_FLEET_STATE=$dir/state-ant stays state-ant fails 1 "$1" rotate prod "${@:2}"
}
check "another rotation meanwhile" refuses "has not ended" announce id r2
check "change of another rotation" refuses "has not announced" change id r2
check "finish before the change" refuses "has not changed its key" finish id r1
check "undo of another rotation changes nothing" rotate "$rotation" "(False, 'announced', 'r1')" undo id r2
dry_change() {
	WEFT_FLEET_STATE=$dir/state-ant run_is 'j["changed"]' True --dry-run rotate prod change id r1
}
check "change in a dry run" stays state-ant dry_change
check "change" rotate "$rotation" "(True, 'changed', 'r1')" change id r1
check "... to the announced key" is 'j["public_key"], j["next_public_key"]' "('$next', None)"
check "change again" rotate "$rotation" "(False, 'changed', 'r1')" change id r1
check "undo after the change" refuses "has changed its key" undo id r1
check "finish" rotate "$rotation" "(True, 'none', 'r1')" finish id r1
check "finish again" rotate "$rotation" "(False, 'none', 'r1')" finish id r1
check "announce of a rotation that is over" rotate "$rotation" "(False, 'none', 'r1')" announce id r1
check "change of a rotation that is over" rotate "$rotation" "(False, 'none', 'r1')" change id r1
check "announce another" rotate "$rotation" "(True, 'announced', 'r2')" announce id r2
check "undo" rotate "$rotation" "(True, 'none', None)" undo id r2
check "undo again" rotate "$rotation" "(False, 'none', None)" undo id r2
check "an id with a blank" refuses "is not a word" announce id "r 3"
check "a phase that is none" refuses "unknown phase" begin
node_state ant hello prod
value 'j["record"]' >hello
check "the new key's hello is taken" run_is 'j["accepted"]' 1 put store st from hello

# A state folder that was restored from a backup

cp -r state-bee state-backup
WEFT_FLEET_STATE=$dir/state-bee fleet rotate prod announce id r1
WEFT_FLEET_STATE=$dir/state-bee fleet rotate prod change id r1
WEFT_FLEET_STATE=$dir/state-bee fleet rotate prod finish id r1
value 'j["record"]' >hello
fleet put store st from hello
rm -rf state-bee
mv state-backup state-bee
bundle_of st bundle
if unshare --map-root-user --net true 2>/dev/null; then
	remember bee bundle
	node_state bee hello prod
	value 'j["record"]' >hello
	check "the hello of a restored state folder is newer than all" run_is 'j["accepted"]' 1 put store st from hello
fi

# A serial that was a mistake

check "a serial that is too high" node_state cat hello prod serial 900
value 'j["record"]' >hello
check "... is refused" fails 2 "its serial is higher" put store st from hello
if unshare --map-root-user --net true 2>/dev/null; then
	remember cat bundle
	check "... and can be mended" node_state cat hello prod serial 1
	value 'j["record"]' >hello
	check "... with a hello that counts" run_is 'j["accepted"]' 1 put store st from hello
fi

# An admin key that was a mistake

wrong() {
	WEFT_FLEET_STATE=$dir/state-dog fleet hello prod node dog admins "${identity[ant]}" &&
		WEFT_FLEET_STATE=$dir/state-dog fleet hello prod admins "$ADMIN" &&
		WEFT_FLEET_STATE=$dir/state-dog fails 1 "'dog' is not admitted" --dry-run apply prod bundle
}
check "another admin key before the first bundle" wrong
many=$(for ((i = 0; i < 17; i++)); do "$WEFT" genkey; done | paste -sd,)
check "more admin keys than a state folder has" fails 1 "admins" hello many node ant admins "$many"
check "... leave no keys" [ ! -e state/many/self ]

# A successor of a killed writer, and the files of an editor

touch st/node/.ant.weft-1-00000000 st/.fleet.weft-1-00000000 st/node/.keep
check "a command that writes" run_is 'j["changed"]' True "${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.8/24
check "... removes what killed ones have left" none_of st/node/.ant.weft-1-00000000 st/.fleet.weft-1-00000000
check "... and nothing else" [ -e st/node/.keep ]
cp st/node/ant "st/node/ant~"
check "a copy that an editor has left is the same record" fleet list store st trust "$ADMIN"
check "... without a warning" [ ! -s err ]
rm "st/node/ant~"

# A crash may bring the file of a batch back after its node has said hello.

cat st/node/* >st/pending
check "a batch that is there again" run_is 'j["changed"]' False "${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.8/24
check "... is over" none_of st/pending
check "... and takes no hello away" [ -s st/hello/bee ]

# Revocations

check "revoke a node that is none" stays st fails 1 "is no node" revoke store st admin-key key node dog
check "a revocation of a name that the store has lost" run_is 'j["changed"]' True --dry-run revoke store st admin-key key node dog serial 9
check "a revocation with a serial of 2^40" run_is 'j["changed"]' True --dry-run revoke store st admin-key key node dog serial 1099511627776
check "revoke two, of which one is none" stays st fails 1 "is no node" revoke store st admin-key key node bee,dog
check "revoke in a dry run" stays st run_is 'j["changed"], [c.rsplit(" ", 1)[0] for c in j["changes"]]' \
	"(True, ['node bee: revoked, up to serial', 'node cat: revoked, up to serial'])" --dry-run revoke store st admin-key key node bee,cat
check "revoke" run_is 'j["changed"], j["epoch"] > 3' "(True, True)" revoke store st admin-key key node bee
EPOCH=$(value 'j["epoch"]')
check "... again" stays st run_is 'j["changed"], j["epoch"]' "(False, $EPOCH)" revoke store st admin-key key node bee
check "... removes its records" none_of st/node/bee st/hello/bee
check "a cache that has it" stays st fails 2 "revoked" put store st from bundle
check "a re-admission in a dry run" run_is 'j["changes"][0].rsplit(" ", 1)[0]' "node bee: admitted again, serial" \
	--dry-run "${admit[@]}" node bee identity "${identity[bee]}" address 10.7.0.2/24
check "a re-admission" run_is 'j["nodes"][0]["serial"] > 1' True "${admit[@]}" node bee identity "${identity[bee]}" address 10.7.0.2/24

# Admin keys: a new one comes in, then the old one goes

"$WEFT" -j fleet init x store x admin-key key2 >out
ADMIN2=$(value 'j["admin"]')
check "the old key lets the new one in" run_is 'j["epoch"]' $((EPOCH + 1)) init prod store st admin-key key admins "$ADMIN,$ADMIN2"
check "the new key does not know who let it in" stays st fails 1 "'trust' and this key" init prod store st admin-key key2 port 5000
check "the new key changes a setting" run_is 'j["epoch"]' $((EPOCH + 2)) init prod store st admin-key key2 port 5000 trust "$ADMIN"
check "a key that leaves itself out" stays st fails 1 "is not among them" init prod store st admin-key key2 admins "$ADMIN"
check "... and in a dry run" run_is 'sorted(j["changes"])[0].split(" -> ")[1], [c for c in j["changes"] if "again" in c][0]' \
	"('$ADMIN2', 'node ant: signed again, serial $(("$(sed 's/.*"serial":\([0-9]*\).*/\1/' st/node/ant)" + 1))')" \
	--dry-run init prod store st admin-key key2 admins "$ADMIN2"
check "the new key leaves the old one out" run_is 'j["epoch"]' $((EPOCH + 3)) init prod store st admin-key key2 admins "$ADMIN2"
check "the old key has no say" stays st fails 1 "admin key is none" "${admit[@]}" node ant identity "${identity[ant]}" address 10.7.0.77/24

# The owner of the store has a key, and puts a record there that names it beside the true one.

cp -r st owned
"$WEFT" fleet init prod store forged admin-key key3 >out
ADMIN3=$(cat out)
for port in 1 2 3 4 5 6 7 8; do
	"$WEFT" fleet init prod store forged admin-key key3 admins "$ADMIN2,$ADMIN3" port $port >out
done
cp forged/fleet owned/fleet
check "a record of a key that no admin has introduced: init" stays owned fails 1 "has not introduced" \
	init prod store owned admin-key key2 keepalive 9
check "... admit" stays owned fails 1 "has not introduced" \
	admit store owned admin-key key2 node eve identity "${identity[ant]}" address 10.7.0.99/24
check "... revoke" stays owned fails 1 "has not introduced" revoke store owned admin-key key2 node ant

# ... and puts other things in the place of files and folders.

cp -r st swapped
ln -sf "$dir/key2" swapped/node/link
mkfifo swapped/node/pipe
check "a link and a pipe in a store" fleet list store swapped trust "$ADMIN2"
check "... are no records" [ "$(grep -c "' is not a regular file" err)" = 2 ]
rm swapped/node/{link,pipe}
swaps() { # a record that is a pipe at one moment and a file at the next keeps no reader waiting
	python3 -c 'import os
mine, pipe = os.path.join("swapped", "mine"), os.path.join("swapped", "pipe")
os.mkfifo(pipe)
os.link("swapped/node/ant", mine)
while not os.path.exists("stop"):
    for name in pipe, mine:
        os.link(name, "swapped/new")
        os.replace("swapped/new", "swapped/node/ant")' &
	for ((i = 0; i < 50; i++)); do
		timeout 20 "$WEFT" fleet list store swapped trust "$ADMIN2" >out 2>err || break
	done
	touch stop
	wait
	[ "$i" = 50 ]
}
check "a record that is replaced by a pipe, again and again" swaps
mv swapped/node elsewhere
ln -s ../elsewhere swapped/node
check "a link in place of a folder" stays elsewhere fails 1 "'swapped/node' is not a folder" revoke store swapped admin-key key2 node ant

# Readers

says() { # says TEXT COMMAND...: on standard error, with status 0; without a TEXT nothing
	"${@:2}" && if [ "$1" ]; then grep -qF -- "$1" err; else [ ! -s err ]; fi
}
check "a reader without a key believes the store, and says so" says "'st' is believed" fleet list store st
check "... and names the key that would verify it" grep -q "trust $ADMIN2" err
check "... render, too" says "is believed" fleet render store st node ant
check "... a bundle is verified by each node" says "" fleet bundle store st
check "the admin key verifies it" says "" fleet list store st trust "$ADMIN2"
check "... and so does the one before, by the records in between" says "" fleet list store st trust "$ADMIN"
check "... not another one" fails 1 "has not introduced" list store st trust "$ADMIN3"
check "a forged store is not that of the admin key" fails 1 "has not introduced" list store owned trust "$ADMIN2"
for verb in list bundle "render node ant"; do
	read -ra verb <<<"$verb"
	check "a node verifies with the keys that it knows: ${verb[0]}" says "" node_state ant "${verb[0]}" store st "${verb[@]:1}"
	check "... and refuses a forged store" node_fails ant "'owned/fleet'" "${verb[0]}" store owned "${verb[@]:1}"
done
if unshare --map-root-user --net true 2>/dev/null; then
	cp -r st ahead
	cp -r state-ant state-seer
	fleet init prod store ahead admin-key key2 keepalive 7
	bundle_of ahead bundle
	remember seer bundle
	check "... and has seen a later epoch than a store that was set back" says "this machine has seen epoch $((EPOCH + 4))" \
		node_state seer list store st
fi

bundle_of st bundle
WEFT_FLEET_STATE=$dir/state-old fleet hello prod node ant admins "$ADMIN"
WEFT_FLEET_STATE=$dir/state-new fleet hello prod node ant admins "$ADMIN2"
check "a node that has missed it all follows" apply old 0 bundle
check "... to the newest epoch" is 'j["epoch"], j["nodes"]' "($((EPOCH + 3)), 3)"
check "a new node that knows the new key" apply new 0 bundle
check "... has all nodes" is 'j["epoch"], j["nodes"]' "($((EPOCH + 3)), 3)"
mkdir copy
cp "st/fleet.$EPOCH" copy/fleet
check "a store that was behind" run_is 'j["changed"]' True put store copy from bundle
bundle_of copy bundle2
check "... carries the chain, too" apply old 0 bundle2

# Two at once

two() { # two COMMAND COMMAND: the status of both
	local first second

	bash -c "$1" >out1 2>err1 &
	first=$!
	bash -c "$2" >out2 2>err2 &
	second=$!
	wait "$first" && wait "$second"
}
for i in 1 2 3 4 5; do
	rm -rf race race-key
	init="'$WEFT' fleet init prod store race admin-key race-key"
	check "two first inits at once: one key" two "$init" "$init"
	check "... which has signed the fleet" fleet init prod store race admin-key race-key
done
race_admit() { # race_admit NODE LAST
	echo "for i in 1 2 3 4 5; do '$WEFT' fleet admit store race admin-key race-key node $1 identity $2 address 10.7.0.$3 prefix 10.9.\$i.$3/32 || exit; done"
}
check "two that admit at once" two "$(race_admit ant "${identity[ant]}" 1)" "$(race_admit bee "${identity[bee]}" 2)"
check "... lose nothing" run_is '[(n["node"], n["serial"]) for n in j["nodes"]]' "[('ant', 5), ('bee', 5)]" list store race
first="'$WEFT' fleet hello race node ant admins $ADMIN serial 1"
check "two first hellos at once" two "$first" "$first"
check "... have one identity" [ "$(cut -d' ' -f3 out1)" = "$(cut -d' ' -f3 out2)" ]

# Killed at any moment: a command that follows finds whole files

# Sets took to the microseconds that the command takes.
time_of() { # time_of COMMAND...
	local before=${EPOCHREALTIME/./}

	"$@" >/dev/null 2>&1
	took=$((${EPOCHREALTIME/./} - before))
}

# Starts a command and kills it, in the first of 60 calls at once, in the last after 1.5 times what it takes.
start_and_kill() { # start_and_kill CALL COMMAND...
	local pid

	"${@:2}" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf '%d.%06d' $((took * $1 / 40 / 1000000)) $((took * $1 / 40 % 1000000)))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
}

kill_some() { # kill_some COMMAND...
	local i

	for ((i = 0; i < 60; i++)); do
		start_and_kill $i "$@"
	done
}
mkdir killed timed
# Each call moves all nodes to another network.
is_one_batch() {
	fleet list store killed/st && is 'len({a.split(".")[2] for n in j["nodes"] for a in n["addresses"]}) < 2 and len(j["nodes"]) in (0, 2)' True
}
# The first 60, and as many more as it takes until one has admitted the nodes: a busy machine is slower than it was when
# the command was timed.
kill_admits() {
	local i

	for ((i = 0; i < 6000; i++)); do
		[ $i -lt 60 ] || ! compgen -G 'killed/st/node/*' >/dev/null || return 0
		sed "s/10\.7\.0/10.7.$((i % 250))/" from.json >"from-$i.json"
		start_and_kill $i "$WEFT" fleet admit store killed/st admin-key killed/key from "from-$i.json"
		is_one_batch || return
	done
	return 1
}
lines_are_whole() { # each file of a store is one line
	local file

	for file in killed/st/fleet killed/st/node/*; do
		[ "$(wc -l <"$file")" = 1 ] && [ -z "$(tail -c 1 "$file")" ] && continue
		echo "# $file is not one line: $(wc <"$file") lines, words, bytes"
		return 1
	done
}
time_of "$WEFT" fleet init prod store timed/st admin-key timed/key
kill_some "$WEFT" fleet init prod store killed/st admin-key killed/key
check "init after 60 that were killed" fleet init prod store killed/st admin-key killed/key
time_of "$WEFT" fleet admit store timed/st admin-key timed/key from from.json
check "each of 60 admissions that were killed is there as a whole, or not at all" kill_admits 2>killed/err
check "records are whole after 60 admissions that were killed" lines_are_whole
check "... and the store is read" fleet list store killed/st trust "$("$WEFT" fleet init prod store killed/st admin-key killed/key)"
check "... without a warning" [ ! -s err ]
check "... and written" run_is 'len(j["nodes"])' 2 admit store killed/st admin-key killed/key from from.json
WEFT_FLEET_STATE=$dir/timed time_of "$WEFT" fleet hello prod node ant admins "$ADMIN"
WEFT_FLEET_STATE=$dir/killed kill_some "$WEFT" fleet hello prod node ant admins "$ADMIN"
check "hello after 60 that were killed" node_state killed hello prod node ant admins "$ADMIN" serial 1
for ((i = 0; i < 12; i++)); do
	for phase in announce change finish; do
		WEFT_FLEET_STATE=$dir/state-killed start_and_kill $((i * 5)) "$WEFT" fleet rotate prod $phase id "k$i"
	done
done 2>/dev/null
go_on() {
	node_state killed rotate prod finish || node_state killed rotate prod undo
}
check "rotations that were killed go on" go_on
check "... with a record that counts" is 'j["record"] is not None' True
leftovers() {
	[ -z "$(find state-killed killed -name '.*.weft-*' | head -n 1)" ]
}
node_state killed rotate prod announce
check "no successor of a killed writer stays" leftovers

# A full disk: with each number of free pages all nodes are admitted, or none

full() { # full FIRST LAST: prints "PAGES: STATUS NODES PENDING, NODES PENDING" for each number of pages, the second pair later
	local pages status

	for ((pages = $1; pages <= $2; pages++)); do
		mount -t tmpfs -o "size=$((4 * pages))k" tmpfs full && cp -r st-full full/st || return
		"$WEFT" fleet admit store full/st admin-key key from full.json >/dev/null 2>&1
		status=$?
		echo -n "$pages: $status $("$WEFT" -j fleet list store full/st 2>&1 | grep -c '"node":') $(find full/st -name pending | wc -l)"
		mount -o remount,size=1m full
		"$WEFT" fleet admit store full/st admin-key key from full.json >/dev/null 2>&1 || echo -n " failed"
		echo ", $("$WEFT" -j fleet list store full/st 2>&1 | grep -c '"node":') $(find full/st -name pending | wc -l)"
		umount full
	done
}
counted() { # counted REGEX: so many lines of the full disks
	grep -cE "$1" full.out
}
no_half() {
	! grep -vE '^[0-9]+: (1 2 0|0 8 [01]), 8 0$' full.out
}
if unshare --map-root-user --mount mount -t tmpfs tmpfs /mnt 2>/dev/null; then
	mkdir full
	"$WEFT" fleet init prod store st-full admin-key key >/dev/null
	for ((i = 1; i <= 8; i++)); do
		printf '{"node":"n%s","public_key":"%s","addresses":["10.5.0.%s/24"]}\n' "$i" "$("$WEFT" genkey | "$WEFT" pubkey)" "$i"
	done | paste -sd, | sed 's/.*/[&]/' >full.json
	"$WEFT" fleet admit store st-full admin-key key from <(sed 's/},{/}\n{/g' full.json | sed -n '1s/$/,/p; 2s/$/]/p') >/dev/null
	export WEFT
	export -f full
	unshare --map-root-user --mount bash -c 'full 3 14' >full.out 2>err
	cp full.out out
	check "a full disk admits all nodes or none, and a rerun the rest" no_half
	check "... none with little room" [ "$(counted ': 1 2 0')" -gt 0 ]
	check "... all with more, whose files are written later" [ "$(counted ': 0 8 1')" -gt 0 ]
	check "... all with enough" [ "$(counted ': 0 8 0')" -gt 0 ]
	cp -r st-full behind
	sed -n '$p' behind/node/n1 behind/node/n2 >behind/pending
	fleet admit store behind admin-key key node n1 public-key "$("$WEFT" genkey | "$WEFT" pubkey)" address 10.5.0.77/24
	check "a batch of before is over" none_of behind/pending
	sed -n p st-full/node/n1 st-full/node/n2 >behind/pending
	check "a batch that is older than its files" fleet admit store behind admin-key key node n2 \
		public-key "$("$WEFT" genkey | "$WEFT" pubkey)" address 10.5.0.78/24
	check "... changes none of them" run_is '[n["addresses"][0] for n in j["nodes"]]' "['10.5.0.77/24', '10.5.0.78/24']" list store behind
fi

# Mistakes, and what leads out of them

fresh() { # fresh STORE: a fleet of one node, whose hello is in the file hello-back
	"$WEFT" fleet init prod store "$1" admin-key key topology hub keepalive 25 >out &&
		node_state back hello prod node back admins "$ADMIN" endpoint 192.0.2.1:1 &&
		identity_back=$(value 'j["identity"]') &&
		fleet admit store "$1" admin-key key node back identity "$identity_back" address 10.8.0.1/24 &&
		WEFT_FLEET_STATE=$dir/state-back "$WEFT" fleet hello prod serial 1 >hello-back && fleet put store "$1" from hello-back
}
check "a fleet of one" fresh back
bundle_of back back-bundle
check "a lost store is made of a bundle" run_is 'j["accepted"]' 3 put store back-again from back-bundle
check "... with the fleet's settings" run_is 'j["topology"], j["keepalive"], j["epoch"]' "('hub', 25, 1)" list store back-again
check "... and the admin key signs it" run_is 'j["epoch"]' 2 init prod store back-again admin-key key keepalive 26
check "a text without a fleet makes no store" fails 1 "has no fleet" put store none-of-it from hello-back
check "no record at all" stays back fails 1 "has no record" put store back from /dev/null

cp -r state-back state-before
node_state back hello prod endpoint 192.0.2.1:2
value 'j["record"]' >second
fleet put store back from second
rm -r state-back && mv state-before state-back
node_state back hello prod endpoint 192.0.2.1:3
value 'j["record"]' >third
check "a restored folder repeats a generation" fails 2 "was seen with other contents" put store back from third
bundle_of back back-bundle
WEFT_FLEET_STATE=$dir/state-back "$WEFT" fleet apply prod back-bundle >out 2>err
node_state back hello prod
value 'j["record"]' >fourth
check "... and goes past it after an apply" run_is 'j["accepted"]' 1 put store back from fourth

node_state clone hello prod node back admins "$ADMIN"
WEFT_FLEET_STATE=$dir/state-clone "$WEFT" fleet apply prod back-bundle --dry-run >out 2>err
check "a machine with another identity is told" grep -q "another identity than this machine" err
check "an admin key of zeros" fails 1 "is not a key" hello zeros node a admins AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
check "an endpoint by name" node_fails back "names are for the admin" hello prod endpoint back.example:1
check "an endpoint of loopback" node_fails back "of hosts" hello prod endpoint 127.0.0.1:1
printf '[\n{"node": "x" "y"}\n]\n' >bad.json
check "where JSON is wrong" fails 1 "line 2" admit store back admin-key key from bad.json
fleet admit store back admin-key key node back identity "$identity_back" address 10.8.0.1/24 not-after 100
bundle_of back back-bundle
WEFT_FLEET_STATE=$dir/state-back "$WEFT" fleet apply prod back-bundle >out 2>err
check "a node whose admission is over announces no key" node_fails back "not_after" rotate prod announce

cp -r back set-back
fleet revoke store set-back admin-key key node back
fleet revoke store back admin-key key node ghost serial 7
fleet init prod store back admin-key key keepalive 30
bundle_of back newer
check "a store that was set back loses no revocation without a word" fails 2 "revocation of 'back'" put store set-back from newer

# The script of the collection that writes the bundle, and the script that all nodes run as root

collect_script=$(sed -n '/^weft_collect_script: |/,/^[^ ]/s/^  //p' "$sources/tools/ansible/roles/node/vars/main.yml")
collects() { # collects TEXT: into shared/bundle; it fails with the TEXT, or for none it does not
	if bash -c "$collect_script" "$WEFT" st shared/bundle shared/bundle.sh "exit 0" </dev/null >out 2>err; then
		[ ! "$1" ] && [ -s shared/bundle ] && [ -s shared/bundle.sh ]
	else
		[ "$1" ] && grep -qF -- "$1" err && none_of shared/bundle shared/bundle.sh
	fi
}
mkdir -m 777 shared
check "the nodes' script where others can replace it" collects "other users can replace the nodes' script in shared"
chmod 775 shared
check "... or a group" collects "other users can replace"
chmod 1777 shared
check "... where they can only add files" collects ""
chmod 755 shared
check "... where they cannot write" collects ""

# Leave

leave() { # leave EXPRESSION VALUE [OPTIONS]...: of a node of fleet prod, in namespaces of its own without a link
	WEFT_FLEET_STATE=$dir/state-away unshare --map-root-user --net "$WEFT" -j "${@:3}" fleet leave prod >out 2>err && is "$1" "$2"
}
is_aside() {
	[ -s "state-away/prod~/self" ] && [ ! -e state-away/prod ]
}
is_zeros() { # is_zeros FILE: it has some
	[ -s "$1" ] && [ -z "$(tr -d '\0' <"$1")" ]
}
if unshare --map-root-user --net true 2>/dev/null; then
	node_state away hello prod node away admins "$ADMIN"
	what='j["changed"], len(j["changes"]), j["aside"] is not None'
	check "leave in a dry run" stays state-away leave "$what" "(True, 1, False)" --dry-run
	check "leave" leave "$what" "(True, 1, True)"
	check "... names the unit that is left" grep -q "systemctl disable weft-fleet-apply@prod" err
	check "... and puts the state aside" is_aside
	check "... again" stays state-away leave "$what" "(False, 0, True)"
	check "... is no fleet of this machine any more" node_fails away "is in no fleet" status prod
	mv "state-away/prod~" state-away/prod
	check "... and is taken back by a rename" node_state away hello prod
	leave "$what" "(True, 1, True)"
	node_state away hello prod node away admins "$ADMIN"
	echo damaged >state-away/prod/memory
	check "leave twice, with a damaged memory" leave "$what" "(True, 1, True)"
	check "... has one state aside" [ "$(ls state-away)" = "prod~" ]
	ln "state-away/prod~/self" witness
	check "leave for ever in a dry run" stays state-away leave "$what" "(True, 1, True)" --really --dry-run
	check "leave for ever" leave "$what" "(True, 1, False)" --really
	check "... keeps no file" none_of state-away/prod "state-away/prod~"
	check "... and overwrites the keys" is_zeros witness
	check "... again" leave "$what" "(False, 0, False)" --really
	node_state away hello prod node away admins "$ADMIN"
	mkdir state-away/prod/deep
	check "a folder in the state is not weft's" node_fails away "cannot remove" leave prod --really
	rmdir "state-away/prod~/deep"
	check "... and without it the rest goes" leave "$what" "(True, 1, False)" --really
fi
check "leave a fleet that this machine never joined" run_is 'j["changed"]' False leave nothing
check "leave with a path" fails 1 "is not the name of a fleet" leave ../x

# Files of wg-quick

key_one=$("$WEFT" genkey)
key_two=$("$WEFT" genkey)
mkdir wg-quick
cat >wg-quick/one.conf <<END
[Interface]
PrivateKey = $key_one
Address = 10.9.0.1/24
DNS = 192.0.2.53
PostUp = true
ListenPort = 51821
[Peer]
PublicKey = $("$WEFT" pubkey <<<"$key_two")
PresharedKey = $("$WEFT" genpsk)
AllowedIPs = 10.9.0.2/32, 10.10.0.0/16
[Peer]
PublicKey = $("$WEFT" genkey | "$WEFT" pubkey)
AllowedIPs = 10.9.0.9/32
END
cat >wg-quick/two.conf <<END
[Interface]
PrivateKey = $key_two
Address = 10.9.0.2/24
[Peer]
PublicKey = $("$WEFT" pubkey <<<"$key_one")
Endpoint = one.example:51821
AllowedIPs = 0.0.0.0/0
END
check "an import" run_is '[(n["node"], n["addresses"], n["prefixes"], n["endpoints"]) for n in j][1]' \
	"('two', ['10.9.0.2/24'], ['10.10.0.0/16'], [])" import prod one=wg-quick/one.conf two=wg-quick/two.conf
for word in DNS PostUp "preshared key" "has no file here" "default route"; do
	check "... does not drop without a word: $word" grep -q "$word" err
done
taken_over() { # the key of "two" comes from its file, its public half from the import
	"$WEFT" -j fleet import prod one=wg-quick/one.conf two=wg-quick/two.conf >imported 2>err
	key_of_two=$(python3 -c 'import json; print([n["public_key"] for n in json.load(open("imported")) if n["node"] == "two"][0])')
	sed -n 's/^PrivateKey *= *//p' wg-quick/two.conf >two.key
	node_state two hello prod node two admins "$ADMIN" private-key - <two.key && is 'j["public_key"]' "$key_of_two"
}
taken_in() { # the import with the node's identity is admitted, and the hello of that key counts
	node_state two hello prod
	identity_two=$(value 'j["identity"]')
	"$WEFT" fleet init prod store imports admin-key key >out 2>err &&
		fleet admit store imports admin-key key from imported &&
		python3 - "$identity_two" <<-'END' >with-identity &&
			import json, sys
			nodes = json.load(open("imported"))
			[node.update(identity=sys.argv[1]) for node in nodes if node["node"] == "two"]
			print(json.dumps(nodes))
		END
		fleet admit store imports admin-key key from with-identity &&
		node_state two hello prod serial "$(value '[n["serial"] for n in j["nodes"] if n["node"] == "two"][0]')" &&
		value 'j["record"]' >hello && run_is 'j["accepted"], j["refused"]' "(1, [])" put store imports from hello
}
check "a node takes its key over" taken_over
check "... again, with a file" node_state two hello prod node two admins "$ADMIN" private-key two.key
check "... which changes nothing" is 'j["changed"], j["public_key"]' "(False, '$key_of_two')"
check "... not another key" node_fails two "has another tunnel key" hello prod private-key <("$WEFT" genkey)
check "... and is admitted with it" taken_in
check "... as a peer of the others" [ "$("$WEFT" fleet render store imports node one trust "$ADMIN" | grep -cF "$key_of_two")" = 1 ]
check "... without its private key in any output" [ -z "$(grep -lrF "$key_two" imported with-identity imports)" ]
check "one file twice" fails 1 "the same private key" import prod one=wg-quick/one.conf three=wg-quick/one.conf

echo "1..$count"
exit $failed
