// SPDX-License-Identifier: GPL-2.0
/*
 * weft top: names that try to reach the terminal, rates between two readings, columns, filters, plain lines, and keys, on a
 * screen that records its lines.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "memory.h"
#include "model/attr.h"
#include "model/model.h"
#include "support.h"
#include "top/live.h"
#include "top/screen.h"

static const char conf[] =
	"[Peer]\nPublicKey = " KEY_A "\nName = ember\nEndpoint = 203.0.113.12:51820\n"
	"[Peer]\nPublicKey = " KEY_B "\nName = spark\nEndpoint = 203.0.113.9:51820\n"
	"[Peer]\nPublicKey = " KEY_C "\nEndpoint = [2001:db8::7]:7\n"
	"[Peer]\nPublicKey = " KEY_P "\nName = litespeed\n";

/* ---- names ---- */

struct safe_case {
	const char *name;
	const char *locale;
	const char *text;
	const char *want;
	int width;
};

static const struct safe_case safe_cases[] = {
	{ "ASCII", "C.UTF-8", "hub-1", "hub-1", 5 },
	{ "an escape sequence", "C.UTF-8", "a\x1b[2J\x1b]0;x\a", "a\\x1b[2J\\x1b]0;x\\x07", 20 },
	{ "newline, return, DEL", "C.UTF-8", "a\n\r\x7f", "a\\x0a\\x0d\\x7f", 13 },
	{ "C1: the eight-bit CSI", "C.UTF-8", "\xc2\x9b" "2J", "\\xc2\\x9b2J", 10 },
	{ "invalid bytes", "C.UTF-8", "\xff\x9b\xc3(", "\\xff\\x9b\\xc3(", 13 },
	{ "one column", "C.UTF-8", "z\xc3\xbcrich", "z\xc3\xbcrich", 6 },
	{ "two columns each", "C.UTF-8", "\xe6\x9d\xb1\xe4\xba\xac", "\xe6\x9d\xb1\xe4\xba\xac", 4 },
	{ "from right to left", "C.UTF-8", "\xe2\x80\xae" "evil", "\\xe2\\x80\\xae" "evil", 16 },
	{ "a mark above", "C.UTF-8", "e\xcc\x81", "e\\xcc\\x81", 9 },
	{ "a byte order mark", "C.UTF-8", "\xef\xbb\xbf", "\\xef\\xbb\\xbf", 12 },
	{ "not in UTF-8", "C", "z\xc3\xbcrich", "z\\xc3\\xbcrich", 13 },
};

static void test_safe(void)
{
	struct weft_safe safe;
	char name[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(safe_cases); i++) {
		const struct safe_case *now = &safe_cases[i];

		if (!setlocale(LC_CTYPE, now->locale))
			test_bail("no locale C.UTF-8");
		weft_safe_take(&safe, now->text);
		snprintf(name, sizeof(name), "names: %s", now->name);
		test_text(name, safe.text, now->want);
		snprintf(name, sizeof(name), "names: %s: width", now->name);
		test_ok(safe.width == now->width, name);
	}
	setlocale(LC_CTYPE, "C.UTF-8");
}

static void test_safe_limits(void)
{
	char text[WEFT_NAME_BYTES + 1];
	struct weft_safe safe;
	int used;

	memset(text, '\x1b', WEFT_NAME_BYTES);
	text[WEFT_NAME_BYTES] = '\0';
	weft_safe_take(&safe, text);
	test_ok(safe.width == 4 * WEFT_NAME_BYTES && strlen(safe.text) == 4 * WEFT_NAME_BYTES,
		"names: the longest name, all of it escapes");
	test_ok(weft_safe_fit("\xe6\x9d\xb1\xe4\xba\xac", 3, &used) == 3 && used == 2,
		"names: a character of two columns is not cut");
	test_ok(!weft_safe_fit("\x1b[2J", 9, &used), "names: nothing behind a control character fits");
}

/* ---- readings ---- */

static struct weft_peer *peer_of(struct weft_device *dev, int number)
{
	struct weft_peer *peer = dev->peers;

	while (number--)
		peer = peer->next;
	return peer;
}

static struct weft_top_reading reading_at(__s64 at_ms)
{
	return (struct weft_top_reading){
		.dev = test_device("wft0", WEFT_KIND_WEFT, conf), .at_ms = at_ms, .now = 1000000,
	};
}

static void set_counters(struct weft_peer *peer, __u64 rx, __u64 tx, __u64 drops)
{
	peer->rx_bytes = rx;
	peer->tx_bytes = tx;
	peer->drops[1] = drops / 2;
	peer->drops[WEFT_DROPS_A_MAX] = drops - drops / 2;
	peer->known |= WEFT_ATTR_BIT(WEFT_PEER_A_DROPS);
}

static void test_rates(void)
{
	struct weft_top_reading none = { }, before = reading_at(5000), now = reading_at(7500);

	set_counters(peer_of(before.dev, 0), 1000, 2000, 3);
	set_counters(peer_of(now.dev, 0), 6000, 2000, 7);
	set_counters(peer_of(before.dev, 1), 1000, 2000, 3);
	set_counters(peer_of(now.dev, 1), 999, 9000, 3);
	/* The third one's key is replaced meanwhile; the fourth one was not there. */
	peer_of(now.dev, 2)->previous_public_key = peer_of(now.dev, 2)->public_key;
	peer_of(now.dev, 2)->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	peer_of(now.dev, 2)->public_key.bytes[3] ^= 1;
	set_counters(peer_of(now.dev, 2), 250, 0, 0);
	peer_of(before.dev, 3)->public_key.bytes[3] ^= 1;
	if (!weft_top_compare(&none, &before) || !weft_top_compare(&before, &now))
		test_bail("no memory");
	test_ok(!before.rows[0].has_rates, "rates: none of the first reading");
	test_ok(now.rows[0].has_rates && now.rows[0].rx_rate == 2000 && !now.rows[0].tx_rate,
		"rates: bytes by the time between");
	test_ok(now.rows[0].drops == 7 && now.rows[0].new_drops == 4, "rates: drops of all reasons");
	test_ok(!now.rows[1].has_rates, "rates: none if a counter went back");
	test_ok(now.rows[2].has_rates && now.rows[2].rx_rate == 100, "rates: of a peer whose key was replaced");
	test_ok(!now.rows[3].has_rates, "rates: none of a new peer");
	weft_top_forget(&before);
	before = reading_at(7500);
	if (!weft_top_compare(&none, &before))
		test_bail("no memory");
	free(now.rows);
	if (!weft_top_compare(&before, &now))
		test_bail("no memory");
	test_ok(!now.rows[0].has_rates, "rates: none without time between");
	weft_top_forget(&before);
	weft_top_forget(&now);
}

static bool compare_once(const void *data)
{
	struct weft_top_reading none = { }, before, now;
	bool good;

	(void)data;
	test_memory_spare();
	before = reading_at(0);
	now = reading_at(1000);
	test_memory_spare_end();
	good = weft_top_compare(&none, &before) && weft_top_compare(&before, &now) &&
	       now.rows[3].has_rates;
	weft_top_forget(&before);
	weft_top_forget(&now);
	return good || test_memory_failed();
}

/* ---- columns ---- */

static void rate_is(double rate, const char *want)
{
	char text[16], name[64];

	weft_top_format_rate(text, sizeof(text), rate);
	snprintf(name, sizeof(name), "columns: a rate of %.0f", rate);
	test_text(name, text, want);
}

static void cell_is(const char *column, const struct weft_top_row *row, const char *want)
{
	struct weft_safe cell;
	char name[64];

	weft_top_column_find(column)->cell(row, &cell);
	snprintf(name, sizeof(name), "columns: %s '%s'", column, want);
	test_text(name, cell.text, want);
	test_ok(cell.width == (int)strlen(want), "columns: its width");
}

static void test_cells(void)
{
	static const struct {
		__s64 age;
		const char *want;
	} ages[] = {
		{ 0, "0s" }, { 59, "59s" }, { 60, "1m00s" }, { 3599, "59m59s" }, { 3600, "1h00m" },
		{ 86399, "23h59m" }, { 86400, "1d00h" }, { 123456789, "1428d21h" }, { -1, "clock?" },
	};
	struct weft_peer peer = { .handshake_s = 1, .handshake_rtt_us = 252, .state = 77 };
	struct weft_top_row row = { .peer = &peer };
	size_t i;

	rate_is(0, "0");
	rate_is(999.4, "999");
	rate_is(999.6, "1.0K");
	rate_is(1024 * 99.9, "99.9K");
	rate_is(1024 * 100, "100K");
	rate_is(1024 * 1024 * 12.34, "12.3M");
	rate_is(1e30, "867361737988E");
	for (i = 0; i < ARRAY_SIZE(ages); i++) {
		row.age = ages[i].age;
		cell_is("handshake", &row, ages[i].want);
	}
	peer.handshake_s = 0;
	cell_is("handshake", &row, "never");
	cell_is("rtt", &row, "-");
	cell_is("state", &row, "-");
	cell_is("drops", &row, "-");
	cell_is("rx", &row, "-");
	cell_is("endpoint", &row, "-");
	peer.known = WEFT_ATTR_BIT(WEFT_PEER_A_HANDSHAKE_RTT) | WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	cell_is("rtt", &row, "0.25ms");
	cell_is("state", &row, "unknown");
	peer.handshake_rtt_us = 4294967295;
	cell_is("rtt", &row, "4294967ms");
}

/* ---- filters and orders ---- */

static struct weft_top_reading four_peers(void)
{
	static const __u32 states[] = {
		WEFT_PEER_STATE_UP, WEFT_PEER_STATE_SILENT, WEFT_PEER_STATE_GIVEN_UP, WEFT_PEER_STATE_IDLE,
	};
	struct weft_top_reading none = { }, reading = reading_at(0);
	int i;

	for (i = 0; i < 4; i++) {
		peer_of(reading.dev, i)->state = states[i];
		peer_of(reading.dev, i)->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
		peer_of(reading.dev, i)->handshake_s = i == 3 ? 0 : 1000 - 100 * i;
		peer_of(reading.dev, i)->handshake_rtt_us = 100 * i;
		set_counters(peer_of(reading.dev, i), 0, 0, 10 * i);
	}
	if (!weft_top_compare(&none, &reading))
		test_bail("no memory");
	for (i = 0; i < 4; i++) {
		reading.rows[i].rx_rate = i == 2 ? 1e6 : i;
		reading.rows[i].tx_rate = 7;
	}
	reading.rows[1].new_drops = 1;
	return reading;
}

/* The peers by the first letter of their names, or of their keys. */
static void order_is(const char *sort, bool reverse, const char *filter, const char *want)
{
	struct weft_top_view view = { .sort = weft_top_column_find(sort), .reverse = reverse };
	struct weft_top_reading reading = four_peers();
	const struct weft_top_row **rows;
	char got[8] = "", name[128];
	size_t count, i;

	strcpy(view.filter, filter);
	rows = weft_top_choose(&view, &reading, &count);
	if (!rows)
		test_bail("no memory");
	for (i = 0; i < count; i++)
		got[i] = rows[i]->peer->name ? *rows[i]->peer->name : '-';
	snprintf(name, sizeof(name), "order: by %s%s, with '%s'", sort, reverse ? " reversed" : "", filter);
	test_text(name, got, want);
	free(rows);
	weft_top_forget(&reading);
}

static void test_orders(void)
{
	order_is("name", false, "", "els-");
	order_is("name", true, "", "-sle");
	order_is("state", false, "", "-sle");
	order_is("rx", false, "", "-lse");
	order_is("tx", false, "", "es-l");
	order_is("tx", true, "", "es-l");
	order_is("rtt", false, "", "l-se");
	order_is("handshake", false, "", "l-se");
	order_is("drops", false, "", "sl-e");
	order_is("endpoint", false, "", "lse-");
	order_is("name", false, "up", "e");
	order_is("name", false, "!up", "ls-");
	order_is("name", false, "given-up", "-");
	order_is("name", false, "ark", "s");
	order_is("name", false, "!ark", "el-");
	order_is("name", false, "203.0.113.", "es");
	order_is("name", false, "2001:db8::7", "-");
	order_is("name", false, "Q0ND", "-");
	order_is("name", false, "nothing", "");
	order_is("name", false, "!nothing", "els-");
}

/* ---- plain lines ---- */

static int pauses;

static void short_pause(unsigned int us)
{
	struct timespec some = { .tv_nsec = 2000000 };

	pauses += us / 1000000;
	nanosleep(&some, NULL);
}

static void start(struct test_bench *bench)
{
	test_bench_start(bench, "");
	bench->devices[0] = test_device("wft0", WEFT_KIND_WEFT, conf);
	bench->ctx.pause = short_pause;
	pauses = 0;
	peer_of(bench->devices[0], 1)->state = WEFT_PEER_STATE_SILENT;
	peer_of(bench->devices[0], 1)->known |= WEFT_ATTR_BIT(WEFT_PEER_A_STATE);
	set_counters(peer_of(bench->devices[0], 1), 0, 0, 12);
}

static int run(struct test_bench *bench, const char *words)
{
	char copy[256], *argv[16] = { "weft" }, *rest;
	int argc = 1, status;

	strcpy(copy, words);
	for (argv[argc] = strtok_r(copy, " ", &rest); argv[argc]; argv[argc] = strtok_r(NULL, " ", &rest))
		argc++;
	status = weft_command_main(&bench->ctx, argc, argv);
	test_bench_flush(bench);
	return status;
}

/* The time of day becomes HH:MM:SS. */
static void hide_times(char *text)
{
	for (; (text = strstr(text, "wft0 ")) && strlen(text) > 13; text += 5)
		memcpy(text + 5, "HH:MM:SS", 8);
}

static const char table[] =
	"wft0 HH:MM:SS: 4 peers, 0 up, 0/s received, 0/s sent, by name\n"
	"NAME                                          STATE       RX/s    TX/s       RTT  HANDSHAKE   DROPS  ENDPOINT\n"
	"ember                                         -              0       0         -      never       -  203.0.113.12:51820\n"
	"litespeed                                     -              0       0         -      never       -  -\n"
	"spark                                         silent         0       0         -      never      12  203.0.113.9:51820\n"
	KEY_C "  -              0       0         -      never       -  [2001:db8::7]:7\n";

static void test_batch(void)
{
	struct test_bench bench;
	char want[4096];

	start(&bench);
	snprintf(want, sizeof(want), "%s\n%s", table, table);
	test_ok(!run(&bench, "top wft0 count 2 every 7 sort name"), "lines: status");
	hide_times(bench.out);
	test_text("lines: two tables", bench.out, want);
	test_ok(pauses == 14, "lines: a pause before each");
	test_bench_end(&bench);
	start(&bench);
	run(&bench, "top wft0 count 1 sort state filter silent reverse");
	hide_times(bench.out);
	test_text("lines: a filter", bench.out,
		  "wft0 HH:MM:SS: 4 peers, 0 up, 0/s received, 0/s sent, by reverse state, 1 with silent\n"
		  "NAME          STATE       RX/s    TX/s       RTT  HANDSHAKE   DROPS  ENDPOINT\n"
		  "spark         silent         0       0         -      never      12  203.0.113.9:51820\n");
	test_bench_end(&bench);
}

static int (*real_get)(struct weft_backend *backend, const char *name, struct weft_device **dev);
static int gets, gets_that_succeed;

static int get_that_ends(struct weft_backend *backend, const char *name, struct weft_device **dev)
{
	if (gets++ < gets_that_succeed)
		return real_get(backend, name, dev);
	*dev = NULL;
	strcpy(backend->error, "No such device");
	return -ENODEV;
}

static void vanish_after(struct test_bench *bench, int readings)
{
	real_get = bench->backend.get;
	bench->backend.get = get_that_ends;
	gets = 0;
	gets_that_succeed = readings;
}

static void test_batch_failures(void)
{
	struct test_bench bench;

	start(&bench);
	bench.fail_get = "Operation not permitted";
	test_ok(run(&bench, "top wft0") == 1, "lines: without privileges: status");
	test_text("lines: without privileges", bench.err, "weft: cannot read interface 'wft0': Operation not permitted\n");
	test_text("lines: without privileges: no table", bench.out, "");
	test_bench_end(&bench);
	start(&bench);
	vanish_after(&bench, 2);
	test_ok(run(&bench, "top wft0 batch") == 1, "lines: an interface that vanishes: status");
	test_text("lines: an interface that vanishes", bench.err, "weft: cannot read interface 'wft0': No such device\n");
	test_ok(strstr(bench.out, "ember") && !strstr(bench.out, "\n\n"), "lines: one table before");
	test_bench_end(&bench);
}

/* ---- keys ---- */

#define FAKE_LINES	40

static char fake_lines[FAKE_LINES][256];
static enum weft_look fake_looks[FAKE_LINES];
static int fake_height, fake_width, fake_shown, fake_closed;
static const int *fake_keys;

static void fake_close(void)
{
	fake_closed++;
}

static void fake_size(int *lines, int *columns)
{
	*lines = fake_height;
	*columns = fake_width;
}

static void fake_put(int line, const char *text, enum weft_look look)
{
	if (line >= fake_height)
		return;
	snprintf(fake_lines[line], sizeof(fake_lines[line]), "%s", text);
	fake_looks[line] = look;
}

static void fake_show(void)
{
	fake_shown++;
}

static int fake_press(int timeout_ms)
{
	int key = *fake_keys++;

	(void)timeout_ms;
	if (key == WEFT_PRESS_RESIZED)
		fake_height = 9;
	if (key == WEFT_PRESS_NONE)
		short_pause(0);
	return key;
}

static const struct weft_screen fake_screen = {
	.close = fake_close, .size = fake_size, .put = fake_put, .show = fake_show, .press = fake_press,
};

/* Each of the keys is pressed; the last lines that were drawn stay. */
static bool press_keys(struct test_bench *bench, struct weft_top_job *job, int height, const int *keys)
{
	bool good;

	memset(fake_lines, 0, sizeof(fake_lines));
	fake_height = height;
	fake_width = 100;
	fake_shown = fake_closed = 0;
	fake_keys = keys;
	*job = (struct weft_top_job){
		.ctx = &bench->ctx, .iface = "wft0", .every_ms = 1000,
		.view.sort = weft_top_column_find("name"),
	};
	good = !weft_top_renew(job) && weft_top_live(job, &fake_screen);
	weft_top_forget(&job->reading);
	return good;
}

static void shows(const char *name, const char *want)
{
	char got[256] = "";
	int i;

	for (i = 2; i < fake_height - 1; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.4s%s", fake_lines[i],
			 i == fake_height - 2 ? "" : " ");
	test_text(name, got, want);
}

static void keys_show(const char *name, int height, const int *keys, const char *want)
{
	struct weft_top_job job;
	struct test_bench bench;
	char title[128];

	start(&bench);
	snprintf(title, sizeof(title), "keys: %s", name);
	test_ok(press_keys(&bench, &job, height, keys) && fake_closed == 1, title);
	shows(title, want);
	test_bench_end(&bench);
}

#define KEYS(...) ((const int[]){ __VA_ARGS__, 'q' })

static void test_keys(void)
{
	keys_show("none", 8, KEYS('x'), "embe lite spar Q0ND ");
	keys_show("more peers than lines", 5, KEYS('x'), "embe lite");
	keys_show("down", 5, KEYS(WEFT_PRESS_DOWN), "lite spar");
	keys_show("up at the top", 5, KEYS(WEFT_PRESS_UP, WEFT_PRESS_DOWN, WEFT_PRESS_UP), "embe lite");
	keys_show("a page down", 5, KEYS(WEFT_PRESS_PAGE_DOWN), "spar Q0ND");
	keys_show("down at the end", 5, KEYS(WEFT_PRESS_LAST, WEFT_PRESS_DOWN, WEFT_PRESS_DOWN), "spar Q0ND");
	keys_show("a page up", 5, KEYS(WEFT_PRESS_LAST, WEFT_PRESS_PAGE_UP), "embe lite");
	keys_show("to the top", 5, KEYS(WEFT_PRESS_LAST, WEFT_PRESS_HOME), "embe lite");
	keys_show("reverse", 8, KEYS('r'), "Q0ND spar lite embe ");
	keys_show("the next column", 8, KEYS('>'), "spar embe Q0ND lite ");
	keys_show("the column before", 8, KEYS('<'), "lite spar embe Q0ND ");
	keys_show("around", 8, KEYS(WEFT_PRESS_LEFT, WEFT_PRESS_RIGHT), "embe lite spar Q0ND ");
	keys_show("a filter", 8, KEYS('/', 'a', 'r', 'k', WEFT_PRESS_ENTER), "spar    ");
	keys_show("a filter: q is a letter", 8, KEYS('/', 'q', WEFT_PRESS_ERASE, 'a', 'r', WEFT_PRESS_ENTER), "spar    ");
	keys_show("a filter taken back", 8, KEYS('/', 'x', 'y', WEFT_PRESS_ESCAPE), "embe lite spar Q0ND ");
	keys_show("a resized terminal", 5, KEYS(WEFT_PRESS_RESIZED), "embe lite spar Q0ND  ");
	keys_show("read again", 8, KEYS(WEFT_PRESS_NONE, ' '), "embe lite spar Q0ND ");
	keys_show("a signal", 8, (const int[]){ WEFT_PRESS_END }, "embe lite spar Q0ND ");
	keys_show("a terminal of one line", 1, KEYS('x'), "");
}

static void test_screen(void)
{
	static const int typed[] = { '/', 0xfc, 0x6771, 0x1f600, 0x1b, WEFT_PRESS_ERASE, WEFT_PRESS_ENTER, 'q' };
	struct weft_top_job job;
	struct test_bench bench;
	int i;

	start(&bench);
	press_keys(&bench, &job, 8, KEYS('x'));
	test_ok(fake_looks[1] == WEFT_LOOK_TITLE && fake_looks[2] == WEFT_LOOK_PLAIN &&
		fake_looks[4] == WEFT_LOOK_WARNING, "screen: the silent peer stands out");
	for (i = 0; i < 8 && strlen(fake_lines[i]) < 100; i++)
		;
	test_ok(i == 8, "screen: no line reaches the last column");
	press_keys(&bench, &job, 8, typed);
	test_text("screen: a filter in UTF-8, its last character erased", job.view.filter, "\xc3\xbc\xe6\x9d\xb1");
	test_bench_end(&bench);
	start(&bench);
	vanish_after(&bench, 2);
	test_ok(!press_keys(&bench, &job, 8, KEYS(' ', ' ', 'x')) && fake_closed == 1,
		"screen: an interface that vanishes ends it");
	test_bench_flush(&bench);
	test_text("screen: the reason, behind the screen", bench.err, "weft: cannot read interface 'wft0': No such device\n");
	test_bench_end(&bench);
}

static bool live_once(const void *data)
{
	struct weft_top_job job;
	struct test_bench bench;
	bool good;

	(void)data;
	test_memory_spare();
	start(&bench);
	test_memory_spare_end();
	good = press_keys(&bench, &job, 8, KEYS(' ', '>'));
	test_memory_spare();
	test_bench_flush(&bench);
	good |= test_memory_failed() && (!fake_shown || fake_closed == 1);
	test_bench_end(&bench);
	test_memory_spare_end();
	return good;
}

int main(void)
{
	test_safe();
	test_safe_limits();
	test_rates();
	test_memory_each("rates: without memory", compare_once, NULL);
	test_cells();
	test_orders();
	test_batch();
	test_batch_failures();
	test_keys();
	test_screen();
	test_memory_each("screen: without memory", live_once, NULL);
	return test_end();
}
