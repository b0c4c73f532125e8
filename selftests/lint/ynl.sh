#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink family's generated files: the uapi header and the kernel's attribute policy come from
# Documentation/netlink/specs/weft.yaml through the kernel's own generator.
#
#   ynl.sh KERNEL_SOURCE generate     writes them
#   ynl.sh KERNEL_SOURCE check        fails if the committed files differ
set -eu -o pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
source_tree=${1:?a kernel source tree of Linux 6.12 is needed}
mode=${2:?generate or check}
generator=$source_tree/tools/net/ynl/ynl-gen-c.py
spec=Documentation/netlink/specs/weft.yaml

[ -e "$generator" ] || { echo "ynl.sh: $generator does not exist" >&2; exit 1; }

# The generator needs the schemas beside specs/ and searches upwards for a file MAINTAINERS: both are provided.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/Documentation/netlink/specs"
cp "$source_tree"/Documentation/netlink/*.yaml "$work/Documentation/netlink/"
cp "$top/$spec" "$work/$spec"
: >"$work/MAINTAINERS"

# An explicit interpreter: the generator needs Debian's python3-yaml and python3-jsonschema.
generate() { # generate FILE ARGUMENTS...
	local out=$1
	shift
	(cd "$work" && /usr/bin/python3 "$generator" --spec "$spec" -o "$out" "$@")
}
generate weft.h --mode uapi --header
generate netlink-gen.h --mode kernel --header
generate netlink-gen.c --mode kernel --source

# For an array of nests, 6.12's generator writes NLA_INDEXED_ARRAY, which no kernel has.
sed -i -e '/_A_PEERS\]/s/{ .type = NLA_INDEXED_ARRAY, }/NLA_POLICY_NESTED_ARRAY(weft_peer_nl_policy)/' \
       -e '/_A_ALLOWEDIPS\]/s/{ .type = NLA_INDEXED_ARRAY, }/NLA_POLICY_NESTED_ARRAY(weft_allowedip_nl_policy)/' \
       -e '/_A_CANDIDATES\]/s/{ .type = NLA_INDEXED_ARRAY, }/NLA_POLICY_NESTED_ARRAY(weft_candidate_nl_policy)/' \
	"$work/netlink-gen.c"
# The generator does not export the groups, nor does it support a capability for their listeners.
sed -i -e 's/^static \(const struct genl_multicast_group\)/\1/' \
       -e 's/{ "events", }/{ "events", GENL_MCAST_CAP_NET_ADMIN, }/' "$work/netlink-gen.c"
sed -i '/^int weft_nl_get_device_dumpit/i extern const struct genl_multicast_group weft_nl_mcgrps[1];\n' "$work/netlink-gen.h"
if grep -n NLA_INDEXED_ARRAY "$work/netlink-gen.c" >&2; then
	echo "ynl.sh: an array of nests without a policy" >&2
	exit 1
fi

status=0
while read -r made kept; do
	if [ "$mode" = generate ]; then
		mkdir -p "$(dirname "$top/$kept")"
		cp "$work/$made" "$top/$kept"
	elif ! diff -u "$top/$kept" "$work/$made"; then
		echo "ynl.sh: $kept is not what $spec generates; run 'make generate'" >&2
		status=1
	fi
done <<'LIST'
weft.h kmod/uapi/linux/weft.h
netlink-gen.h kmod/control/netlink-gen.h
netlink-gen.c kmod/control/netlink-gen.c
LIST
exit $status
