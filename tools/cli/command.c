// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "cli/version.h"
#include "conf/setting.h"
#include "model/model.h"
#include "print/fields.h"
#include "top/column.h"

static void command_list_fields(FILE *stream)
{
	const struct weft_field *field;

	fputs("FIELD is one of:\n", stream);
	for (field = weft_fields; field->name; field++)
		fprintf(stream, "  %s\n", field->name);
}

static void command_list_scope(FILE *stream, enum weft_scope scope, const char *title)
{
	const struct weft_setting *setting;

	fprintf(stream, "%s\n", title);
	for (setting = weft_settings; setting->word || setting->field; setting++)
		if (setting->word && setting->scope == scope)
			fprintf(stream, "  %s%s%s\n", setting->word, setting->value ? " " : "",
				setting->value ?: "");
}

static void command_list_settings(FILE *stream)
{
	command_list_scope(stream, WEFT_SCOPE_DEVICE, "Settings of the interface:");
	command_list_scope(stream, WEFT_SCOPE_PEER, "Settings of a peer:");
}

static void command_list_columns(FILE *stream)
{
	const struct weft_top_column *column;

	fputs("COLUMN is one of:\n", stream);
	for (column = weft_top_columns; column->name; column++)
		fprintf(stream, "  %s\n", column->name);
}

const struct weft_command weft_commands[] = {
	{
		"show", "[IFACE|all|interfaces] [FIELD|dump]",
		"show interfaces, or one FIELD of them",
		"\"dump\" prints the fields of wg(8), for scripts. -j or --json prints JSON.\n"
		"The summary hides secret keys; --show-keys, or WG_HIDE_KEYS=never in the\n"
		"environment, shows them. WG_COLOR_MODE is always, never or auto.\n",
		0, 2, weft_command_show, .json = true, .list = command_list_fields,
	}, {
		"showconf", "IFACE",
		"print the configuration file of an interface, keys included",
		NULL, 1, 1, weft_command_showconf,
	}, {
		"set", "IFACE [SETTING VALUE]... [peer KEY|NAME [remove] [SETTING VALUE]...]...",
		"change settings of an interface and of its peers",
		"listen-address and bind-device restrict the sockets to addresses and to a link.\n"
		"While an endpoint does not answer, the next one is tried; \"roam off\" keeps the\n"
		"endpoint among those given. The list of allowed-ips replaces the present one; items\n"
		"with + or - are added or removed. An item of another peer moves, unless \"exclusive\"\n"
		"follows the list. A name is an alias of the key; '' removes it. A next key replaces\n"
		"the present one on its first use. The previous key stays valid for the grace\n"
		"period, or until it is set to off.\n"
		"forget-timestamp accepts the next handshake of a peer whose clock went back.\n"
		"FILE \"-\" is the standard input; an empty file removes the key.\n",
		1, -1, weft_command_set, .list = command_list_settings,
	}, {
		"rotate", "IFACE [private-key FILE] [grace SECONDS|off] | finish | undo",
		"replace the private key of an interface while sessions continue",
		"Without FILE a new key is generated. The public key is printed, for the peers:\n"
		"\"weft set IFACE peer KEY next-public-key KEY2\". The previous key stays valid for\n"
		"SECONDS, by default a day, or until \"finish\"; \"undo\" restores it. The file of \"up\"\n"
		"gets the new key, if it has the interface's key. An interface of a fleet, whose nodes\n"
		"would not learn the key, needs --really: use \"weft fleet rotate\".\n",
		1, 5, weft_command_rotate, .really = true,
	}, {
		"setconf", "IFACE FILE",
		"replace the configuration of an interface by that of a file",
		NULL, 2, 2, weft_command_setconf,
	}, {
		"addconf", "IFACE FILE",
		"add the configuration of a file to an interface",
		NULL, 2, 2, weft_command_addconf,
	}, {
		"syncconf", "IFACE FILE",
		"as setconf, but change only what differs: sessions continue",
		NULL, 2, 2, weft_command_syncconf,
	}, {
		"up", "FILE|IFACE",
		"bring up an interface with addresses, routes and name servers of a file",
		"The file is FILE, named IFACE.conf, or IFACE.conf in /etc/weft or /etc/wireguard.\n"
		"It has wg-quick's format, with Forwarding = on|off in [Interface] and Name in [Peer].\n"
		"A running interface is changed where it differs: no session ends, and no hook runs.\n"
		"If a step fails, the command names the step, and undoes all changes.\n",
		1, 1, weft_command_up,
	}, {
		"check", "FILE|IFACE",
		"report the mistakes in a file, and change nothing",
		"Each mistake is printed with its line, as FILE:LINE: error or warning: text. The\n"
		"status is 1 if there are errors, with which \"up\" refuses the file. Names are not\n"
		"resolved. -j or --json prints JSON.\n",
		1, 1, weft_command_check, .json = true,
	}, {
		"down", "FILE|IFACE",
		"remove an interface with its routes, rules and name servers",
		"With SaveConfig = true in the file, the present settings are saved there first.\n",
		1, 1, weft_command_down,
	}, {
		"save", "FILE|IFACE",
		"write the settings of an interface to its file",
		"Hooks, and the names of peers and of endpoints, are kept; comments are not.\n",
		1, 1, weft_command_save,
	}, {
		"strip", "FILE|IFACE",
		"print a file without the fields of \"up\", for syncconf",
		NULL, 1, 1, weft_command_strip,
	}, {
		"resolve", "IFACE|all",
		"resolve the endpoints' names of silent peers again",
		"Silent is a peer without a handshake in the last 135 seconds. The names are those\n"
		"of the file of \"up\". Endpoints that differ are set and printed.\n",
		1, 1, weft_command_resolve,
	}, {
		"monitor", "[IFACE]",
		"print events of interfaces and peers until interrupted",
		"Sessions, endpoints and keys that change, and interfaces and peers that are added,\n"
		"changed or removed, one line each. -j or --json prints an object a line. Missed\n"
		"events are counted. The command needs CAP_NET_ADMIN.\n",
		0, 1, weft_command_monitor, .json = true,
	}, {
		"top", "[IFACE [batch|reverse|every SECONDS|count N|sort COLUMN|filter TEXT]...]",
		"watch the peers of an interface on the terminal",
		"State, bytes per second, round-trip time and age of the handshake, and dropped\n"
		"packets of each peer, read every SECONDS (2). Without a terminal, with \"batch\" or\n"
		"with \"count\" tables are printed in plain lines, the first one after SECONDS. TEXT is\n"
		"a state, or a part of a name, key or endpoint; \"!\" before it chooses the other\n"
		"peers. Keys: q ends, left and right choose the column to sort by, r reverses, / asks\n"
		"for TEXT. Without IFACE the only interface is meant. The command needs CAP_NET_ADMIN.\n",
		0, -1, weft_command_top, .list = command_list_columns,
	}, {
		"wait", "IFACE [peer KEY|NAME] [timeout SECONDS]",
		"wait until a peer, or each peer, is up",
		"Handshakes are begun where there is no session. The command gives up after SECONDS\n"
		"(default 30), names the missing peers and their state, and exits with 1. With 0 it\n"
		"checks without waiting.\n",
		1, 5, weft_command_wait,
	}, {
		"metrics", "[write FILE] [peers on|keys|off] [IFACE]...",
		"print interfaces and peers as metrics for Prometheus",
		"Without IFACE all interfaces are printed, in Prometheus's text format, for the node\n"
		"exporter's textfile collector. \"write\" replaces FILE as a whole, also if an\n"
		"interface cannot be read. With \"peers off\" there are no series for each peer, and\n"
		"sums and counts by state remain; with \"peers keys\" the name of a peer is a label of\n"
		"weft_peer_info alone. No secret is printed.\n",
		0, -1, weft_command_metrics,
	}, {
		"doctor", "[IFACE]",
		"find faults of a tunnel, and suggest remedies",
		"Without IFACE all interfaces, and files and units of others, are checked. Handshakes\n"
		"are begun with peers that have no session; the checks take some seconds. The status\n"
		"is 0 without findings, 1 for warnings, 2 for errors and 3 if the checks were not\n"
		"possible. -j or --json prints JSON.\n",
		0, 1, weft_command_doctor, .json = true,
		.failure = WEFT_DOCTOR_COULD_NOT,
	}, {
		"fleet", "VERB [ARGUMENTS]",
		"manage the nodes of a fleet by signed records",
		"weft-fleet(8) describes the verbs. --dry-run tells what would change. -j or --json\n"
		"prints JSON. The status is 0 if the command has done its work or had nothing to\n"
		"do, 1 after an error, 2 if some records were refused or left out, and 3 if\n"
		"the removal of more than a tenth of the peers waits for --really.\n",
		1, -1, weft_command_fleet, .json = true, .dry = true, .really = true,
		.list = weft_command_list_fleet,
	}, {
		"genkey", "", "print a new private key",
		NULL, 0, 0, weft_command_genkey,
	}, {
		"genpsk", "", "print a new preshared key",
		NULL, 0, 0, weft_command_genpsk,
	}, {
		"pubkey", "", "print the public key of the private key on the standard input",
		NULL, 0, 0, weft_command_pubkey,
	}, {
		"help", "[COMMAND]", "describe a command, or list the commands",
		NULL, 0, 1, weft_command_help,
	},
	{ }
};

const struct weft_command *weft_command_find(const char *name)
{
	const struct weft_command *command;

	for (command = weft_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

bool weft_command_takes_name(const struct weft_context *ctx, const char *name)
{
	return weft_model_name_is_valid(name) ||
	       weft_complain(ctx,
			     "'%s' is not an interface name: use 1 to %d characters without '/', ':' and blanks",
			     name, IFNAMSIZ - 1);
}

static int command_failure(const struct weft_command *command)
{
	return command && command->failure ? command->failure : 1;
}

static void command_print_usage(const struct weft_command *command,
				FILE *stream)
{
	fprintf(stream, "Usage: weft %s%s%s\n", command->name,
		*command->arguments ? " " : "", command->arguments);
}

static void command_print_help(const struct weft_command *command,
			       FILE *stream)
{
	command_print_usage(command, stream);
	fprintf(stream, "\n%s: %s\n", command->name, command->summary);
	if (command->list)
		command->list(stream);
	if (command->help)
		fputs(command->help, stream);
}

static void command_print_all(FILE *stream)
{
	const struct weft_command *command;

	fputs("Usage: weft [-j|--json] [--show-keys] [--dry-run] [--really]", stream);
	fputs(" [COMMAND [ARGUMENTS]]\n\nCommands:\n", stream);
	for (command = weft_commands; command->name; command++)
		fprintf(stream, "  %-10s %s\n", command->name,
			command->summary);
	fputs("\nThe default is \"show\". \"weft help COMMAND\" describes a command.\n",
	      stream);
}

static int command_unknown(const struct weft_context *ctx, const char *name)
{
	return !weft_complain_unknown(ctx, "unknown command", name, weft_commands,
				      sizeof(weft_commands[0]));
}

int weft_command_help(struct weft_context *ctx, int argc, char **argv)
{
	const struct weft_command *command;

	if (!argc) {
		command_print_all(ctx->out);
		return 0;
	}
	command = weft_command_find(argv[0]);
	if (!command)
		return command_unknown(ctx, argv[0]);
	command_print_help(command, ctx->out);
	return 0;
}

/* Options of a command line that are not part of the context. */
struct command_options {
	bool help;
	bool version;
};

static bool command_take_option(struct weft_context *ctx, const char *word,
				struct command_options *options)
{
	if (!strcmp(word, "-j") || !strcmp(word, "--json"))
		ctx->json = true;
	else if (!strcmp(word, "--show-keys"))
		ctx->show_keys = true;
	else if (!strcmp(word, "--dry-run"))
		ctx->dry_run = true;
	else if (!strcmp(word, "--really"))
		ctx->really = true;
	else if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		options->help = true;
	else if (!strcmp(word, "-v") || !strcmp(word, "--version"))
		options->version = true;
	else
		return false;
	return true;
}

/* A value of "set" may begin with '-', as an allowed IP that is removed. */
static bool command_is_value(char **words, int count)
{
	return count > 1 && !strcmp(words[0], "set");
}

/*
 * Options may stand anywhere before "--"; the others are words. Returns the number
 * of words, or -1 after a complaint.
 */
static int command_take_options(struct weft_context *ctx, int argc,
				char **argv, struct command_options *options)
{
	int i, left = 0;

	for (i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		if (command_take_option(ctx, argv[i], options))
			continue;
		if (argv[i][0] == '-' && argv[i][1] &&
		    !command_is_value(argv, left)) {
			weft_complain(ctx,
				      "unknown option '%s': use -j, --json, --show-keys, --dry-run, --really, -h, --help, -v or --version, and '--' before other words",
				      argv[i]);
			return -1;
		}
		argv[left++] = argv[i];
	}
	for (i++; i < argc; i++)
		argv[left++] = argv[i];
	return left;
}

static int command_run(struct weft_context *ctx,
		       const struct weft_command *command, int argc,
		       char **argv, bool help)
{
	if (help) {
		command_print_help(command, ctx->out);
		return 0;
	}
	if (argc < command->min)
		weft_complain(ctx, "%s: missing argument", command->name);
	else if (command->max >= 0 && argc > command->max)
		weft_complain(ctx, "%s: unexpected argument '%s'", command->name,
			      argv[command->max]);
	else if (ctx->json && !command->json)
		weft_complain(ctx, "%s: no JSON output", command->name);
	else if (ctx->dry_run && !command->dry)
		weft_complain(ctx, "%s: no --dry-run", command->name);
	else if (ctx->really && !command->really)
		weft_complain(ctx, "%s: no --really", command->name);
	else
		return command->run(ctx, argc, argv);
	command_print_usage(command, ctx->err);
	return command_failure(command);
}

/* A failure to write the output is an error, too. */
static int command_flush(const struct weft_context *ctx, int status, int failure)
{
	if (!fflush(ctx->out) && !ferror(ctx->out))
		return status;
	weft_complain(ctx, "cannot write the output");
	return failure;
}

/* Under the name wg, as in hooks, the program behaves like wg(8). */
static bool command_is_wg(const char *program)
{
	const char *slash = strrchr(program, '/');

	return !strcmp(slash ? slash + 1 : program, "wg");
}

int weft_command_main(struct weft_context *ctx, int argc, char **argv)
{
	struct command_options options = { };
	const struct weft_command *command;
	int status = 0;

	/* The words of "complete" are another command line, with its options. */
	if (argc > 1 && !strcmp(argv[1], "complete"))
		return command_flush(ctx, weft_command_complete(ctx, argc - 2,
								argv + 2), 1);
	ctx->as_wg = argc && command_is_wg(argv[0]);
	argc = command_take_options(ctx, argc - 1, argv + 1, &options);
	argv++;
	command = weft_command_find(argc ? argv[0] : "show");
	if (argc < 0)
		return command_failure(command);
	if (!argc && options.help)
		command_print_all(ctx->out);
	else if (options.version)
		fprintf(ctx->out, "weft %s\n", WEFT_VERSION);
	else if (command)
		status = command_run(ctx, command, argc ? argc - 1 : 0,
				     argv + 1, options.help);
	else
		status = command_unknown(ctx, argv[0]);
	return command_flush(ctx, status, command_failure(command));
}
