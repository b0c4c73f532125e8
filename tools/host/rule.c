// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/fib_rules.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/rule.h>
#include <string.h>
#include <sys/socket.h>

#include "host/rtnl.h"

/* libnl supports neither "not" nor the suppression of default routes. */
static struct nl_msg *rule_build_list(int family, const void *wish)
{
	struct fib_rule_hdr head = { .family = family };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETRULE, NLM_F_DUMP);

	(void)wish;
	if (msg && nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static __u32 rule_number(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int rule_read(struct nlmsghdr *hdr, void *data)
{
	struct weft_rtnl_dump *dump = data;
	struct nlattr *tb[FRA_MAX + 1];
	struct fib_rule_hdr *head;
	struct weft_rule *rule;

	if (hdr->nlmsg_type != RTM_NEWRULE ||
	    nlmsg_parse(hdr, sizeof(*head), tb, FRA_MAX, NULL))
		return 0;
	head = nlmsg_data(hdr);
	if (head->family != dump->family)
		return 0;
	rule = weft_host_rules_add(dump->list);
	if (!rule)
		return -ENOMEM;
	rule->family = head->family;
	rule->priority = rule_number(tb[FRA_PRIORITY]);
	rule->table = tb[FRA_TABLE] ? nla_get_u32(tb[FRA_TABLE]) : head->table;
	rule->mark = rule_number(tb[FRA_FWMARK]);
	rule->invert = head->flags & FIB_RULE_INVERT;
	rule->no_default = tb[FRA_SUPPRESS_PREFIXLEN] &&
			   !nla_get_u32(tb[FRA_SUPPRESS_PREFIXLEN]);
	if (tb[FRA_PROTOCOL])
		rule->protocol = nla_get_u8(tb[FRA_PROTOCOL]);
	return 0;
}

static void rule_forget(struct weft_rtnl_dump *dump)
{
	weft_host_rules_free(dump->list);
}

int weft_rtnl_rules(struct weft_host *host, struct weft_rules *rules)
{
	struct weft_rtnl_dump dump = {
		.build = rule_build_list, .read = rule_read,
		.forget = rule_forget, .list = rules,
	};

	return weft_rtnl_list(host, &dump);
}

static struct nl_msg *rule_finish(struct nl_msg *msg,
				  const struct weft_rule *rule)
{
	struct fib_rule_hdr *head = nlmsg_data(nlmsg_hdr(msg));

	if (rule->invert)
		head->flags |= FIB_RULE_INVERT;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	if (!rule->no_default || !nla_put_u32(msg, FRA_SUPPRESS_PREFIXLEN, 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static struct nl_msg *rule_build(const struct weft_rule *rule, bool add)
{
	struct rtnl_rule *object = rtnl_rule_alloc();
	struct nl_msg *msg = NULL;
	int err;

	if (!object)
		return NULL;
	rtnl_rule_set_family(object, rule->family);
	rtnl_rule_set_prio(object, rule->priority);
	rtnl_rule_set_table(object, rule->table);
	rtnl_rule_set_action(object, FR_ACT_TO_TBL);
	rtnl_rule_set_protocol(object, rule->protocol);
	if (rule->mark)
		rtnl_rule_set_mark(object, rule->mark);
	err = add ? rtnl_rule_build_add_request(object,
						NLM_F_CREATE | NLM_F_EXCL,
						&msg) :
		    rtnl_rule_build_delete_request(object, 0, &msg);
	rtnl_rule_put(object);
	return err ? NULL : rule_finish(msg, rule);
}

int weft_rtnl_rule_change(struct weft_host *host,
			  const struct weft_change *change)
{
	return weft_rtnl_ask(host,
			     rule_build(&change->rule,
					change->kind == WEFT_CHANGE_RULE_ADD),
			     NULL, NULL);
}
