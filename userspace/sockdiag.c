// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/mptcp.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "error.h"
#include "netns.h"
#include "sockdiag.h"

/* The kernel answers with datagrams of at most 32 KiB. */
#define DATAGRAM_BYTES (64 * 1024)
#define TRIES 8			/* for a dump that is interrupted */

/* TCP_BOUND_INACTIVE (in v6.8): TCP_CLOSE, but bound to a port */
#define BOUND_INACTIVE 13

long long sockdiag_socket_bytes(const struct sockdiag_socket *socket)
{
	return socket->receive_queue_bytes + socket->write_queue_bytes +
	       socket->forward_alloc_bytes;
}

static void set_endpoint(struct endpoint *endpoint, int family,
			 const __be32 *address, __be16 port)
{
	endpoint->family = (sa_family_t)family;
	endpoint->port = ntohs(port);
	memcpy(&endpoint->ipv6, address,
	       family == AF_INET6 ? sizeof(endpoint->ipv6) :
				    sizeof(endpoint->ipv4));
}

/* One socket. Returns 0 or a negative errno value. */
static int parse_socket(struct sockdiag *diag, unsigned int netns,
			struct nlmsghdr *header, char **error)
{
	static const struct nla_policy policy[INET_DIAG_MAX + 1] = {
		[INET_DIAG_SKMEMINFO] = {
			.minlen = (SK_MEMINFO_WMEM_QUEUED + 1) * 4
		},
	};
	const struct inet_diag_msg *message = nlmsg_data(header);
	struct nlattr *attributes[INET_DIAG_MAX + 1];
	struct sockdiag_socket *socket;
	uint32_t memory[SK_MEMINFO_WMEM_QUEUED + 1];

	if (nlmsg_parse(header, sizeof(*message), attributes, INET_DIAG_MAX,
			policy) < 0 ||
	    (message->idiag_family != AF_INET &&
	     message->idiag_family != AF_INET6))
		return error_set(error, EPROTO,
				 "sock_diag sent a message that makes no sense");
	if (!attributes[INET_DIAG_SKMEMINFO]) {
		diag->mini_sockets++;
		return 0;
	}
	socket = array_append(&diag->sockets, &diag->n_sockets,
			      sizeof(*socket));
	if (!socket)
		return error_set(error, ENOMEM, "not enough memory");
	nla_memcpy(memory, attributes[INET_DIAG_SKMEMINFO], sizeof(memory));
	*socket = (struct sockdiag_socket){
		.cookie = (uint64_t)message->id.idiag_cookie[1] << 32 |
			  message->id.idiag_cookie[0],
		.netns = netns,
		.inode = message->idiag_inode,
		.bound_only = message->idiag_state == TCP_CLOSE ||
			      message->idiag_state == BOUND_INACTIVE,
		.receive_queue_bytes = (int32_t)memory[SK_MEMINFO_RMEM_ALLOC],
		.write_queue_bytes = (int32_t)memory[SK_MEMINFO_WMEM_QUEUED],
		.forward_alloc_bytes = (int32_t)memory[SK_MEMINFO_FWD_ALLOC],
	};
	set_endpoint(&socket->local, message->idiag_family,
		     message->id.idiag_src, message->id.idiag_sport);
	set_endpoint(&socket->remote, message->idiag_family,
		     message->id.idiag_dst, message->id.idiag_dport);
	return 0;
}

/* The kernel's answer is an error. code is a positive errno value. */
static int answer_error(int code, char **error)
{
	if (code == ENOENT)
		return error_set(error, code,
				 "the kernel has no sock_diag for TCP: modprobe tcp_diag (CONFIG_INET_TCP_DIAG)");
	return error_set(error, code, "sock_diag: %s", strerror(code));
}

/*
 * The number at the start of a NLMSG_DONE or NLMSG_ERROR message: 0 or a
 * negative errno value.
 */
static int parse_status(struct nlmsghdr *header, char **error)
{
	int status;

	if (nlmsg_datalen(header) < (int)sizeof(status))
		return error_set(error, EPROTO,
				 "sock_diag sent a truncated status");
	memcpy(&status, nlmsg_data(header), sizeof(status));
	return status < 0 ? answer_error(-status, error) : 0;
}

int sockdiag_parse(struct sockdiag *diag, unsigned int netns,
		   const void *datagram, size_t length, char **error)
{
	struct nlmsghdr *header = (struct nlmsghdr *)datagram;
	int left = (int)length;

	for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		int status = 0;

		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			diag->interrupted = true;
		if (header->nlmsg_type == NLMSG_DONE) {
			status = parse_status(header, error);
			return status ? status : 1;
		}
		if (header->nlmsg_type == NLMSG_ERROR)
			status = parse_status(header, error);
		else if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			status = parse_socket(diag, netns, header, error);
		if (status)
			return status;
	}
	if (left > 0)
		return error_set(error, EPROTO,
				 "sock_diag sent a truncated message");
	return 0;
}

static int netlink_error(int code, const char *what, char **error)
{
	int number = code == -NLE_NOMEM ? ENOMEM : EIO;

	return error_set(error, number, "cannot %s sock_diag: %s", what,
			 nl_geterror(code));
}

/* Receives the whole answer to a request. */
static int receive_dump(struct nl_sock *netlink, struct sockdiag *diag,
			unsigned int netns, char **error)
{
	int status = 0;

	while (!status) {
		struct sockaddr_nl sender;
		unsigned char *datagram = NULL;
		int length = nl_recv(netlink, &sender, &datagram, NULL);

		if (length < 0)
			return netlink_error(length, "receive from", error);
		if (length > 0 && sender.nl_pid == 0)
			status = sockdiag_parse(diag, netns, datagram,
						(size_t)length, error);
		free(datagram);
	}
	return status < 0 ? status : 0;
}

/* MPTCP's protocol does not fit the byte that the request has for it. */
struct request {
	struct inet_diag_req_v2 fixed;
	struct nlattr attribute;
	uint32_t protocol;
};

static void set_protocol(struct request *request, int protocol)
{
	request->fixed.sdiag_protocol = (uint8_t)protocol;
	request->attribute.nla_len = NLA_HDRLEN + sizeof(request->protocol);
	request->attribute.nla_type = INET_DIAG_REQ_PROTOCOL;
	request->protocol = (uint32_t)protocol;
}

/* Adds the sockets of one address family, in whichever state. */
static int dump_family(struct nl_sock *netlink, struct sockdiag *diag,
		       unsigned int netns, uint8_t family, char **error)
{
	struct request request = {
		.fixed = {
			.sdiag_family = family,
			.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
			.idiag_states = ~0u,
		},
	};
	int status;

	set_protocol(&request, diag->protocol);
	status = nl_send_simple(netlink, SOCK_DIAG_BY_FAMILY,
				NLM_F_REQUEST | NLM_F_DUMP, &request,
				sizeof(request));
	if (status < 0)
		return netlink_error(status, "ask", error);
	return receive_dump(netlink, diag, netns, error);
}

/* dump_family(), repeated while it is interrupted. */
static int dump_settled(struct nl_sock *netlink, struct sockdiag *diag,
			unsigned int netns, uint8_t family, char **error)
{
	bool interrupted_before = diag->interrupted;
	size_t mini_before = diag->mini_sockets;
	size_t before = diag->n_sockets;
	int status = 0;

	for (int i = 0; i < TRIES; i++) {
		diag->n_sockets = before;
		diag->mini_sockets = mini_before;
		diag->interrupted = false;
		status = dump_family(netlink, diag, netns, family, error);
		if (status || !diag->interrupted)
			break;
	}
	diag->interrupted |= interrupted_before;
	return status;
}

/* Adds the sockets of the thread's network namespace. */
static int dump_namespace(struct sockdiag *diag, unsigned int netns,
			  char **error)
{
	unsigned int *asked = array_append(&diag->namespaces,
					   &diag->n_namespaces,
					   sizeof(*asked));
	struct nl_sock *netlink = asked ? nl_socket_alloc() : NULL;
	int status;

	if (!netlink)
		return error_set(error, ENOMEM, "not enough memory");
	*asked = netns;
	status = nl_connect(netlink, NETLINK_SOCK_DIAG);
	if (!status)
		status = nl_socket_set_msg_buf_size(netlink, DATAGRAM_BYTES);
	if (status) {
		status = netlink_error(status, "connect to", error);
	} else {
		nl_socket_disable_msg_peek(netlink);
		status = dump_settled(netlink, diag, netns, AF_INET, error);
		if (!status)
			status = dump_settled(netlink, diag, netns, AF_INET6,
					      error);
	}
	nl_socket_free(netlink);
	return status;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct sockdiag_socket *left = a, *right = b;

	if (left->cookie != right->cookie)
		return left->cookie < right->cookie ? -1 : 1;
	return 0;
}

/* Sorts the sockets and removes those that the kernel reported twice. */
static void sort_sockets(struct sockdiag *diag)
{
	size_t kept = 0;

	if (!diag->n_sockets)
		return;
	qsort(diag->sockets, diag->n_sockets, sizeof(*diag->sockets),
	      compare_cookies);
	for (size_t i = 1; i < diag->n_sockets; i++)
		if (diag->sockets[i].cookie != diag->sockets[kept].cookie)
			diag->sockets[++kept] = diag->sockets[i];
	diag->n_sockets = kept + 1;
}

static int visit_namespace(unsigned int netns, int code, void *context,
			   char **error)
{
	struct sockdiag *diag = context;
	struct sockdiag_gap *gap;

	if (!code)
		return dump_namespace(diag, netns, error);
	gap = array_append(&diag->gaps, &diag->n_gaps, sizeof(*gap));
	if (!gap)
		return error_set(error, ENOMEM, "not enough memory");
	*gap = (struct sockdiag_gap){ .netns = netns, .code = code };
	return 0;
}

int sockdiag_read(struct sockdiag *diag, int protocol, char **error)
{
	int status;

	*diag = (struct sockdiag){ .protocol = protocol };
	status = netns_visit(visit_namespace, diag, error);
	sort_sockets(diag);
	return status;
}

int sockdiag_read_here(struct sockdiag *diag, char **error)
{
	struct stat file;
	int status;

	*diag = (struct sockdiag){ .protocol = IPPROTO_TCP };
	if (stat("/proc/thread-self/ns/net", &file) < 0)
		return error_set(error, errno,
				 "cannot find the network namespace: %s",
				 strerror(errno));
	status = dump_namespace(diag, (unsigned int)file.st_ino, error);
	sort_sockets(diag);
	return status;
}

int sockdiag_sum_port(uint16_t port, long long *bytes, char **error)
{
	struct sockdiag diag;
	int status = sockdiag_read_here(&diag, error);

	*bytes = 0;
	for (size_t i = 0; i < diag.n_sockets; i++)
		if (diag.sockets[i].local.port == port ||
		    diag.sockets[i].remote.port == port)
			*bytes += sockdiag_socket_bytes(&diag.sockets[i]);
	sockdiag_free(&diag);
	return status;
}

void sockdiag_free(struct sockdiag *diag)
{
	free(diag->sockets);
	free(diag->namespaces);
	free(diag->gaps);
	*diag = (struct sockdiag){ 0 };
}

static void set_address(const struct sockaddr_storage *address, __be32 *ip,
			__be16 *port)
{
	const struct sockaddr_in6 *ipv6 = (const void *)address;
	const struct sockaddr_in *ipv4 = (const void *)address;

	/* at the same place in both */
	*port = ipv4->sin_port;
	if (address->ss_family == AF_INET6)
		memcpy(ip, &ipv6->sin6_addr, sizeof(ipv6->sin6_addr));
	else
		memcpy(ip, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
}

static int note_state(struct nl_msg *message, void *state)
{
	const struct inet_diag_msg *answer = nlmsg_data(nlmsg_hdr(message));

	*(int *)state = answer->idiag_state;
	return NL_OK;
}

/* 0, or an error of libnl. Sets *state to the one that is told. */
static int ask(int type, const void *request, size_t size, int *state)
{
	struct nl_sock *netlink = nl_socket_alloc();
	int status = netlink ? nl_connect(netlink, NETLINK_SOCK_DIAG) :
			       -NLE_NOMEM;

	if (!status)
		status = nl_socket_modify_cb(netlink, NL_CB_VALID, NL_CB_CUSTOM,
					     note_state, state);
	if (!status)
		status = nl_send_simple(netlink, type, NLM_F_REQUEST,
					(void *)request, size);
	if (status >= 0)
		status = nl_wait_for_ack(netlink);
	nl_socket_free(netlink);
	return status < 0 ? status : 0;
}

/* A request for the socket of these addresses, with any cookie. */
static struct inet_diag_req_v2 request_at(const struct sockaddr_storage *local,
					  const struct sockaddr_storage *remote,
					  int protocol)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = (uint8_t)local->ss_family,
		.sdiag_protocol = (uint8_t)protocol,
		.idiag_states = ~0u,
		.id.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};

	set_address(local, request.id.idiag_src, &request.id.idiag_sport);
	set_address(remote, request.id.idiag_dst, &request.id.idiag_dport);
	return request;
}

static bool protocol_of(int fd, int *protocol)
{
	socklen_t length = sizeof(*protocol);

	return !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, protocol, &length);
}

/* Likewise for that socket. False: errno says why. */
static bool request_of(int fd, struct inet_diag_req_v2 *request)
{
	struct sockaddr_storage local, remote;
	socklen_t length = sizeof(local);
	int protocol;

	if (!protocol_of(fd, &protocol))
		return false;
	if (getsockname(fd, (struct sockaddr *)&local, &length))
		return false;
	length = sizeof(remote);
	if (getpeername(fd, (struct sockaddr *)&remote, &length))
		return false;
	*request = request_at(&local, &remote, protocol);
	return true;
}

static bool destroy(const struct inet_diag_req_v2 *request)
{
	int unused;
	int status = ask(SOCK_DESTROY, request, sizeof(*request), &unused);

	if (status)
		errno = status == -NLE_OPNOTSUPP    ? EOPNOTSUPP :
			status == -NLE_OBJ_NOTFOUND ? ENOENT :
						      EIO;
	return !status;
}

bool sockdiag_destroy(int fd)
{
	struct inet_diag_req_v2 request;

	return request_of(fd, &request) && destroy(&request);
}

bool sockdiag_destroy_closed(int fd)
{
	struct inet_diag_req_v2 request;

	return request_of(fd, &request) && !close(fd) && destroy(&request);
}

void sockdiag_mistake(int fd)
{
	struct inet_diag_req_v2 request;
	int unused;

	if (!request_of(fd, &request))
		return;
	/* of all ones is any */
	request.id.idiag_cookie[0] = 0;
	request.id.idiag_cookie[1] = 0;
	ask(SOCK_DIAG_BY_FAMILY, &request, sizeof(request), &unused);
}

/* Of MPTCP: what identifies it for sock_diag; 0: it has none. */
static unsigned int token_of(int fd)
{
	struct mptcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length) ?
	       0 : info.mptcpi_token;
}

void sockdiag_ask(int fd)
{
	struct request request = { 0 };
	int protocol, unused;

	if (!request_of(fd, &request.fixed) || !protocol_of(fd, &protocol))
		return;
	set_protocol(&request, protocol);
	if (protocol == IPPROTO_MPTCP)
		request.fixed.id.idiag_cookie[0] = token_of(fd);
	ask(SOCK_DIAG_BY_FAMILY, &request, sizeof(request), &unused);
}

int sockdiag_state(const struct sockaddr_storage *local,
		   const struct sockaddr_storage *remote)
{
	struct inet_diag_req_v2 request = request_at(local, remote,
						     IPPROTO_TCP);
	int state = 0;

	return ask(SOCK_DIAG_BY_FAMILY, &request, sizeof(request), &state) ?
	       0 : state;
}

bool sockdiag_destroy_at(const struct sockaddr_storage *local,
			 const struct sockaddr_storage *remote)
{
	struct inet_diag_req_v2 request = request_at(local, remote,
						     IPPROTO_TCP);

	return destroy(&request);
}

static bool join(int netlink, int group)
{
	return !setsockopt(netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			   sizeof(group));
}

int sockdiag_hear_of_ends(void)
{
	/* without a port of its own it would be told of nothing */
	const struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -1;
	if (!bind(fd, (const struct sockaddr *)&any, sizeof(any)) &&
	    join(fd, SKNLGRP_INET_TCP_DESTROY) &&
	    join(fd, SKNLGRP_INET_UDP_DESTROY) &&
	    join(fd, SKNLGRP_INET6_TCP_DESTROY) &&
	    join(fd, SKNLGRP_INET6_UDP_DESTROY))
		return fd;
	close(fd);
	return -1;
}
