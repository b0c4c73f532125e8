// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/array.h"
#include "base/signals.h"

static const int signals_heeded[] = { SIGHUP, SIGINT, SIGTERM };
static atomic_int signals_noted;
static bool signals_outlive;

static void signals_note(int number)
{
	signals_noted = number;
}

static void signals_install(int flags)
{
	struct sigaction action = {
		.sa_handler = signals_note, .sa_flags = flags,
	};
	struct sigaction old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals_heeded); i++)
		if (!sigaction(signals_heeded[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals_heeded[i], &action, NULL);
}

void weft_signals_heed(void)
{
	signals_noted = 0;
	signals_install(SA_RESTART);
}

void weft_signals_outlive_reader(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;

	if (sigaction(SIGPIPE, NULL, &old) || old.sa_handler != SIG_DFL)
		return;
	signals_outlive = true;
	sigaction(SIGPIPE, &ignore, NULL);
}

bool weft_signals_outlives_reader(void)
{
	return signals_outlive;
}

int weft_signals_caught(void)
{
	return signals_noted;
}

void weft_signals_interrupt(bool on)
{
	struct sigaction old;

	if (!sigaction(SIGTERM, NULL, &old) && old.sa_handler == signals_note)
		signals_install(on ? 0 : SA_RESTART);
}
