// SPDX-License-Identifier: GPL-2.0
/* Whole files read into memory, and warnings about readable keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "conf/file.h"
#include "memory.h"
#include "support.h"

#define MAX_BYTES	65000

static char folder[] = "/tmp/weft-file-XXXXXX";

static void write_bytes(const char *path, size_t len)
{
	FILE *file = fopen(path, "w");

	while (file && len--)
		fputc('a' + len % 26, file);
	if (!file || fclose(file))
		test_bail("cannot write a file");
}

static bool is_text(const struct weft_file *file, size_t len)
{
	size_t i;

	if (file->len != len || file->text[len])
		return false;
	for (i = 0; i < len; i++)
		if (file->text[i] != (char)('a' + (len - 1 - i) % 26))
			return false;
	return true;
}

/* Lengths around each size of the buffer. */
static void test_lengths(void)
{
	static const size_t lengths[] = {
		0, 1, 4094, 4095, 4096, 4097, 8190, 8191, 8192, 8193, 16383, 16384, MAX_BYTES - 1, MAX_BYTES,
	};
	struct test_bench bench;
	struct weft_file file;
	char name[64];
	struct stat st;
	size_t i;

	test_bench_start(&bench, "");
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		write_bytes("text", lengths[i]);
		snprintf(name, sizeof(name), "a file of %zu bytes", lengths[i]);
		test_ok(weft_file_read(&bench.ctx, "text", MAX_BYTES, &file) && is_text(&file, lengths[i]), name);
		test_ok(!stat("text", &st) && st.st_ino == file.seen.st_ino && st.st_dev == file.seen.st_dev &&
			st.st_size == file.seen.st_size, "is read unchanged");
		weft_file_wipe(&file);
		test_ok(!file.text && !file.len, "is wiped");
	}
	test_bench_flush(&bench);
	test_text("no error is printed", bench.err, "");
	test_bench_end(&bench);
}

static void test_refused(void)
{
	struct test_bench bench;
	struct weft_file file;

	write_bytes("text", MAX_BYTES + 1);
	test_bench_start(&bench, "");
	test_ok(!weft_file_read(&bench.ctx, "text", MAX_BYTES, &file) && !file.text, "a file above the limit");
	test_ok(!weft_file_read(&bench.ctx, "none", MAX_BYTES, &file) && !file.text, "a missing file");
	test_ok(!weft_file_read(&bench.ctx, ".", MAX_BYTES, &file) && !file.text, "a folder");
	test_bench_flush(&bench);
	test_text("each error has its reason", bench.err,
		  "weft: 'text' is longer than 65000 bytes\n"
		  "weft: cannot open 'none': No such file or directory\n"
		  "weft: cannot read '.': Is a directory\n");
	test_bench_end(&bench);
}

/* Standard input stays open: a second key may follow. */
static void test_stdin(void)
{
	struct test_bench bench;
	struct weft_file file;

	test_bench_start(&bench, "some text");
	test_ok(weft_file_read(&bench.ctx, "-", MAX_BYTES, &file) && !strcmp(file.text, "some text") && file.len == 9,
		"the standard input is read");
	weft_file_wipe(&file);
	test_ok(weft_file_read(&bench.ctx, "-", MAX_BYTES, &file) && !file.len, "the standard input stays open");
	weft_file_wipe(&file);
	test_bench_end(&bench);
}

static bool once_read(const void *data)
{
	struct test_bench bench;
	struct weft_file file;
	bool good;

	(void)data;
	test_bench_start(&bench, "");
	good = weft_file_read(&bench.ctx, "text", MAX_BYTES, &file);
	test_bench_flush(&bench);
	good = good ? is_text(&file, 20000) :
		      test_memory_failed() && !strcmp(bench.err, "weft: cannot read 'text': Cannot allocate memory\n");
	weft_file_wipe(&file);
	test_bench_end(&bench);
	return good;
}

static void test_short_memory(void)
{
	write_bytes("text", 20000);
	test_memory_each("a file is read completely, or the error is a lack of memory", once_read, NULL);
}

static void test_warned(const char *path, mode_t mode, bool warned)
{
	char want[160] = "", name[64];
	struct test_bench bench;

	if (mode && chmod(path, mode))
		test_bail("cannot change a mode");
	test_bench_start(&bench, "");
	weft_file_warn_readable(&bench.ctx, path);
	test_bench_flush(&bench);
	if (warned)
		snprintf(want, sizeof(want),
			 "weft: warning: '%s' contains a secret key, and other users can read it: remove their permissions (chmod o-rwx)\n", path);
	snprintf(name, sizeof(name), "'%s' with mode %04o: warning", path, mode);
	test_text(name, bench.err, want);
	test_bench_end(&bench);
}

static void test_readable(void)
{
	test_warned("text", 0600, false);
	test_warned("text", 0640, false);
	test_warned("text", 0604, true);
	test_warned("text", 0602, false);
	test_warned("text", 0601, false);
	test_warned("text", 0777, true);
	test_warned("none", 0, false);
	test_warned("-", 0, false);
	test_warned("/dev/null", 0, false);
	test_warned(".", 0755, false);
	if (chmod(".", 0700))
		test_bail("cannot change a mode");
}

/* A key is written to a file. */
static void test_key_into(const char *verb, const char *path, mode_t mode, bool warned)
{
	static const char warning[] =
		"weft: warning: the key is written to a file that other users can read: set the umask to 077 and try again\n";
	char *words[] = { "weft", (char *)verb, NULL }, name[96];
	struct test_bench bench;
	FILE *memory;

	test_bench_start(&bench, "");
	memory = bench.ctx.out;
	bench.ctx.out = fopen(path, "w");
	if (!bench.ctx.out || (mode && chmod(path, mode)))
		test_bail("cannot open a file for a key");
	snprintf(name, sizeof(name), "%s into '%s' with mode %04o", verb, path, mode);
	test_ok(!weft_command_main(&bench.ctx, 2, words), name);
	fclose(bench.ctx.out);
	bench.ctx.out = memory;
	test_bench_flush(&bench);
	test_text("  warning", bench.err, warned ? warning : "");
	test_bench_end(&bench);
}

static void test_keys(void)
{
	test_key_into("genkey", "key", 0600, false);
	test_key_into("genkey", "key", 0660, false);
	test_key_into("genkey", "key", 0604, true);
	test_key_into("genkey", "key", 0602, true);
	test_key_into("genkey", "key", 0601, true);
	test_key_into("genpsk", "key", 0600, false);
	test_key_into("genpsk", "key", 0644, true);
	test_key_into("genkey", "/dev/null", 0, false);
	test_key_into("genpsk", "/dev/null", 0, false);
}

int main(void)
{
	if (!mkdtemp(folder) || chdir(folder))
		test_bail("no folder in /tmp");
	test_lengths();
	test_refused();
	test_stdin();
	test_short_memory();
	test_readable();
	test_keys();
	unlink("text");
	unlink("key");
	test_ok(!chdir("/") && !rmdir(folder), "only the test's file is left");
	return test_end();
}
