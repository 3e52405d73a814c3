// SPDX-License-Identifier: GPL-2.0-only
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <string.h>

#include "array.h"
#include "pathmanager.h"

/* The least that has all that is told; the kernel has no other. */
#define VERSION 1

static struct nl_msg *message_of(int family, unsigned char command, int flags)
{
	struct genlmsghdr header = { .cmd = command, .version = VERSION };
	struct nl_msg *message = nlmsg_alloc_simple(family, flags);

	if (message && nlmsg_append(message, &header, sizeof(header),
				    NLMSG_ALIGNTO)) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

/* Sets *group to that of the name, among those that the attribute holds. */
static void find_group(struct nlattr *groups, const char *name, int *group)
{
	struct nlattr *attributes[CTRL_ATTR_MCAST_GRP_MAX + 1], *one;
	int left;

	nla_for_each_nested(one, groups, left) {
		if (!nla_parse_nested(attributes, CTRL_ATTR_MCAST_GRP_MAX, one,
				      NULL) &&
		    attributes[CTRL_ATTR_MCAST_GRP_NAME] &&
		    attributes[CTRL_ATTR_MCAST_GRP_ID] &&
		    !nla_strcmp(attributes[CTRL_ATTR_MCAST_GRP_NAME], name))
			*group = (int)nla_get_u32(attributes[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

struct answer {
	int family, group;
};

static int take_answer(struct nl_msg *message, void *arg)
{
	struct nlattr *attributes[CTRL_ATTR_MAX + 1];
	struct answer *answer = arg;

	if (nlmsg_parse(nlmsg_hdr(message), sizeof(struct genlmsghdr),
			attributes, CTRL_ATTR_MAX, NULL))
		return NL_SKIP;
	if (attributes[CTRL_ATTR_FAMILY_ID])
		answer->family = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
	if (attributes[CTRL_ATTR_MCAST_GROUPS])
		find_group(attributes[CTRL_ATTR_MCAST_GROUPS],
			   MPTCP_PM_EV_GRP_NAME, &answer->group);
	return NL_OK;
}

static int note_end(struct nl_msg *message, void *ended)
{
	(void)message;
	*(bool *)ended = true;
	return NL_STOP;
}

/* Of a list; of anything else a message that acknowledges it. */
static const enum nl_cb_type ends[] = { NL_CB_ACK, NL_CB_FINISH };

/* Before the end there may be an answer. */
static bool await_end(struct nl_sock *netlink)
{
	bool ended = false;
	int status = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		nl_socket_modify_cb(netlink, ends[i], NL_CB_CUSTOM, note_end,
				    &ended);
	while (!ended && status >= 0)
		status = nl_recvmsgs_default(netlink);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		nl_socket_modify_cb(netlink, ends[i], NL_CB_DEFAULT, NULL,
				    NULL);
	return ended;
}

/* What has MPTCP's name has numbers that differ from boot to boot. */
static struct answer resolve(struct nl_sock *netlink)
{
	struct nl_msg *message = message_of(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	struct answer answer = { 0 };

	if (!message)
		return answer;
	nl_socket_modify_cb(netlink, NL_CB_VALID, NL_CB_CUSTOM, take_answer,
			    &answer);
	if (!nla_put_string(message, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME) &&
	    nl_send_auto(netlink, message) >= 0)
		await_end(netlink);
	nl_socket_modify_cb(netlink, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
	nlmsg_free(message);
	return answer;
}

bool pathmanager_open(struct pathmanager *manager)
{
	struct answer answer;

	*manager = (struct pathmanager){
		.netlink = nl_socket_alloc(),
		.events = nl_socket_alloc(),
	};
	if (!manager->netlink || !manager->events ||
	    nl_connect(manager->netlink, NETLINK_GENERIC) ||
	    nl_connect(manager->events, NETLINK_GENERIC))
		goto no;
	answer = resolve(manager->netlink);
	manager->family = answer.family;
	if (answer.family && answer.group &&
	    !nl_socket_add_membership(manager->events, answer.group))
		return true;
no:
	pathmanager_close(manager);
	return false;
}

void pathmanager_close(struct pathmanager *manager)
{
	nl_socket_free(manager->netlink);
	nl_socket_free(manager->events);
}

unsigned int pathmanager_token(struct stage *stage, int fd)
{
	struct mptcp_info info;
	socklen_t length = sizeof(info);

	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length))
		stage_fail(stage, "MPTCP_INFO");
	return info.mptcpi_token;
}

static int put_address(struct nl_msg *message,
		       const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	int status = nla_put_u16(message, MPTCP_PM_ADDR_ATTR_FAMILY,
				 address->ss_family);

	/* sin_port and sin6_port are at the same place; in the host's order */
	if (!status && v4->sin_port)
		status = nla_put_u16(message, MPTCP_PM_ADDR_ATTR_PORT,
				     ntohs(v4->sin_port));
	if (status)
		return status;
	return address->ss_family == AF_INET ?
		       nla_put(message, MPTCP_PM_ADDR_ATTR_ADDR4,
			       sizeof(v4->sin_addr), &v4->sin_addr) :
		       nla_put(message, MPTCP_PM_ADDR_ATTR_ADDR6,
			       sizeof(v6->sin6_addr), &v6->sin6_addr);
}

/* local: with what only that has, or NULL. */
static int put_end(struct nl_msg *message, int type,
		   const struct sockaddr_storage *address,
		   const struct pathmanager_end *local)
{
	struct nlattr *nest = nla_nest_start(message, type | NLA_F_NESTED);
	int status = nest ? put_address(message, address) : -1;

	if (!status && local && local->id)
		status = nla_put_u8(message, MPTCP_PM_ADDR_ATTR_ID, local->id);
	if (!status && local && local->flags)
		status = nla_put_u32(message, MPTCP_PM_ADDR_ATTR_FLAGS,
				     local->flags);
	return status ? status : nla_nest_end(message, nest);
}

static int put_all(struct nl_msg *message, unsigned char command,
		   unsigned int token, const struct pathmanager_end *local,
		   const struct sockaddr_storage *remote)
{
	int status = nla_put_u32(message, MPTCP_PM_ATTR_TOKEN, token);

	if (!status && local)
		status = command == MPTCP_PM_CMD_REMOVE ?
				 nla_put_u8(message, MPTCP_PM_ATTR_LOC_ID,
					    local->id) :
				 put_end(message, MPTCP_PM_ATTR_ADDR,
					 &local->address, local);
	if (!status && remote)
		status = put_end(message, MPTCP_PM_ATTR_ADDR_REMOTE, remote,
				 NULL);
	return status;
}

bool pathmanager_tell(const struct pathmanager *manager, unsigned char command,
		      unsigned int token, const struct pathmanager_end *local,
		      const struct sockaddr_storage *remote)
{
	struct nl_msg *message = message_of(manager->family, command,
					    local ? 0 : NLM_F_DUMP);
	bool done;

	if (!message)
		return false;
	done = !put_all(message, command, token, local, remote) &&
	       nl_send_auto(manager->netlink, message) >= 0 &&
	       await_end(manager->netlink);
	nlmsg_free(message);
	return done;
}
