#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The collection weft.fleet against a node that was taken over: its answers, and the facts that its modules return, run
# nothing on the controller and change no other node's records. Three nodes on this machine, without a kernel; skipped
# (status 4) without ansible-core.
#
#   hostile.sh path/to/weft

# The functions are called through check().
# shellcheck disable=SC2317

WEFT=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v ansible-playbook >/dev/null; then
	echo "1..0 # SKIP ansible-playbook is not installed"
	exit 4
fi
count=0
failed=0
umask 077
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
mkdir -p bin coll/ansible_collections/weft state
ln -s "$here/../../tools/ansible" coll/ansible_collections/weft/fleet
export ANSIBLE_COLLECTIONS_PATH=$dir/coll ANSIBLE_COLLECTIONS_PATHS=$dir/coll ANSIBLE_HOME=$dir/home ANSIBLE_NOCOWS=1
export ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_INVENTORY_UNPARSED_WARNING=False ANSIBLE_NOCOLOR=1 LC_ALL=C.UTF-8

check() { # check NAME COMMAND...
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		tail -n 40 log | sed 's/^/#   /'
		failed=1
	fi
}

# Without a kernel's module a real apply remembers the records, and fails; a dry run then gives the answer.
node_command() { # node_command NODE
	cat >"bin/weft-$1" <<-END
		#!/bin/bash
		export WEFT_FLEET_STATE=$dir/state/$1
		case " \$* " in
		*" apply "*)
			cat >$dir/bundle-of-$1
			unshare --map-root-user --net "$WEFT" "\$@" <$dir/bundle-of-$1 >/dev/null 2>&1
			exec "$WEFT" --dry-run "\$@" <$dir/bundle-of-$1
			;;
		*" doctor "*) echo '[]'; exit ;;
		*" show "* | *" wait "*) exit ;;
		esac
		if [ -x bin/lie-$1 ]; then "$WEFT" "\$@" | $dir/bin/lie-$1; else exec "$WEFT" "\$@"; fi
	END
	chmod +x "bin/weft-$1"
}

# The owner of a node puts this in the place of its python3.
cat >bin/python-of-spark <<END
#!/usr/bin/python3
import json
import os
import subprocess
import sys

said = subprocess.run(["/usr/bin/python3", *sys.argv[1:]], stdin=sys.stdin, capture_output=True)
out = said.stdout
if os.path.exists("$dir/facts.json"):
    try:
        result = json.loads(out)
        result["ansible_facts"] = json.load(open("$dir/facts.json"))
        out = json.dumps(result).encode()
    except ValueError:
        pass
sys.stdout.buffer.write(out)
sys.stderr.buffer.write(said.stderr)
sys.exit(said.returncode)
END
chmod +x bin/python-of-spark

cat >inventory.yml <<END
weft:
  hosts:
    spark: {weft_address: 10.77.0.3/24, ansible_python_interpreter: $dir/bin/python-of-spark}
    ember: {weft_address: 10.77.0.1/24}
    litespeed: {weft_address: 10.77.0.2/24}
  vars:
    ansible_connection: local
    ansible_become: false
    ansible_python_interpreter: /usr/bin/python3
    weft_fleet: prod
    weft_store: $dir/store
    weft_install: none
    weft_gate: false
    weft_wait: 0
    weft_service: ""
    weft_bundle_dest: "$dir/state/{{ inventory_hostname }}/bundle"
    weft_command: "$dir/bin/weft-{{ inventory_hostname }}"
    weft_controller_command: $WEFT
END
for node in ember litespeed spark; do
	mkdir -p "state/$node"
	node_command $node
done

play() { # play PLAYBOOK [OPTIONS...]: its status
	# Stand-ins are called from the folder that they are made in.
	ansible-playbook -i inventory.yml "weft.fleet.$1" "${@:2}" >log 2>&1 </dev/null
}

lie() { # lie EXPRESSION: spark's answers o are changed by it
	cat >bin/lie-spark <<-END
		#!/usr/bin/python3
		import json, sys
		text = sys.stdin.read()
		try:
		    o = json.loads(text)
		except ValueError:
		    print(text, end="")
		    sys.exit()
		$1
		print(json.dumps(o))
	END
	chmod +x bin/lie-spark
}

honest() {
	rm -f bin/lie-spark facts.json
}

listed() { # listed EXPRESSION VALUE: of the store's nodes n, by name
	local got

	got=$("$WEFT" -j fleet list store store 2>/dev/null | python3 -c 'import json, sys
n = {node["node"]: node for node in json.load(sys.stdin)["nodes"]}
print(eval(sys.argv[1]))' "$1")
	[ "$got" = "$2" ] && return
	echo "# $1 is '$got', not '$2'"
	return 1
}

nothing_ran() {
	[ ! -e "$dir/ran" ]
}

records() {
	cat store.bundle store/*/*
}

check "three nodes become a mesh" play mesh
check "... all of them" listed 'sorted(n)' "['ember', 'litespeed', 'spark']"
records_before=$(records)
check "a second run" play mesh
check "... changes no record" [ "$(records)" = "$records_before" ]

# shellcheck disable=SC2016 # for Jinja
lie 'o["rotation"], o["rotation_id"] = "announced", "x{{ lookup(\"ansible.builtin.pipe\", \"touch '"$dir"'/ran\") }}"'
play rotate
check "a rotation's name that is a template runs nothing" nothing_ran
honest

echo '{"weft_prefixes": ["10.99.0.0/16"], "weft_hub": true}' >facts.json
play mesh
check "facts change no prefix of their node" listed '"prefixes" in n["spark"], n["spark"].get("hub", False)' "(False, False)"
echo "{\"weft_controller_command\": \"touch $dir/ran; weft\"}" >facts.json
play mesh
play mesh --limit spark
check "facts name no command of the controller" nothing_ran
echo "{\"weft_bundle_file\": \"$dir/store.key\"}" >facts.json
play mesh
check "facts send no other file of the controller" \
	eval '! grep -qF "$(cat store.key)" state/spark/bundle'
honest

identity=$("$WEFT" -j fleet list store store | python3 -c 'import json, sys
print([n for n in json.load(sys.stdin)["nodes"] if n["node"] == "ember"][0]["identity"])')
echo '{"weft_node": "ember", "weft_address": "10.77.0.1/24"}' >facts.json
lie 'o["node"] = "ember"'
play mesh --limit litespeed,spark
check "a node takes no other one's name" listed 'n["ember"]["identity"]' "$identity"
honest
lie 'o["identity"] = "garbage"'
play mesh
check "an identity that is no key leaves the others alone" listed 'sorted(n)' "['ember', 'litespeed', 'spark']"
honest
lie 'o["record"] = "weft-fleet/1 hello {{ lookup(\"ansible.builtin.pipe\", \"touch '"$dir"'/ran\") }}"'
play mesh
check "a hello that is a template runs nothing" nothing_ran
honest

mkdir secret
echo precious >secret/key
rm -f store/bundle store.bundle
ln -s "$dir/secret" store.bundle
ln -s "$dir/secret" store/bundle
check "a link in the place of the bundle" play mesh
check "... is not followed" eval '[ "$(ls secret)" = key ] && [ ! -e state/spark/bundle/key ]'

check "the mesh is as before" listed 'sorted(n)' "['ember', 'litespeed', 'spark']"
check "a node is revoked" play revoke -e weft_revoke=spark
check "... and out" listed '[name for name in sorted(n) if not n[name]["revoked"]]' "['ember', 'litespeed']"

echo "1..$count"
exit $failed
