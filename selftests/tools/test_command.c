// SPDX-License-Identifier: GPL-2.0
/*
 * The command line: for each command good and bad words, with the exit status, standard output and
 * error, and the request to the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/version.h"
#include "conf/setting.h"
#include "print/fields.h"
#include "support.h"

#define WORDS_MAX	16

#define HELP_USAGE "Usage: weft [-j|--json] [--show-keys] [--dry-run] [--really] [COMMAND [ARGUMENTS]]\n\nCommands:\n"
#define SET_USAGE "Usage: weft set IFACE [SETTING VALUE]... [peer KEY|NAME [remove] [SETTING VALUE]...]...\n"
#define FIELDS	"public-key, private-key, listen-port, fwmark, peers, preshared-keys, endpoints, " \
		"allowed-ips, latest-handshakes, persistent-keepalive, transfer, " \
		"listen-address, bind-device, candidates, roam, names, state, " \
		"previous-public-key, next-keys, previous-keys, identities, drops, dump"
#define COMMANDS "show, showconf, set, rotate, setconf, addconf, syncconf, up, check, down, save, strip, resolve, monitor, top, wait, metrics, doctor, fleet, genkey, genpsk, pubkey, help"

#define NOT_OPTION(word) "weft: unknown option '" word "': use -j, --json, --show-keys, --dry-run, --really, -h, --help, -v or --version, and '--' before other words\n"

static const char wft0_conf[] =
	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
	"[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.0.0.1/32\nPersistentKeepalive = 25\nName = hub\n";
static const char wg0_conf[] = "[Interface]\nFwMark = 1\n";

/**
 * struct command_case - one command line
 * @words: the words after the program's name, separated by blanks; "''" is
 *         an empty one, and a file's name stands for one in the scratch folder
 * @input: the standard input
 * @status: the exit status
 * @out: the standard output, NULL to ignore it
 * @err: the standard error
 * @sent: the request to the kernel
 * @fail_get: the error of reading an interface
 * @fail_set: the error of the kernel
 * @fail_taken: the error is a conflict with another peer
 */
struct command_case {
	const char *words;
	const char *input;
	int status;
	const char *out;
	const char *err;
	const char *sent;
	const char *fail_get;
	const char *fail_set;
	bool fail_taken;
};

static const struct command_case cases[] = {
	/* Commands. */
	{ "--version", .out = "weft " WEFT_VERSION "\n" },
	{ "-v", .out = "weft " WEFT_VERSION "\n" },
	{ "frobnicate", .status = 1, .out = "",
	  .err = "weft: unknown command 'frobnicate': use " COMMANDS "\n" },
	{ "--frobnicate", .status = 1, .out = "", .err = NOT_OPTION("--frobnicate") },
	{ "show -x", .status = 1, .out = "", .err = NOT_OPTION("-x") },
	{ "monitor --follow", .status = 1, .out = "", .err = NOT_OPTION("--follow") },
	{ "doctor wft0 wg0", .status = 3, .out = "",
	  .err = "weft: doctor: unexpected argument 'wg0'\nUsage: weft doctor [IFACE]\n" },
	{ "doctor -q wft0", .status = 3, .out = "", .err = NOT_OPTION("-q") },
	{ "set -x listen-port 5", .status = 1, .out = "", .err = NOT_OPTION("-x") },
	{ "-- show wg0 fwmark", .out = "0x1\n" },
	{ "show -- wg0 fwmark", .out = "0x1\n" },
	{ "show -- -j", .status = 1, .out = "",
	  .err = "weft: cannot read interface '-j': No such device\n" },
	{ "set wft0 peer hub allowed-ips -10.0.0.1", .sent = "wft0:\npeer A: -10.0.0.1/32\n" },
	{ "set -- wft0 peer hub name -j", .sent = "wft0:\npeer A: name='-j'\n" },
	{ "set wft0 -x 5", .status = 1,
	  .err = "weft: set: unknown setting '-x' of an interface: use listen-port, fwmark, listen-address, bind-device, private-key, pmtu, dscp or peer\n" },
	{ "show --version", .out = "weft " WEFT_VERSION "\n" },
	{ "help frobnicate", .status = 1, .out = "",
	  .err = "weft: unknown command 'frobnicate': use " COMMANDS "\n" },
	{ "help set set", .status = 1, .out = "",
	  .err = "weft: help: unexpected argument 'set'\nUsage: weft help [COMMAND]\n" },
	{ "help genpsk", .out = "Usage: weft genpsk\n\ngenpsk: print a new preshared key\n" },
	{ "genpsk --help", .out = "Usage: weft genpsk\n\ngenpsk: print a new preshared key\n" },
	{ "help", .out = NULL },
	{ "--help", .out = NULL },

	/* Keys. */
	{ "pubkey", .input = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=\n",
	  .out = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n" },
	{ "pubkey", .input = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=",
	  .out = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n" },
	{ "pubkey", .input = "", .status = 1, .out = "",
	  .err = "weft: pubkey: the standard input is not a key: 0 characters instead of 44 of base64\n" },
	{ "pubkey", .input = KEY_A "x\n", .status = 1, .out = "",
	  .err = "weft: pubkey: the standard input is not a key: 45 characters instead of 44 of base64\n" },
	{ "pubkey", .input = "secret\n", .status = 1, .out = "",
	  .err = "weft: pubkey: the standard input is not a key: 6 characters instead of 44 of base64\n" },
	{ "pubkey file", .status = 1, .out = "",
	  .err = "weft: pubkey: unexpected argument 'file'\nUsage: weft pubkey\n" },
	{ "genkey 2", .status = 1, .out = "",
	  .err = "weft: genkey: unexpected argument '2'\nUsage: weft genkey\n" },
	{ "genkey -j", .status = 1, .out = "",
	  .err = "weft: genkey: no JSON output\nUsage: weft genkey\n" },

	/* Output. */
	{ "show interfaces", .out = "wft0 wg0\n" },
	{ "show wft0 listen-port", .out = "51820\n" },
	{ "show all listen-port", .out = "wft0\t51820\nwg0\t0\n" },
	{ "show wg0 fwmark", .out = "0x1\n" },
	{ "show all fwmark", .out = "wft0\toff\nwg0\t0x1\n" },
	{ "show wft0 private-key", .out = KEY_P "\n" },
	{ "show wg0 private-key", .out = "(none)\n" },
	{ "show all persistent-keepalive", .out = "wft0\t" KEY_A "\t25\n" },
	{ "show nope", .status = 1, .out = "",
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "show nope --json", .status = 1, .out = "",
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "show wft0 colour", .status = 1, .out = "",
	  .err = "weft: show: unknown field 'colour': use " FIELDS "\n" },
	{ "show interfaces dump", .status = 1, .out = "",
	  .err = "weft: show: unexpected argument 'dump' after 'interfaces'\n" },
	{ "show wft0 dump more", .status = 1, .out = "",
	  .err = "weft: show: unexpected argument 'more'\nUsage: weft show [IFACE|all|interfaces] [FIELD|dump]\n" },
	{ "show all", .status = 1, .out = "", .fail_get = "Operation not permitted",
	  .err = "weft: cannot list interfaces: Operation not permitted\n" },
	{ "show wg0", .status = 1, .out = "", .fail_get = "Operation not permitted",
	  .err = "weft: cannot read interface 'wg0': Operation not permitted\n" },
	{ "top", .status = 1, .out = "",
	  .err = "weft: top: several interfaces, wft0 and wg0 among them: name one\n" },
	{ "top", .status = 1, .out = "", .fail_get = "Operation not permitted",
	  .err = "weft: cannot list interfaces: Operation not permitted\n" },
	{ "top nope", .status = 1, .out = "",
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "top wft0 now", .status = 1, .out = "",
	  .err = "weft: top: unexpected argument 'now': use batch, every, count, sort, reverse, filter\n" },
	{ "top wft0 batch every", .status = 1, .out = "",
	  .err = "weft: top: every: requires a value: SECONDS\n" },
	{ "top wft0 every 0", .status = 1, .out = "",
	  .err = "weft: top: every: '0' is not a time: use a number of seconds from 1 to 3600\n" },
	{ "top wft0 every 3601", .status = 1, .out = "",
	  .err = "weft: top: every: '3601' is not a time: use a number of seconds from 1 to 3600\n" },
	{ "top wft0 count 0", .status = 1, .out = "",
	  .err = "weft: top: count: '0' is not a number of tables: use 1 to 1000000000\n" },
	{ "top wft0 count -1", .status = 1, .out = "", .err = NOT_OPTION("-1") },
	{ "top wft0 sort bytes", .status = 1, .out = "",
	  .err = "weft: top: sort: unknown column 'bytes': use name, state, rx, tx, rtt, handshake, drops, endpoint\n" },
	{ "top wft0 --json", .status = 1, .out = "",
	  .err = "weft: top: no JSON output\nUsage: weft top [IFACE [batch|reverse|every SECONDS|count N|sort COLUMN|filter TEXT]...]\n" },
	{ "showconf wg0", .out = "[Interface]\nFwMark = 0x1\n\n" },
	{ "showconf", .status = 1, .out = "",
	  .err = "weft: showconf: missing argument\nUsage: weft showconf IFACE\n" },
	{ "showconf nope", .status = 1, .out = "",
	  .err = "weft: cannot read interface 'nope': No such device\n" },

	/* Settings. */
	{ "set", .status = 1, .out = "",
	  .err = "weft: set: missing argument\n" SET_USAGE },
	{ "set wft0", .out = "", .sent = "wft0:\n" },
	{ "set wft0 listen-port 7 fwmark 0x10", .sent = "wft0: port=7 fwmark=0x10\n" },
	{ "set wft0 fwmark off", .sent = "wft0: fwmark=0x0\n" },
	{ "set wft0 pmtu on dscp 46", .sent = "wft0: pmtu=1 dscp=46\n" },
	{ "set wft0 pmtu OFF dscp inherit", .sent = "wft0: pmtu=0 dscp=64\n" },
	{ "set wft0 dscp off", .sent = "wft0: dscp=65\n" },
	{ "set wft0 peer hub next-public-key " KEY_B " grace 60",
	  .sent = "wft0:\npeer A: next=B grace=60\n" },
	{ "set wft0 peer hub next-public-key OFF grace off", .sent = "wft0:\npeer A: next=0 grace=0\n" },
	{ "set wft0 peer hub next-public-key odd", .status = 1,
	  .err = "weft: next-public-key: 'odd' is neither 'off' nor a public key: use 44 characters of base64\n" },
	{ "set wft0 peer hub next-preshared-key key_p", .sent = "wft0:\npeer A: next-psk=P\n" },
	{ "set wft0 peer hub next-preshared-key empty", .sent = "wft0:\npeer A: next-psk=0\n" },
	{ "set wft0 peer hub previous-public-key off previous-preshared-key Off",
	  .sent = "wft0:\npeer A: previous=0 previous-psk=0\n" },
	{ "set wft0 peer hub previous-public-key " KEY_B, .status = 1,
	  .err = "weft: previous-public-key: '" KEY_B "' is not 'off', which ends a previous key\n" },
	{ "set wft0 peer hub grace soon", .status = 1,
	  .err = "weft: grace: 'soon' is not a grace period: use a number of seconds up to 4294967295, or 'off' for no limit\n" },
	{ "set wft0 pmtu maybe", .status = 1,
	  .err = "weft: pmtu: 'maybe' is neither 'on' nor 'off'\n" },
	{ "set wft0 dscp ef", .status = 1,
	  .err = "weft: dscp: 'ef' is not a DSCP: use 'inherit', 'off' or a number from 0 to 63\n" },
	{ "set wft0 private-key key_p", .sent = "wft0: key=P\n" },
	{ "set wft0 private-key -", .input = KEY_P "\n", .sent = "wft0: key=P\n" },
	{ "set wft0 private-key empty", .sent = "wft0: key=0\n" },
	{ "set wft0 private-key key_open", .sent = "wft0: key=P\n",
	  .err = "weft: warning: 'key_open' contains a secret key, and other users can read it: remove their permissions (chmod o-rwx)\n" },
	{ "set wft0 private-key key_bad", .status = 1,
	  .err = "weft: private-key: 'key_bad' does not contain a key: use 44 characters of base64, or an empty file to remove the key\n" },
	{ "set wft0 private-key key_missing", .status = 1,
	  .err = "weft: cannot open 'key_missing': No such file or directory\n" },
	{ "set wft0 private-key .", .status = 1,
	  .err = "weft: cannot read '.': Is a directory\n" },
	{ "set wft0 private-key /dev/zero", .status = 1,
	  .err = "weft: '/dev/zero' is longer than 4096 bytes\n" },
	{ "set wft0 peer " KEY_A, .sent = "wft0:\npeer A:\n" },
	{ "set wft0 peer " KEY_A " remove peer " KEY_B " endpoint [::1]:5 persistent-keepalive 9",
	  .sent = "wft0:\npeer A: remove\npeer B: keepalive=9 endpoint=[::1]:5\n" },
	{ "set wft0 peer " KEY_A " preshared-key key_p", .sent = "wft0:\npeer A: psk=P\n" },
	{ "set wft0 peer " KEY_A " preshared-key empty", .sent = "wft0:\npeer A: psk=0\n" },
	{ "set wft0 peer " KEY_A " allowed-ips 10.0.0.0/8,::1 listen-port 5",
	  .sent = "wft0: port=5\npeer A: replace-ips +10.0.0.0/8 +::1/128\n" },
	{ "set wft0 peer " KEY_A " allowed-ips ''", .sent = "wft0:\npeer A: replace-ips\n" },
	{ "set wft0 peer " KEY_A " allowed-ips +10.0.0.0/8,-::1",
	  .sent = "wft0:\npeer A: +10.0.0.0/8 -::1/128\n" },
	{ "set wft0 peer " KEY_A " allowed-ips 10.0.0.0/8,-::1",
	  .sent = "wft0:\npeer A: +10.0.0.0/8 -::1/128\n" },
	{ "set wft0 peer " KEY_A " allowed-ips +10.0.0.0/8 allowed-ips ::1",
	  .sent = "wft0:\npeer A: +10.0.0.0/8 +::1/128\n" },
	{ "set wft0 colour red", .status = 1,
	  .err = "weft: set: unknown setting 'colour' of an interface: use listen-port, fwmark, listen-address, bind-device, private-key, pmtu, dscp or peer\n" },
	{ "set wft0 listen-address 192.0.2.1,2001:db8::1 bind-device eth0",
	  .sent = "wft0: listen=192.0.2.1,2001:db8::1 bind='eth0'\n" },
	{ "set wft0 listen-address 2001:db8::1", .sent = "wft0: listen=0.0.0.0,2001:db8::1\n" },
	{ "set wft0 listen-address any bind-device off", .sent = "wft0: listen=0.0.0.0,:: bind=''\n" },
	{ "set wft0 listen-address 192.0.2.1,192.0.2.2", .status = 1,
	  .err = "weft: listen-address: '192.0.2.2' is a second address of its family: use at most one IPv4 and one IPv6 address\n" },
	{ "set wft0 listen-address eth0", .status = 1,
	  .err = "weft: listen-address: 'eth0' is not an address: use 'any', an IPv4 address, an IPv6 address, or one of each\n" },
	{ "set wft0 bind-device sixteen-letters-", .status = 1,
	  .err = "weft: bind-device: 'sixteen-letters-' is not an interface name: use 1 to 15 characters without '/', or 'off'\n" },
	{ "set wft0 peer " KEY_A " endpoint 1.2.3.4:5,[::1]:6",
	  .sent = "wft0:\npeer A: endpoint=1.2.3.4:5 candidates=1.2.3.4:5,[::1]:6\n" },
	{ "set wft0 peer " KEY_A " endpoint 1.2.3.4,1.2.3.5:7,[::1]:6 roam off",
	  .sent = "wft0:\npeer A: endpoint=1.2.3.4:6 candidates=1.2.3.4:6,1.2.3.5:7,[::1]:6 roam=0\n" },
	{ "set wft0 peer " KEY_A " preshared-key /etc/passwd", .status = 1,
	  .err = "weft: preshared-key: '/etc/passwd' does not contain a key: use 44 characters of base64, or an empty file to remove the key\n" },
	{ "set wft0 peer " KEY_A " endpoint 1.2.3.4:5,1.2.3.4:5",
	  .sent = "wft0:\npeer A: endpoint=1.2.3.4:5\n" },
	{ "set wft0 peer " KEY_A " endpoint 1.2.3.4:5,1.2.3.4", .status = 1,
	  .err = "weft: endpoint: '1.2.3.4:5,1.2.3.4' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n" },
	{ "set wft0 peer " KEY_A " endpoint 1.2.3.4:5,", .status = 1,
	  .err = "weft: endpoint: '1.2.3.4:5,' is not an endpoint: use ADDRESS:PORT, NAME:PORT or [IPV6-ADDRESS]:PORT\n" },
	{ "set wft0 peer " KEY_A " endpoint 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17:5", .status = 1,
	  .err = "weft: endpoint: '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17:5' has too many endpoints: a peer has at most 16\n" },
	{ "set wft0 peer " KEY_A " endpoint nowhere:5,1.2.3.4:5",
	  .sent = "wft0:\npeer A: endpoint=1.2.3.4:5\n",
	  .err = "weft: warning: endpoint: cannot resolve 'nowhere:5': Name or service not known\n" },
	{ "set wft0 peer " KEY_A " roam maybe", .status = 1,
	  .err = "weft: roam: 'maybe' is neither 'on' nor 'off'\n" },
	{ "set wft0 endpoint 1.2.3.4:5", .status = 1,
	  .err = "weft: set: unknown setting 'endpoint' of an interface: use listen-port, fwmark, listen-address, bind-device, private-key, pmtu, dscp or peer\n" },
	{ "set wft0 peer " KEY_A " colour red", .status = 1,
	  .err = "weft: set: unknown setting 'colour' of a peer: use remove, preshared-key, endpoint, roam, persistent-keepalive, allowed-ips, exclusive, name, next-public-key, previous-public-key, next-preshared-key, previous-preshared-key, grace, forget-timestamp, peer or a setting of the interface\n" },
	{ "set wft0 listen-port", .status = 1,
	  .err = "weft: listen-port: requires a value: PORT\n" },
	{ "set wft0 peer", .status = 1,
	  .err = "weft: peer: requires a value: KEY|NAME\n" },
	{ "set wft0 peer " KEY_A " allowed-ips", .status = 1,
	  .err = "weft: allowed-ips: requires a value: [+|-]IP/LENGTH,...\n" },
	{ "set wft0 peer abc", .status = 1,
	  .err = "weft: peer: 'abc' is neither a public key (44 characters of base64) nor the name of a peer of wft0\n" },
	/* Names, and conflicts with other peers. */
	{ "set wft0 peer hub persistent-keepalive 5", .sent = "wft0:\npeer A: keepalive=5\n" },
	{ "set wft0 peer hub remove peer " KEY_B, .sent = "wft0:\npeer A: remove\npeer B:\n" },
	{ "set nope peer hub remove", .status = 1, .sent = "",
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "set wft0 peer " KEY_B " name spoke", .sent = "wft0:\npeer B: name='spoke'\n" },
	{ "set wft0 peer hub name ''", .sent = "wft0:\npeer A: name=''\n" },
	{ "set wft0 peer hub name a#b", .status = 1, .sent = "",
	  .err = "weft: name: 'a#b' cannot be written to a file: use a name without '#', and without blanks at its ends\n" },
	{ "set wft0 peer hub name \tmast", .status = 1, .sent = "",
	  .err = "weft: name: '\\x09mast' cannot be written to a file: use a name without '#', and without blanks at its ends\n" },
	{ "set wft0 peer hub name mast\t", .status = 1, .sent = "",
	  .err = "weft: name: 'mast\\x09' cannot be written to a file: use a name without '#', and without blanks at its ends\n" },
	{ "set wft0 peer hub name " KEY_A KEY_A, .status = 1, .sent = "",
	  .err = "weft: name: '" KEY_A KEY_A "' is too long: a name has at most 63 bytes\n" },
	{ "set wft0 peer hub forget-timestamp", .sent = "wft0:\npeer A: forget-timestamp\n" },
	{ "set wft0 peer " KEY_B " allowed-ips 10.0.0.1/32,10.0.0.2/32",
	  .sent = "wft0:\npeer B: replace-ips +10.0.0.1/32 +10.0.0.2/32\n",
	  .err = "weft: warning: wft0: allowed IPs have moved: 10.0.0.1/32 from peer hub\n" },
	{ "set wft0 peer " KEY_B " allowed-ips +10.0.0.1",
	  .sent = "wft0:\npeer B: +10.0.0.1/32\n",
	  .err = "weft: warning: wft0: allowed IPs have moved: 10.0.0.1/32 from peer hub\n" },
	{ "set wft0 peer " KEY_B " allowed-ips -10.0.0.1", .sent = "wft0:\npeer B: -10.0.0.1/32\n" },
	{ "set wft0 peer hub allowed-ips 10.0.0.1/32,10.0.0.0/24",
	  .sent = "wft0:\npeer A: replace-ips +10.0.0.1/32 +10.0.0.0/24\n" },
	{ "set wft0 peer hub allowed-ips '' peer " KEY_B " allowed-ips 10.0.0.1",
	  .sent = "wft0:\npeer A: replace-ips\npeer B: replace-ips +10.0.0.1/32\n" },
	{ "set wft0 peer " KEY_B " allowed-ips 10.0.0.1 peer hub allowed-ips -10.0.0.1",
	  .sent = "wft0:\npeer B: replace-ips +10.0.0.1/32\npeer A: -10.0.0.1/32\n" },
	{ "set wft0 peer " KEY_B " allowed-ips 10.0.0.2,10.0.0.1 exclusive", .status = 1, .sent = "",
	  .fail_set = "File exists: allowed IPs: another peer has one of them", .fail_taken = true,
	  .err = "weft: cannot configure interface 'wft0': allowed IPs: peer hub already has 10.0.0.1/32, and 'exclusive' forbids the move\n" },
	{ "set wft0 peer " KEY_B " allowed-ips 10.0.0.2 exclusive",
	  .sent = "wft0:\npeer B: exclusive replace-ips +10.0.0.2/32\n" },
	{ "set wft0 peer " KEY_B " name hub", .status = 1, .sent = "",
	  .fail_set = "File exists: name: another peer of the device has it", .fail_taken = true,
	  .err = "weft: cannot configure interface 'wft0': name: 'hub' is already the name of peer " KEY_A "\n" },
	{ "set wft0 peer " KEY_B " name other", .status = 1, .sent = "",
	  .fail_set = "File exists: name: another peer of the device has it", .fail_taken = true,
	  .err = "weft: cannot configure interface 'wft0': File exists: name: another peer of the device has it\n" },
	{ "show wft0 names", .out = KEY_A "\thub\n" },

	{ "set wft0 listen-port 65536", .status = 1,
	  .err = "weft: listen-port: '65536' is not a port: use a number from 0 (chosen by the kernel) to 65535\n" },
	{ "set wft0 listen-port +5", .status = 1,
	  .err = "weft: listen-port: '+5' is not a port: use a number from 0 (chosen by the kernel) to 65535\n" },
	{ "set wft0 fwmark 0x", .status = 1,
	  .err = "weft: fwmark: '0x' is not a mark: use 'off' or a number from 0 to 0xffffffff\n" },
	{ "set wft0 peer " KEY_A " endpoint nowhere:5", .status = 1,
	  .err = "weft: endpoint: cannot resolve 'nowhere:5': Name or service not known\n" },
	{ "set wft0 listen-port 5 peer " KEY_A " persistent-keepalive 65536", .status = 1,
	  .err = "weft: persistent-keepalive: '65536' is not a keepalive interval: use 'off' or a number of seconds from 0 to 65535\n" },
	{ "set nope listen-port 5", .status = 1,
	  .err = "weft: cannot configure interface 'nope': No such device\n" },
	{ "set wft0 listen-port 5", .status = 1, .fail_set = "Address already in use: port 5 is taken",
	  .err = "weft: cannot configure interface 'wft0': Address already in use: port 5 is taken\n" },
	{ "set sixteencharacter listen-port 5", .status = 1,
	  .err = "weft: 'sixteencharacter' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "set '' listen-port 5", .status = 1,
	  .err = "weft: '' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "set ../wft0 listen-port 5", .status = 1,
	  .err = "weft: '../wft0' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "setconf sixteencharacter conf", .status = 1,
	  .err = "weft: 'sixteencharacter' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "addconf ./wft0 conf", .status = 1,
	  .err = "weft: './wft0' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "syncconf '' conf", .status = 1,
	  .err = "weft: '' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "rotate ./wft0 finish", .status = 1,
	  .err = "weft: './wft0' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },
	{ "metrics sixteencharacter", .status = 1,
	  .err = "weft: 'sixteencharacter' is not an interface name: use 1 to 15 characters without '/', ':' and blanks\n" },

	/* Configuration files. */
	{ "setconf wft0", .status = 1,
	  .err = "weft: setconf: missing argument\nUsage: weft setconf IFACE FILE\n" },
	{ "setconf wft0 conf more", .status = 1,
	  .err = "weft: setconf: unexpected argument 'more'\nUsage: weft setconf IFACE FILE\n" },
	{ "setconf wft0 conf",
	  .sent = "wft0: key=P port=51820 fwmark=0x0 replace-peers\npeer A: psk=0 keepalive=25 replace-ips +10.0.0.1/32\npeer B: psk=0 keepalive=0 replace-ips\n" },
	{ "addconf wft0 conf",
	  .sent = "wft0: key=P port=51820\npeer A: keepalive=25 replace-ips +10.0.0.1/32\npeer B:\n" },
	{ "syncconf wft0 conf", .sent = "wft0:\npeer A: update-only name=''\npeer B: psk=0 keepalive=0 replace-ips\n" },
	{ "syncconf wft0 -", .input = wft0_conf, .sent = "" },
	{ "setconf wft0 -", .input = "", .sent = "wft0: key=0 port=0 fwmark=0x0 replace-peers\n" },
	{ "setconf wft0 conf_open", .sent = "wft0: key=P port=0 fwmark=0x0 replace-peers\n",
	  .err = "weft: warning: 'conf_open' contains a secret key, and other users can read it: remove their permissions (chmod o-rwx)\n" },
	{ "setconf wft0 conf_bad", .status = 1,
	  .err = "weft: conf_bad:3: ListenPort: 'x' is not a port: use a number from 0 (chosen by the kernel) to 65535\n" },
	{ "syncconf wft0 conf_bad", .status = 1,
	  .err = "weft: conf_bad:3: ListenPort: 'x' is not a port: use a number from 0 (chosen by the kernel) to 65535\n" },
	{ "setconf wft0 conf_zero", .status = 1,
	  .err = "weft: 'conf_zero' is not a text file: it contains a zero byte\n" },
	{ "setconf wft0 conf_missing", .status = 1,
	  .err = "weft: cannot open 'conf_missing': No such file or directory\n" },
	{ "setconf nope conf", .status = 1,
	  .err = "weft: cannot configure interface 'nope': No such device\n" },
	{ "syncconf nope conf", .status = 1,
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "setconf wft0 conf", .status = 1, .fail_set = "Invalid argument: peer 2 is odd",
	  .err = "weft: cannot configure interface 'wft0': Invalid argument: peer 2 is odd\n" },

	/* Up and down: refusals before any change, and uses without a kernel. */
	{ "up", .status = 1,
	  .err = "weft: up: missing argument\nUsage: weft up FILE|IFACE\n" },
	{ "down wft0 wg0", .status = 1,
	  .err = "weft: down: unexpected argument 'wg0'\nUsage: weft down FILE|IFACE\n" },
	{ "save wft0 --json", .status = 1,
	  .err = "weft: save: no JSON output\nUsage: weft save FILE|IFACE\n" },
	{ "up no-such-file", .status = 1,
	  .err = "weft: 'no-such-file' has no file: neither /etc/weft/no-such-file.conf nor /etc/wireguard/no-such-file.conf exists\n" },
	{ "up ./no-such.conf", .status = 1,
	  .err = "weft: cannot open './no-such.conf': No such file or directory\n" },
	{ "down ./conf", .status = 1,
	  .err = "weft: './conf' is not named after an interface: use NAME.conf, where NAME has 1 to 15 letters, digits or _=+.-\n" },
	{ "up bad.conf", .status = 1,
	  .err = "weft: bad.conf:2: Address: 'x' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n" },
	{ "strip wft0.conf",
	  .out = "[Interface]\nListenPort = 7\n[Peer]\nPublicKey = " KEY_A "\nEndpoint = harbour:5\nName = a\n\n" },
	{ "strip bad.conf", .status = 1, .out = "",
	  .err = "weft: bad.conf:2: Address: 'x' is not an address: use ADDRESS or ADDRESS/LENGTH, with a length of 0 to 32 for IPv4, 0 to 128 for IPv6\n" },
	{ "resolve", .status = 1,
	  .err = "weft: resolve: missing argument\nUsage: weft resolve IFACE|all\n" },
	{ "resolve ./wft0.conf", .status = 1,
	  .err = "weft: warning: ./wft0.conf:6: Endpoint: cannot resolve 'harbour:5': Name or service not known\n" },
	{ "resolve ./wg0.conf", .out = "" },
	{ "resolve ./nope.conf", .status = 1,
	  .err = "weft: cannot read interface 'nope': No such device\n" },
	{ "resolve all", .status = 1, .fail_get = "Operation not permitted",
	  .err = "weft: cannot list interfaces: Operation not permitted\n" },
};

/* Files in the scratch folder, and their modes. */
static const struct {
	const char *name;
	const char *text;
	size_t len;
	mode_t mode;
} files[] = {
	{ "key_p", KEY_P "\n", 0, 0600 },
	{ "key_open", "  " KEY_P " \n\n", 0, 0644 },
	{ "key_bad", "not a key", 0, 0600 },
	{ "empty", "", 0, 0644 },
	{ "conf", "[Interface]\nPrivateKey = " KEY_P "\nListenPort = 51820\n"
		  "[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.0.0.1\nPersistentKeepalive = 25\n"
		  "[Peer]\nPublicKey = " KEY_B "\n", 0, 0600 },
	{ "conf_open", "[Interface]\nPrivateKey = " KEY_P "\n", 0, 0604 },
	{ "conf_bad", "[Interface]\nPrivateKey = " KEY_P "\nListenPort = x\n", 0, 0600 },
	{ "wft0.conf", "[Interface]\nListenPort = 7\nAddress = 10.0.0.1\n"
		       "[Peer]\nPublicKey = " KEY_A "\nEndpoint = harbour:5\nName = a\n", 0, 0600 },
	{ "wg0.conf", "[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.1:5\n", 0, 0600 },
	{ "nope.conf", "[Interface]\n", 0, 0600 },
	{ "bad.conf", "[Interface]\nAddress = x\n", 0, 0600 },
	{ "conf_zero", "[Interface]\n\0ListenPort = 1\n", 27, 0644 },
};

static char scratch[] = "/tmp/weft-test-XXXXXX";

static bool files_make(void)
{
	FILE *file;
	size_t i;

	if (!mkdtemp(scratch) || chdir(scratch))
		return false;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		file = fopen(files[i].name, "w");
		if (!file)
			return false;
		fwrite(files[i].text, 1, files[i].len ?: strlen(files[i].text),
		       file);
		if (fchmod(fileno(file), files[i].mode) || fclose(file))
			return false;
	}
	return true;
}

static void files_remove(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		unlink(files[i].name);
	if (chdir("/") || rmdir(scratch))
		printf("# %s is left over\n", scratch);
}

static int test_split(char *text, char **words)
{
	int count = 0;
	char *word;

	words[count++] = "weft";
	while ((word = strsep(&text, " ")) && count < WORDS_MAX)
		if (*word)
			words[count++] = strcmp(word, "''") ? word : "";
	words[count] = NULL;
	return count;
}

static void test_prepare(struct test_bench *bench,
			 const struct command_case *test)
{
	test_bench_start(bench, test->input ?: "");
	bench->devices[0] = test_device("wft0", WEFT_KIND_WEFT, wft0_conf);
	bench->devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, wg0_conf);
	bench->fail_get = test->fail_get;
	bench->fail_set = test->fail_set;
	bench->fail_taken = test->fail_taken;
}

/* A machine without interfaces, with and without the module; and commands that need no module. */
static void test_show_nothing(void)
{
	struct {
		const char *name;
		const char *words[4];
		bool wireguard;
		const char *fail;
		int status;
		const char *out;
		const char *err;
	} tries[] = {
		{ "no interface", { "weft", "show" }, false, NULL, 0, "", "" },
		{ "no module", { "weft", "show" }, false, "module weft is not loaded", 1, "",
		  "weft: no interfaces: module weft is not loaded\n" },
		{ "no module, names", { "weft", "show", "interfaces" }, false, "module weft is not loaded", 1, "",
		  "weft: no interfaces: module weft is not loaded\n" },
		{ "no module, JSON", { "weft", "show", "-j" }, false, "module weft is not loaded", 1, "",
		  "weft: no interfaces: module weft is not loaded\n" },
		{ "no interface, JSON", { "weft", "show", "-j" }, false, NULL, 0, test_empty_list(), "" },
		{ "no module is needed", { "weft", "show", "interfaces" }, true, "none", 0, "wg0\n", "" },
	};
	struct test_bench bench;
	int status, count;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		test_bench_start(&bench, "");
		if (tries[i].wireguard)
			bench.devices[0] = test_device("wg0", WEFT_KIND_WIREGUARD, wg0_conf);
		bench.fail_ready = tries[i].fail;
		for (count = 0; tries[i].words[count]; count++)
			;
		status = weft_command_main(&bench.ctx, count, (char **)tries[i].words);
		test_bench_flush(&bench);
		test_ok(status == tries[i].status, tries[i].name);
		test_text(tries[i].name, bench.out, tries[i].out);
		test_text(tries[i].name, bench.err, tries[i].err);
		test_bench_end(&bench);
	}
}

static void test_case(const struct command_case *test)
{
	char *text = strdup(test->words), *words[WORDS_MAX + 1], name[256];
	struct test_bench bench;
	int status;

	test_prepare(&bench, test);
	status = weft_command_main(&bench.ctx, test_split(text, words), words);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "weft %s: exit status %d", test->words,
		 test->status);
	test_ok(status == test->status, name);
	snprintf(name, sizeof(name), "weft %s: output", test->words);
	if (test->out)
		test_text(name, bench.out, test->out);
	snprintf(name, sizeof(name), "weft %s: error", test->words);
	test_text(name, bench.err, test->err ?: "");
	snprintf(name, sizeof(name), "weft %s: sent", test->words);
	test_text(name, bench.sent, test->sent ?: "");
	test_bench_end(&bench);
	free(text);
}

/* Help is generated from the table, so that it lists every command. */
static void test_help(void)
{
	const struct weft_command *command;
	char *words[] = { "weft", "help", NULL, NULL }, name[64];
	struct test_bench bench;

	test_bench_start(&bench, "");
	weft_command_main(&bench.ctx, 2, words);
	test_bench_flush(&bench);
	test_ok(strstr(bench.out, HELP_USAGE) == bench.out, "help begins with the usage");
	for (command = weft_commands; command->name; command++) {
		snprintf(name, sizeof(name), "help lists %s", command->name);
		test_ok(strstr(bench.out, command->name) &&
			strstr(bench.out, command->summary), name);
	}
	test_bench_end(&bench);
	for (command = weft_commands; command->name; command++) {
		test_bench_start(&bench, "");
		words[2] = (char *)command->name;
		snprintf(name, sizeof(name), "help explains %s", command->name);
		test_ok(!weft_command_main(&bench.ctx, 3, words) &&
			(test_bench_flush(&bench), true) &&
			strstr(bench.out, command->arguments) &&
			strstr(bench.out, command->summary), name);
		test_bench_end(&bench);
	}
}

/* The help of show and set lists the words of their tables. */
static void test_help_lists(void)
{
	char *show[] = { "weft", "help", "show", NULL }, *set[] = { "weft", "help", "set", NULL };
	const struct weft_setting *setting;
	const struct weft_field *field;
	struct test_bench bench;
	char line[64];

	test_bench_start(&bench, "");
	weft_command_main(&bench.ctx, 3, show);
	weft_command_main(&bench.ctx, 3, set);
	test_bench_flush(&bench);
	for (field = weft_fields; field->name; field++) {
		snprintf(line, sizeof(line), "\n  %s\n", field->name);
		test_ok(strstr(bench.out, line), field->name);
	}
	for (setting = weft_settings; setting->word || setting->field; setting++) {
		if (!setting->word)
			continue;
		snprintf(line, sizeof(line), "\n  %s%s%s\n", setting->word,
			 setting->value ? " " : "", setting->value ?: "");
		test_ok(strstr(bench.out, line), setting->word);
	}
	test_bench_end(&bench);
}

/* An unreadable interface fails the command, and the others are still printed. */
static void test_one_unreadable(void)
{
	static const struct command_case nothing;
	char *words[] = { "weft", "show", "all", "listen-port", NULL };
	struct test_bench bench;

	test_prepare(&bench, &nothing);
	bench.fail_name = "wft0";
	test_ok(weft_command_main(&bench.ctx, 4, words) == 1,
		"an interface that cannot be read fails the command");
	test_bench_flush(&bench);
	test_text("the error is printed", bench.err,
		  "weft: cannot read interface 'wft0': the link is gone\n");
	test_text("the other interfaces are shown", bench.out, "wg0\t0\n");
	test_bench_end(&bench);
}

/* Under the name wg, as hooks call it, the command prints the output of wg(8). */
static void test_as_wg(void)
{
	static const struct command_case nothing;
	static const char conf[] =
		"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\nListenAddress = 192.0.2.1\n"
		"[Peer]\nPublicKey = " KEY_A "\nName = hub\nEndpoint = 192.0.2.2:5,192.0.2.3:6\nRoam = off\n"
		"NextPublicKey = " KEY_B "\n";
	char *words[] = { "/run/weft/bin/wg", "showconf", "wft0", NULL };
	char *set[] = { "wg", "set", "wft0", "private-key", "key_p", NULL };
	struct test_bench bench;

	test_prepare(&bench, &nothing);
	weft_model_device_free(bench.devices[0]);
	bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT, conf);
	test_ok(!weft_command_main(&bench.ctx, 3, words), "wg showconf: exit status");
	test_bench_flush(&bench);
	test_text("wg showconf: only wg's own settings", bench.out,
		  "[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n\n"
		  "[Peer]\nPublicKey = " KEY_A "\nEndpoint = 192.0.2.2:5\n");
	test_bench_end(&bench);
	test_prepare(&bench, &nothing);
	test_ok(!weft_command_main(&bench.ctx, 5, set), "wg set: exit status");
	test_text("wg set: sent", bench.sent, "wft0: key=P\n");
	test_bench_end(&bench);
}

/* A full disk fails the command. */
static void test_full_disk(void)
{
	char *words[] = { "weft", "help", NULL };
	struct test_bench bench;
	FILE *out;
	int status;

	test_bench_start(&bench, "");
	out = bench.ctx.out;
	bench.ctx.out = fopen("/dev/full", "w");
	status = weft_command_main(&bench.ctx, 2, words);
	fclose(bench.ctx.out);
	bench.ctx.out = out;
	test_bench_flush(&bench);
	test_ok(status == 1, "output that cannot be written fails the command");
	test_text("the error is printed", bench.err,
		  "weft: cannot write the output\n");
	test_bench_end(&bench);
}

int main(void)
{
	size_t i;

	if (!files_make()) {
		printf("Bail out! no scratch folder\n");
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	test_help();
	test_help_lists();
	test_one_unreadable();
	test_as_wg();
	test_full_disk();
	files_remove();
	test_show_nothing();
	return test_end();
}
