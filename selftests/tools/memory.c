// SPDX-License-Identifier: GPL-2.0
/*
 * Replacements for the allocators of libc, libnl and json-c, which the command's objects in
 * libfault.a call: memory.syms maps the names.
 */
#include <errno.h>
#include <json-c/json.h>
#include <netlink/addr.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <netlink/socket.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "support.h"

static unsigned int memory_left;
static unsigned int memory_spared;
static bool memory_did_fail;

void test_memory_fail(unsigned int nth)
{
	memory_left = nth;
	memory_did_fail = false;
}

bool test_memory_failed(void)
{
	return memory_did_fail;
}

void test_memory_spare(void)
{
	memory_spared++;
}

void test_memory_spare_end(void)
{
	memory_spared--;
}

static bool memory_fails(void)
{
	if (!memory_left || memory_spared || --memory_left)
		return false;
	memory_did_fail = true;
	errno = ENOMEM;
	return true;
}

void test_memory_each(const char *name, bool (*once)(const void *data),
		      const void *data)
{
	unsigned int nth = 0, bad = 0;

	do {
		test_memory_fail(++nth);
		if (once(data))
			continue;
		bad++;
		printf("# %s: not so with allocation %u failing\n", name, nth);
	} while (memory_did_fail);
	test_memory_fail(0);
	test_ok(!bad && nth > 1, name);
}

/* A function that returns memory: its type, name, parameters and arguments. */
#define MEMORY_FAULT(type, name, parameters, arguments)			\
type fault_##name parameters;						\
type fault_##name parameters						\
{									\
	return memory_fails() ? NULL : name arguments;			\
}

MEMORY_FAULT(void *, malloc, (size_t size), (size))
MEMORY_FAULT(void *, calloc, (size_t count, size_t size), (count, size))
MEMORY_FAULT(void *, realloc, (void *old, size_t size), (old, size))
MEMORY_FAULT(void *, reallocarray, (void *old, size_t count, size_t size), (old, count, size))
MEMORY_FAULT(char *, strdup, (const char *text), (text))
MEMORY_FAULT(char *, strndup, (const char *text, size_t len), (text, len))
MEMORY_FAULT(FILE *, open_memstream, (char **text, size_t *len), (text, len))

MEMORY_FAULT(struct json_object *, json_object_new_array, (void), ())
MEMORY_FAULT(struct json_object *, json_object_new_object, (void), ())
MEMORY_FAULT(struct json_object *, json_object_new_boolean, (json_bool value), (value))
MEMORY_FAULT(struct json_object *, json_object_new_int, (int32_t value), (value))
MEMORY_FAULT(struct json_object *, json_object_new_uint64, (uint64_t value), (value))
MEMORY_FAULT(struct json_object *, json_object_new_string, (const char *text), (text))

MEMORY_FAULT(struct nl_sock *, nl_socket_alloc, (void), ())
MEMORY_FAULT(struct nl_msg *, nlmsg_alloc_simple, (int type, int flags), (type, flags))
MEMORY_FAULT(struct nl_msg *, nlmsg_alloc_size, (size_t size), (size))
MEMORY_FAULT(struct nl_addr *, nl_addr_build, (int family, const void *bytes, size_t len),
	     (family, bytes, len))
MEMORY_FAULT(struct rtnl_addr *, rtnl_addr_alloc, (void), ())
MEMORY_FAULT(struct rtnl_link *, rtnl_link_alloc, (void), ())
MEMORY_FAULT(struct rtnl_route *, rtnl_route_alloc, (void), ())
MEMORY_FAULT(struct rtnl_nexthop *, rtnl_route_nh_alloc, (void), ())
MEMORY_FAULT(struct rtnl_rule *, rtnl_rule_alloc, (void), ())

int fault_vasprintf(char **text, const char *fmt, va_list args);
int fault_vasprintf(char **text, const char *fmt, va_list args)
{
	if (!memory_fails())
		return vasprintf(text, fmt, args);
	/* As documented, the pointer is undefined after a failure. */
	*text = (char *)-1L;
	return -1;
}

int fault_asprintf(char **text, const char *fmt, ...);
int fault_asprintf(char **text, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = fault_vasprintf(text, fmt, args);
	va_end(args);
	return len;
}

/* Functions that return 0 or an error. */
#define MEMORY_ERROR(error, name, parameters, arguments)		\
int fault_##name parameters;						\
int fault_##name parameters						\
{									\
	return memory_fails() ? (error) : name arguments;		\
}

MEMORY_ERROR(-1, json_object_array_add, (struct json_object *array, struct json_object *value), (array, value))
MEMORY_ERROR(-1, json_object_object_add, (struct json_object *object, const char *key, struct json_object *value),
	     (object, key, value))
MEMORY_ERROR(-NLE_NOMEM, nlmsg_append, (struct nl_msg *msg, void *data, size_t len, int pad), (msg, data, len, pad))
MEMORY_ERROR(-NLE_NOMEM, nla_put, (struct nl_msg *msg, int type, int len, const void *data), (msg, type, len, data))
MEMORY_ERROR(-NLE_NOMEM, nla_put_u8, (struct nl_msg *msg, int type, uint8_t value), (msg, type, value))
MEMORY_ERROR(-NLE_NOMEM, nla_put_u16, (struct nl_msg *msg, int type, uint16_t value), (msg, type, value))
MEMORY_ERROR(-NLE_NOMEM, nla_put_string, (struct nl_msg *msg, int type, const char *text), (msg, type, text))
MEMORY_ERROR(-NLE_NOMEM, nla_put_flag, (struct nl_msg *msg, int type), (msg, type))
MEMORY_ERROR(-NLE_NOMEM, nla_put_u32, (struct nl_msg *msg, int type, uint32_t value), (msg, type, value))
MEMORY_ERROR(-NLE_NOMEM, rtnl_link_build_get_request, (int index, const char *name, struct nl_msg **msg),
	     (index, name, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_link_build_add_request, (struct rtnl_link *link, int flags, struct nl_msg **msg),
	     (link, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_link_build_delete_request, (const struct rtnl_link *link, struct nl_msg **msg),
	     (link, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_link_build_change_request,
	     (struct rtnl_link *link, struct rtnl_link *wish, int flags, struct nl_msg **msg), (link, wish, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_addr_build_add_request, (struct rtnl_addr *addr, int flags, struct nl_msg **msg),
	     (addr, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_addr_build_delete_request, (struct rtnl_addr *addr, int flags, struct nl_msg **msg),
	     (addr, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_route_build_add_request, (struct rtnl_route *route, int flags, struct nl_msg **msg),
	     (route, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_route_build_del_request, (struct rtnl_route *route, int flags, struct nl_msg **msg),
	     (route, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_rule_build_add_request, (struct rtnl_rule *rule, int flags, struct nl_msg **msg),
	     (rule, flags, msg))
MEMORY_ERROR(-NLE_NOMEM, rtnl_rule_build_delete_request, (struct rtnl_rule *rule, int flags, struct nl_msg **msg),
	     (rule, flags, msg))
