// SPDX-License-Identifier: GPL-2.0
/* Hooks: the commands that run, their PATH, and the folder of "wg". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/hook.h"
#include "host/host.h"
#include "memory.h"
#include "support.h"

#define RUN_BYTES	4096

static char folder[] = "/tmp/weft-hook-XXXXXX";
static char self[256];

/* The calls, a line each: the shell, the text, and the PATH after "@". */
static struct {
	char lines[RUN_BYTES];
	const char *fails;
	bool told;
} shell;

static int shell_change(struct weft_host *host, const struct weft_change *change)
{
	const struct weft_program *program = &change->program;
	size_t len = strlen(shell.lines), i;

	snprintf(shell.lines + len, sizeof(shell.lines) - len, "%s %s @%s\n", program->words[0], program->script,
		 getenv("PATH") ?: "none");
	for (i = 0; i < program->count; i++)
		shell.told |= strstr(program->words[i], program->script) && strlen(program->script) > 3;
	if (change->kind != WEFT_CHANGE_PROGRAM)
		return -EINVAL;
	if (!shell.fails || !strstr(program->script, shell.fails))
		return 0;
	snprintf(host->error, sizeof(host->error), "it ends with status 3");
	return -EIO;
}

static struct weft_host host = { .change = shell_change };

static struct weft_profile *profile_of(const struct test_bench *bench, const char *hooks)
{
	struct weft_profile *profile;
	char text[1024];

	snprintf(text, sizeof(text), "[Interface]\nPrivateKey = " KEY_P "\n%s", hooks);
	profile = weft_profile_parse(&bench->ctx, "ut0.conf", text, "ut0");
	if (!profile)
		test_bail("the file of a case is broken");
	return profile;
}

static bool run(struct test_bench *bench, const char *hooks, const char *runtime)
{
	struct weft_profile *profile;
	bool good;

	test_memory_spare();
	test_bench_start(bench, "");
	bench->ctx.host = &host;
	bench->ctx.runtime = runtime;
	profile = profile_of(bench, hooks);
	test_memory_spare_end();
	shell.lines[0] = '\0';
	good = weft_hook_run(&bench->ctx, profile, WEFT_HOOK_POST_UP);
	weft_profile_free(profile);
	test_bench_flush(bench);
	return good;
}

static void test_run(const char *name, const char *hooks, const char *runtime, bool want,
		     const char *lines, const char *err)
{
	struct test_bench bench;

	test_ok(run(&bench, hooks, runtime) == want, name);
	test_text("  the hook runs", shell.lines, lines);
	test_text("  the error", bench.err, err);
	test_text("  PATH is as it was", getenv("PATH"), "/bin:/x");
	test_ok(!getenv("INTERFACE") && !strcmp(getenv("LC_ALL"), "C.UTF-8"), "  the rest of the environment is as it was");
	test_bench_end(&bench);
}

static void test_words(void)
{
	test_run("no hook", "PreUp = a\n", NULL, true, "", "");
	test_run("hooks in their order", "PostUp = a\nPreUp = b\nPostUp = c d\n", NULL, true,
		 "bash a @/bin:/x\nbash c d @/bin:/x\n", "");
	test_run("the interface's name", "PostUp = %i a%ib %% %j %i%i i%\n", NULL, true,
		 "bash ut0 aut0b %% %j ut0ut0 i% @/bin:/x\n", "");
}

static void test_failures(void)
{
	shell.fails = "no";
	test_run("the first failing hook is the last one", "PostUp = a\nPostUp = no KEY\nPostUp = c\n", NULL, false,
		 "bash a @/bin:/x\nbash no KEY @/bin:/x\n",
		 "weft: ut0.conf:4: PostUp: ut0: it ends with status 3\n");
	test_run("a wg with a path gets a hint", "PostUp = /usr/bin/wg no\n", NULL, false,
		 "bash /usr/bin/wg no @/bin:/x\n",
		 "weft: ut0.conf:3: PostUp: ut0: it ends with status 3 (a wg called by its path does not support links of kind weft: call it by name)\n");
	shell.fails = NULL;
	test_ok(!shell.told, "no hook's text is in the arguments, which every user can read");
}

/* Whether "wg" in the folder's bin is a link to this program. */
static bool has_link(const char *runtime)
{
	char path[128], to[256] = "";

	snprintf(path, sizeof(path), "%s/bin/wg", runtime);
	return readlink(path, to, sizeof(to) - 1) > 0 && !strcmp(to, self);
}

static void test_link(void)
{
	char lines[256], other[64], path[64];
	struct stat st;

	snprintf(lines, sizeof(lines), "bash a @%s/run/bin:/bin:/x\n", folder);
	test_run("a folder is created", "PostUp = a\n", "run", true, "bash a @run/bin:/bin:/x\n", "");
	test_ok(has_link("run"), "wg is this program");
	test_ok(!stat("run", &st) && (st.st_mode & 07777) == 0700 && !stat("run/bin", &st) &&
		(st.st_mode & 07777) == 0700, "no other user can write there");
	snprintf(path, sizeof(path), "%s/run", folder);
	test_run("an existing folder", "PostUp = a\n", path, true, lines, "");
	test_ok(has_link("run") && !lstat("run/bin/wg", &st), "an existing link");
	unlink("run/bin/wg");
	if (symlink("/bin/false", "run/bin/wg"))
		test_bail("no link");
	test_run("a link that leads elsewhere", "PostUp = a\n", "run", true, "bash a @run/bin:/bin:/x\n", "");
	test_ok(has_link("run"), "the link is replaced");
	snprintf(other, sizeof(other), "run/bin/wg.%d", getpid());
	test_ok(access(other, F_OK), "no other file is left");
}

static void test_refused_folder(const char *name, const char *runtime)
{
	test_run(name, "PostUp = a\n", runtime, true, "bash a @/bin:/x\n", "");
}

/* Without a safe folder, "wg" in hooks is the system's program. */
static void test_refused(void)
{
	test_refused_folder("no parent folder", "none/run");
	if (chmod("run", 0770))
		test_bail("no mode");
	test_refused_folder("a folder that a group can write to", "run");
	if (chmod("run", 0702))
		test_bail("no mode");
	test_refused_folder("a folder that other users can write to", "run");
	if (chmod("run", 0755) || chmod("run/bin", 0777))
		test_bail("no mode");
	test_refused_folder("a folder in one that other users can write to", "run");
	if (chmod("run/bin", 0755) || symlink("run", "link"))
		test_bail("no link");
	test_run("folders that other users can read", "PostUp = a\n", "run", true, "bash a @run/bin:/bin:/x\n", "");
	test_refused_folder("a link to a folder", "link");
	unlink("link");
	if (getuid() == 0 && !chown("run", 1, 1)) {
		test_refused_folder("another user's folder", "run");
		if (chown("run", 0, 0))
			test_bail("no owner");
	}
}

static void test_no_path(void)
{
	struct test_bench bench;

	unsetenv("PATH");
	test_ok(run(&bench, "PostUp = a\n", "run") && !getenv("PATH"), "an environment without PATH");
	test_text("  the hook runs", shell.lines, "bash a @none\n");
	test_bench_end(&bench);
	setenv("PATH", "/bin:/x", 1);
}

/* The hook runs, or the error is printed; PATH is restored. */
static bool once(const void *data)
{
	struct test_bench bench;
	bool good = run(&bench, "PostUp = a %i\n", "run");

	(void)data;
	good = good ? !strncmp(shell.lines, "bash a ut0 @", 12) :
		      test_memory_failed() && !*shell.lines &&
		      (!strcmp(bench.err, "weft: ut0.conf:3: PostUp: out of memory\n") ||
		       !strcmp(bench.err, "weft: ut0: out of memory\n"));
	test_bench_end(&bench);
	return good && !strcmp(getenv("PATH"), "/bin:/x") && has_link("run");
}

/* Built without sanitizers for another architecture. */
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)

/* Declared by the sanitizer's header, which some compilers lack. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *memory, size_t size),
					      void (*on_free)(const volatile void *memory));
size_t __sanitizer_get_allocated_size(const volatile void *memory);

static unsigned int unwiped;

static void look_at_malloc(const volatile void *memory, size_t size)
{
	(void)memory;
	(void)size;
}

static void look_at_free(const volatile void *memory)
{
	if (memory && memmem((const void *)memory, __sanitizer_get_allocated_size(memory), KEY_Q, strlen(KEY_Q)))
		unwiped++;
}

/* Memory with a hook's text is wiped before it is freed. */
static void test_wiped(void)
{
	struct test_bench bench;
	char *secret = strdup(KEY_Q);

	if (!__sanitizer_install_malloc_and_free_hooks(look_at_malloc, look_at_free))
		test_bail("no hooks of the allocator");
	free(secret);
	test_ok(unwiped == 1, "memory that is not wiped is found");
	unwiped = 0;
	test_ok(run(&bench, "PostUp = wg set %i private-key <(echo " KEY_Q "); echo %i%i%i\n", "run") &&
		strstr(shell.lines, KEY_Q "); echo ut0ut0ut0 @"), "a hook with a key runs");
	test_bench_end(&bench);
	test_ok(!unwiped, "  its memory is wiped");
}

#else

static void test_wiped(void)
{
}

#endif

int main(void)
{
	if (!mkdtemp(folder) || chdir(folder) || readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
		test_bail("no folder in /tmp");
	setenv("PATH", "/bin:/x", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	unsetenv("INTERFACE");
	test_words();
	test_failures();
	test_link();
	test_refused();
	test_no_path();
	test_wiped();
	test_memory_each("memory is short: a hook runs, or the error is printed", once, NULL);
	unlink("run/bin/wg");
	test_ok(!rmdir("run/bin") && !rmdir("run") && !chdir("/") && !rmdir(folder), "no other file is left");
	return test_end();
}
