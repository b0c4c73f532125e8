// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "base/complain.h"
#include "cli/command.h"
#include "cli/version.h"

const struct weft_command weft_commands[] = {
	{
		"show", "[IFACE|all|interfaces] [FIELD|dump]",
		"show interfaces, or one FIELD of them",
		"FIELD: public-key, private-key, listen-port, fwmark, peers, preshared-keys,\n"
		"endpoints, allowed-ips, latest-handshakes, persistent-keepalive, transfer,\n"
		"listen-address, bind-device, candidates, roam, names, state,\n"
		"previous-public-key, next-keys, previous-keys, identities, drops.\n"
		"\"dump\" prints what wg prints, for scripts. With -j or --json all is JSON.\n"
		"Secret keys are \"(hidden)\" in the summary: --show-keys, or WG_HIDE_KEYS=never in\n"
		"the environment, shows them. WG_COLOR_MODE is always, never or auto.\n",
		0, 2, weft_command_show, .json = true,
	}, {
		"showconf", "IFACE",
		"print the configuration file of an interface, keys included",
		NULL, 1, 1, weft_command_showconf,
	}, {
		"set", "IFACE [SETTING VALUE]... [peer KEY|NAME [remove] [SETTING VALUE]...]...",
		"change settings of an interface and of its peers",
		"Settings of the interface: listen-port PORT, fwmark MARK|off, private-key FILE,\n"
		"pmtu on|off, dscp inherit|off|DSCP.\n"
		"listen-address ADDRESS,...|any and bind-device LINK|off say where the sockets are.\n"
		"Settings of a peer: preshared-key FILE, endpoint HOST:PORT,... of which those that\n"
		"do not answer give way to the next; roam on|off, off keeping it at one of those;\n"
		"next-public-key KEY|off, next-preshared-key FILE, previous-public-key off,\n"
		"previous-preshared-key off, grace SECONDS|off: how keys are replaced.\n"
		"persistent-keepalive SECONDS|off, allowed-ips IP/LENGTH,... which replaces the\n"
		"list; with + or - before an item the items are added or removed. An item that\n"
		"another peer has is taken from it, unless \"exclusive\" follows the list.\n"
		"name NAME is what the peer can be called instead of its key, '' for nothing.\n"
		"forget-timestamp lets a peer in again whose clock went back.\n"
		"FILE \"-\" is the standard input; an empty file takes the key away.\n",
		1, -1, weft_command_set,
	}, {
		"rotate", "IFACE [private-key FILE] [grace SECONDS|off] | finish | undo",
		"give an interface another key, while sessions live on",
		"Without FILE a key is made. The public key is printed, for the peers to be told:\n"
		"\"weft set IFACE peer KEY next-public-key KEY2\". The key from before stays good for\n"
		"SECONDS, which is a day if it is not given, or until \"finish\"; \"undo\" goes back to it.\n"
		"The file that \"up\" was given follows, if it has the interface's key.\n",
		1, 5, weft_command_rotate,
	}, {
		"setconf", "IFACE FILE",
		"make an interface what a configuration file says",
		NULL, 2, 2, weft_command_setconf,
	}, {
		"addconf", "IFACE FILE",
		"add what a configuration file says to an interface",
		NULL, 2, 2, weft_command_addconf,
	}, {
		"syncconf", "IFACE FILE",
		"as setconf, but send only what differs: sessions live on",
		NULL, 2, 2, weft_command_syncconf,
	}, {
		"up", "FILE|IFACE",
		"make an interface and what is around it what a file says",
		"The file is FILE, named IFACE.conf, or IFACE.conf in /etc/weft or /etc/wireguard.\n"
		"It has wg-quick's format, with Forwarding = on|off in [Interface] and Name in [Peer].\n"
		"An interface that is up already is changed where it differs: no session ends, and\n"
		"no hook runs. If a step fails, it is named, and all that was done is undone.\n",
		1, 1, weft_command_up,
	}, {
		"check", "FILE|IFACE",
		"report the mistakes in a file, and change nothing",
		"Every mistake is printed with its line, as FILE:LINE: error or warning: words. The\n"
		"status is 1 if there are errors, with which \"up\" refuses the file. Names are not\n"
		"looked up. With -j or --json all is JSON.\n",
		1, 1, weft_command_check, .json = true,
	}, {
		"down", "FILE|IFACE",
		"take an interface away, with its routes, rules and name servers",
		"With SaveConfig = true in the file, what is set is saved there before.\n",
		1, 1, weft_command_down,
	}, {
		"save", "FILE|IFACE",
		"write what is set on an interface to its file",
		"Hooks, and the names of peers and of endpoints, are kept; comments are not.\n",
		1, 1, weft_command_save,
	}, {
		"strip", "FILE|IFACE",
		"print a file without what only \"up\" understands, for syncconf",
		NULL, 1, 1, weft_command_strip,
	}, {
		"resolve", "IFACE|all",
		"look endpoints' names up again where a peer has been silent",
		"Silent is a peer without a handshake in the last 135 seconds. The names are those\n"
		"of the file that \"up\" was given. What has changed is set and printed.\n",
		1, 1, weft_command_resolve,
	}, {
		"monitor", "[IFACE]",
		"print what happens to interfaces and peers, as it happens",
		"Sessions, endpoints, keys, and what is added, changed or removed, one line each,\n"
		"until it is interrupted. With -j or --json each line is an object. Events that were\n"
		"missed are counted. It needs CAP_NET_ADMIN.\n",
		0, 1, weft_command_monitor, .json = true,
	}, {
		"wait", "IFACE [peer KEY|NAME] [timeout SECONDS]",
		"wait until a peer, or all of them, are up",
		"Handshakes are begun where there is no session. The status is 1 when not all are up\n"
		"after SECONDS, which is 30 if it is not given; 0 only looks.\n",
		1, 5, weft_command_wait,
	}, {
		"metrics", "[write FILE] [IFACE]...",
		"print interfaces and peers as metrics for Prometheus",
		"All interfaces if none is named. The format is Prometheus's text format, which the\n"
		"node exporter's textfile collector reads. With \"write\" FILE is replaced as a whole,\n"
		"whatever could not be read. No secret is printed.\n",
		0, -1, weft_command_metrics,
	}, {
		"doctor", "[IFACE]",
		"say why a tunnel does not work, and what would mend it",
		"All interfaces, and files and units of others, if none is named. Peers without a\n"
		"session are called, and some seconds are waited. The status is 0 when nothing is\n"
		"wrong, 1 for warnings, 2 for errors, 3 when it could not be looked at. With -j or\n"
		"--json all is JSON.\n",
		0, 1, weft_command_doctor, .json = true,
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
		"help", "[COMMAND]", "explain a command, or list them",
		NULL, 0, 1, weft_command_help,
	},
	{ }
};

static const struct weft_command *command_find(const char *name)
{
	const struct weft_command *command;

	for (command = weft_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
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
	if (command->help)
		fputs(command->help, stream);
}

static void command_print_all(FILE *stream)
{
	const struct weft_command *command;

	fputs("Usage: weft [-j|--json] [COMMAND [ARGUMENTS]]\n\nCommands:\n",
	      stream);
	for (command = weft_commands; command->name; command++)
		fprintf(stream, "  %-10s %s\n", command->name,
			command->summary);
	fputs("\nWithout a command, \"show\". \"weft help COMMAND\" says more of one.\n",
	      stream);
}

static int command_unknown(const struct weft_context *ctx, const char *name)
{
	const struct weft_command *command;
	const char *comma = "";

	fputs("weft: '", ctx->err);
	weft_complain_text(ctx->err, name);
	fputs("' is not a command: ", ctx->err);
	for (command = weft_commands; command->name; command++) {
		fprintf(ctx->err, "%s%s", comma, command->name);
		comma = ", ";
	}
	fputs(" are\n", ctx->err);
	return 1;
}

int weft_command_help(struct weft_context *ctx, int argc, char **argv)
{
	const struct weft_command *command;

	if (!argc) {
		command_print_all(ctx->out);
		return 0;
	}
	command = command_find(argv[0]);
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
				      "'%s' is not an option: -j, --json, --show-keys, -h, --help, -v, --version are; words follow '--'",
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
		weft_complain(ctx, "%s: something is missing", command->name);
	else if (command->max >= 0 && argc > command->max)
		weft_complain(ctx, "%s: '%s' is too much", command->name,
			      argv[command->max]);
	else if (ctx->json && !command->json)
		weft_complain(ctx, "%s: it does not speak JSON", command->name);
	else
		return command->run(ctx, argc, argv);
	command_print_usage(command, ctx->err);
	return 1;
}

/* A failure to write the output is an error, too. */
static int command_flush(const struct weft_context *ctx, int status)
{
	if (!fflush(ctx->out) && !ferror(ctx->out))
		return status;
	weft_complain(ctx, "the output could not be written");
	return 1;
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
								argv + 2));
	ctx->as_wg = argc && command_is_wg(argv[0]);
	argc = command_take_options(ctx, argc - 1, argv + 1, &options);
	if (argc < 0)
		return 1;
	argv++;
	command = command_find(argc ? argv[0] : "show");
	if (!argc && options.help)
		command_print_all(ctx->out);
	else if (options.version)
		fprintf(ctx->out, "weft %s\n", WEFT_VERSION);
	else if (command)
		status = command_run(ctx, command, argc ? argc - 1 : 0,
				     argv + 1, options.help);
	else
		status = command_unknown(ctx, argv[0]);
	return command_flush(ctx, status);
}
