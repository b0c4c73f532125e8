// SPDX-License-Identifier: GPL-2.0
/* Peer names: valid ones, and every kind of invalid one. */
#include "test.h"
#include "lib/peer_name_check.c"

#define KEY	"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
#define TEN	"0123456789"

static const struct {
	const char *name;
	enum weft_peer_name_verdict verdict;
} cases[] = {
	{ "a", WEFT_PEER_NAME_GOOD },
	{ "hub 1, cellar", WEFT_PEER_NAME_GOOD },
	{ "\xc2\xa0", WEFT_PEER_NAME_GOOD },			/* after C1 */
	{ "\xdf\xbf", WEFT_PEER_NAME_GOOD },			/* the last of two bytes */
	{ "\xe0\xa0\x80", WEFT_PEER_NAME_GOOD },		/* the first of three */
	{ "\xed\x9f\xbf", WEFT_PEER_NAME_GOOD },		/* before the surrogates */
	{ "\xee\x80\x80", WEFT_PEER_NAME_GOOD },		/* after them */
	{ "\xef\xbf\xbf", WEFT_PEER_NAME_GOOD },
	{ "\xf0\x90\x80\x80", WEFT_PEER_NAME_GOOD },		/* the first of four */
	{ "\xf4\x8f\xbf\xbf", WEFT_PEER_NAME_GOOD },		/* the last code point */
	{ "Z\xc3\xbcrich \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x8c\xb3", WEFT_PEER_NAME_GOOD },
	{ TEN TEN TEN TEN TEN TEN "012", WEFT_PEER_NAME_GOOD },

	{ "", WEFT_PEER_NAME_LENGTH },
	{ TEN TEN TEN TEN TEN TEN "0123", WEFT_PEER_NAME_LENGTH },

	{ "a\nb", WEFT_PEER_NAME_CONTROL },
	{ "\x01", WEFT_PEER_NAME_CONTROL },
	{ "\x1f", WEFT_PEER_NAME_CONTROL },
	{ "\x7f", WEFT_PEER_NAME_CONTROL },
	{ "\xc2\x80", WEFT_PEER_NAME_CONTROL },
	{ "\xc2\x9f", WEFT_PEER_NAME_CONTROL },

	{ "\x80", WEFT_PEER_NAME_ENCODING },			/* a continuation byte first */
	{ "\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\x9f\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xbf\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xf8\x90\x80\x80", WEFT_PEER_NAME_ENCODING },	/* the start of five bytes */
	{ "\xc3", WEFT_PEER_NAME_ENCODING },			/* a truncated character */
	{ "\xe2\x82", WEFT_PEER_NAME_ENCODING },
	{ "\xf0\x9f\x8c", WEFT_PEER_NAME_ENCODING },
	{ "\xc3" "a", WEFT_PEER_NAME_ENCODING },
	{ "\xe2\x82" "a", WEFT_PEER_NAME_ENCODING },
	{ "\xc0\xaf", WEFT_PEER_NAME_ENCODING },		/* an overlong encoding */
	{ "\xc1\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xe0\x9f\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xf0\x8f\xbf\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xed\xa0\x80", WEFT_PEER_NAME_ENCODING },		/* surrogates */
	{ "\xed\xbf\xbf", WEFT_PEER_NAME_ENCODING },
	{ "\xf4\x90\x80\x80", WEFT_PEER_NAME_ENCODING },	/* above the last code point */
	{ "\xf5\x80\x80\x80", WEFT_PEER_NAME_ENCODING },
	{ "\xf8\x88\x80\x80\x80", WEFT_PEER_NAME_ENCODING },
	{ "\xff", WEFT_PEER_NAME_ENCODING },
	{ "good\xfe", WEFT_PEER_NAME_ENCODING },

	{ KEY, WEFT_PEER_NAME_KEY },
	{ "++++////AAAAzzzz0000999911112222333344445x=", WEFT_PEER_NAME_GOOD },	/* 43 */
	{ "++++////AAAAzzzz00009999111122223333444455x=", WEFT_PEER_NAME_KEY },
	{ "++++////AAAAzzzz000099991111222233334444555x", WEFT_PEER_NAME_GOOD },	/* no = */
	{ "++++////AAAAzzzz0000999911112222333344445-x=", WEFT_PEER_NAME_GOOD },
	{ "++++////AZazAZaz00009999111122223333444455x=", WEFT_PEER_NAME_KEY },
	{ "-+++////AAAAzzzz00009999111122223333444455x=", WEFT_PEER_NAME_GOOD },
	{ "++++////AAAAzzzz00009999111122223333444455-=", WEFT_PEER_NAME_GOOD },
	{ KEY " ", WEFT_PEER_NAME_GOOD },
};

static void peer_name_cases(struct test *t)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(t, weft_peer_name_check(cases[i].name, strlen(cases[i].name)),
			  cases[i].verdict);
}

/* A zero byte within the length is a control character, not an end. */
static void peer_name_zero_byte(struct test *t)
{
	EXPECT_EQ(t, weft_peer_name_check("a\0b", 3), WEFT_PEER_NAME_CONTROL);
	EXPECT_EQ(t, weft_peer_name_check("a\0b", 1), WEFT_PEER_NAME_GOOD);
	/* A length that ends within a character. */
	EXPECT_EQ(t, weft_peer_name_check("\xc3\xbc", 1), WEFT_PEER_NAME_ENCODING);
	EXPECT_EQ(t, weft_peer_name_check("a\xc3\xbc", 2), WEFT_PEER_NAME_ENCODING);
	EXPECT_EQ(t, weft_peer_name_check("a\xc3\xbc", 3), WEFT_PEER_NAME_GOOD);
}

/* All encodings of one character, against a slow check of their code points. */
static void peer_name_every_code(struct test *t)
{
	u32 code;

	for (code = 0; code < 0x110100; code++) {
		char text[4];
		size_t len = 0;
		bool good = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
		bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);

		if (code < 0x80) {
			text[len++] = code;
		} else if (code < 0x800) {
			text[len++] = 0xc0 | code >> 6;
		} else if (code < 0x10000) {
			text[len++] = 0xe0 | code >> 12;
			text[len++] = 0x80 | (code >> 6 & 0x3f);
		} else {
			text[len++] = 0xf0 | code >> 18;
			text[len++] = 0x80 | (code >> 12 & 0x3f);
			text[len++] = 0x80 | (code >> 6 & 0x3f);
		}
		if (code >= 0x80)
			text[len++] = 0x80 | (code & 0x3f);
		EXPECT_EQ(t, weft_peer_name_check(text, len),
			  !good ? WEFT_PEER_NAME_ENCODING :
				  control ? WEFT_PEER_NAME_CONTROL : WEFT_PEER_NAME_GOOD);
	}
}

TEST_SUITE("peer_name_check",
	   TEST_CASE(peer_name_cases),
	   TEST_CASE(peer_name_zero_byte),
	   TEST_CASE(peer_name_every_code));
