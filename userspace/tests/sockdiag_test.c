// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sockdiag.h"
#include "tests/helper.h"

#define NETNS 4026531840u

/* A datagram under construction. */
struct datagram {
	_Alignas(struct nlmsghdr) char bytes[4096];
	size_t length;
};

static void add_message(struct datagram *datagram, int type, int flags,
			const void *payload, size_t length)
{
	struct nlmsghdr *header =
		(struct nlmsghdr *)(datagram->bytes + datagram->length);

	*header = (struct nlmsghdr){
		.nlmsg_len = (uint32_t)NLMSG_LENGTH(length),
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_MULTI | flags),
	};
	memcpy(NLMSG_DATA(header), payload, length);
	datagram->length += NLMSG_ALIGN(header->nlmsg_len);
}

struct socket_message {
	struct inet_diag_msg message;
	struct nlattr attribute;
	uint32_t memory[SK_MEMINFO_VARS];
};

static struct socket_message socket_message(uint32_t cookie)
{
	struct socket_message socket = {
		.message = {
			.idiag_family = AF_INET,
			.idiag_state = 1,
			.idiag_inode = 4711,
			.id = {
				.idiag_sport = htons(8000),
				.idiag_dport = htons(40000),
				.idiag_src = { htonl(0x7f000001) },
				.idiag_dst = { htonl(0x7f000002) },
				.idiag_cookie = { cookie, 1 },
			},
		},
		.attribute = {
			.nla_len = sizeof(struct nlattr) +
				   sizeof(socket.memory),
			.nla_type = INET_DIAG_SKMEMINFO,
		},
	};

	socket.memory[SK_MEMINFO_RMEM_ALLOC] = 100;
	socket.memory[SK_MEMINFO_WMEM_ALLOC] = 12345;
	socket.memory[SK_MEMINFO_WMEM_QUEUED] = 20;
	socket.memory[SK_MEMINFO_FWD_ALLOC] = (uint32_t)-3;
	return socket;
}

static void add_socket(struct datagram *datagram, int flags, uint32_t cookie)
{
	struct socket_message socket = socket_message(cookie);

	add_message(datagram, SOCK_DIAG_BY_FAMILY, flags, &socket,
		    sizeof(socket));
}

static void add_status(struct datagram *datagram, int type, int status)
{
	add_message(datagram, type, 0, &status, sizeof(status));
}

static int parse(struct sockdiag *diag, const struct datagram *datagram,
		 char **error)
{
	*diag = (struct sockdiag){ 0 };
	*error = NULL;
	return sockdiag_parse(diag, NETNS, datagram->bytes, datagram->length,
			      error);
}

/* The datagram must be refused with this status and a text with that in it. */
static void assert_refused(const struct datagram *datagram, int status,
			   const char *part)
{
	struct sockdiag diag;
	char *error;

	assert_int_equal(parse(&diag, datagram, &error), status);
	assert_non_null(error);
	assert_non_null(strstr(error, part));
	free(error);
	sockdiag_free(&diag);
}

static void sockets_are_read(void **state)
{
	struct datagram datagram = { .length = 0 };
	char text[ENDPOINT_TEXT_SIZE];
	const struct sockdiag_socket *socket;
	struct sockdiag diag;
	char *error;

	(void)state;
	add_socket(&datagram, 0, 7);
	add_socket(&datagram, 0, 8);
	assert_int_equal(parse(&diag, &datagram, &error), 0);
	assert_int_equal(diag.n_sockets, 2);
	assert_false(diag.interrupted);
	socket = &diag.sockets[0];
	assert_int_equal(socket->cookie, (1ULL << 32) + 7);
	assert_int_equal(socket->netns, NETNS);
	assert_int_equal(socket->inode, 4711);
	assert_false(socket->bound_only);
	assert_string_equal(endpoint_format(&socket->local, text),
			    "127.0.0.1:8000");
	assert_string_equal(endpoint_format(&socket->remote, text),
			    "127.0.0.2:40000");
	assert_int_equal(socket->receive_queue_bytes, 100);
	assert_int_equal(socket->write_queue_bytes, 20);
	assert_int_equal(socket->forward_alloc_bytes, -3);
	assert_int_equal(sockdiag_socket_bytes(socket), 117);
	sockdiag_free(&diag);
}

static void ipv6_is_read(void **state)
{
	struct socket_message socket = socket_message(1);
	struct datagram datagram = { .length = 0 };
	char text[ENDPOINT_TEXT_SIZE];
	struct sockdiag diag;
	char *error;

	(void)state;
	socket.message.idiag_family = AF_INET6;
	socket.message.idiag_state = 13;
	socket.message.id.idiag_src[0] = htonl(0xfe800000);
	socket.message.id.idiag_src[3] = htonl(1);
	add_message(&datagram, SOCK_DIAG_BY_FAMILY, 0, &socket,
		    sizeof(socket));
	assert_int_equal(parse(&diag, &datagram, &error), 0);
	assert_string_equal(endpoint_format(&diag.sockets[0].local, text),
			    "[fe80::1]:8000");
	assert_true(diag.sockets[0].bound_only);
	sockdiag_free(&diag);
}

static void mini_sockets_are_only_counted(void **state)
{
	struct socket_message socket = socket_message(1);
	struct datagram datagram = { .length = 0 };
	struct sockdiag diag;
	char *error;

	(void)state;
	add_message(&datagram, SOCK_DIAG_BY_FAMILY, 0, &socket,
		    sizeof(socket.message));
	assert_int_equal(parse(&diag, &datagram, &error), 0);
	assert_int_equal(diag.n_sockets, 0);
	assert_int_equal(diag.mini_sockets, 1);
	sockdiag_free(&diag);
}

static void done_ends_the_answer(void **state)
{
	struct datagram datagram = { .length = 0 };
	struct sockdiag diag;
	char *error;

	(void)state;
	add_socket(&datagram, 0, 1);
	add_status(&datagram, NLMSG_DONE, 0);
	assert_int_equal(parse(&diag, &datagram, &error), 1);
	assert_int_equal(diag.n_sockets, 1);
	sockdiag_free(&diag);
}

static void error_within_done_is_found(void **state)
{
	struct datagram datagram = { .length = 0 };

	(void)state;
	add_socket(&datagram, 0, 1);
	add_status(&datagram, NLMSG_DONE, -ENOMEM);
	assert_refused(&datagram, -ENOMEM, "sock_diag: ");
}

static void error_message_is_found(void **state)
{
	struct datagram datagram = { .length = 0 };

	(void)state;
	add_status(&datagram, NLMSG_ERROR, -ENOENT);
	assert_refused(&datagram, -ENOENT, "modprobe tcp_diag");
}

static void interruption_is_noticed(void **state)
{
	struct datagram datagram = { .length = 0 };
	struct sockdiag diag;
	char *error;

	(void)state;
	add_socket(&datagram, NLM_F_DUMP_INTR, 1);
	assert_int_equal(parse(&diag, &datagram, &error), 0);
	assert_true(diag.interrupted);
	sockdiag_free(&diag);
}

static void truncated_attribute_is_refused(void **state)
{
	struct socket_message socket = socket_message(1);
	struct datagram datagram = { .length = 0 };

	(void)state;
	socket.attribute.nla_len = sizeof(struct nlattr) +
				   SK_MEMINFO_WMEM_QUEUED * sizeof(uint32_t);
	add_message(&datagram, SOCK_DIAG_BY_FAMILY, 0, &socket,
		    offsetof(struct socket_message, memory) +
		    SK_MEMINFO_WMEM_QUEUED * sizeof(uint32_t));
	assert_refused(&datagram, -EPROTO, "makes no sense");
}

static void short_messages_are_refused(void **state)
{
	struct socket_message socket = socket_message(1);
	struct datagram datagram = { .length = 0 };

	(void)state;
	add_message(&datagram, SOCK_DIAG_BY_FAMILY, 0, &socket,
		    sizeof(socket.message) - 4);
	assert_refused(&datagram, -EPROTO, "makes no sense");
	datagram.length = 0;
	socket.message.idiag_family = AF_UNIX;
	add_message(&datagram, SOCK_DIAG_BY_FAMILY, 0, &socket,
		    sizeof(socket));
	assert_refused(&datagram, -EPROTO, "makes no sense");
	datagram.length = 0;
	add_message(&datagram, NLMSG_DONE, 0, &socket, 2);
	assert_refused(&datagram, -EPROTO, "truncated status");
}

/* Only where a message ends can a datagram be cut without being noticed. */
static void truncated_datagrams_are_refused(void **state)
{
	struct datagram whole = { .length = 0 };
	size_t first;

	(void)state;
	add_socket(&whole, 0, 1);
	first = whole.length;
	add_socket(&whole, 0, 2);
	for (size_t length = 0; length < whole.length; length++) {
		struct datagram cut = whole;
		struct sockdiag diag;
		char *error;

		cut.length = length;
		assert_int_equal(parse(&diag, &cut, &error),
				 length % first ? -EPROTO : 0);
		free(error);
		sockdiag_free(&diag);
	}
}

static void random_bytes_do_no_harm(void **state)
{
	struct datagram whole = { .length = 0 };

	(void)state;
	add_socket(&whole, 0, 1);
	add_socket(&whole, 0, 2);
	add_status(&whole, NLMSG_DONE, 0);
	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct datagram changed = whole;
		struct sockdiag diag;
		char *error;

		for (int j = rand() % 6; j >= 0; j--)
			changed.bytes[(size_t)rand() % whole.length] =
				(char)rand();
		parse(&diag, &changed, &error);
		free(error);
		sockdiag_free(&diag);
	}
}

/* A connection of our own, with data that its client has sent. */
struct connection {
	int listener, client;
	uint16_t server_port, client_port;
};

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length),
			 0);
	return ntohs(address.sin6_port);
}

static bool make_connection(struct connection *connection)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	socklen_t length = sizeof(address);

	connection->listener = socket(AF_INET6, SOCK_STREAM, 0);
	connection->client = socket(AF_INET6, SOCK_STREAM, 0);
	if (bind(connection->listener, (struct sockaddr *)&address, length))
		return false;
	assert_int_equal(listen(connection->listener, 1), 0);
	getsockname(connection->listener, (struct sockaddr *)&address,
		    &length);
	assert_int_equal(connect(connection->client,
				 (struct sockaddr *)&address, length), 0);
	assert_int_equal(send(connection->client, "x", 1, 0), 1);
	connection->server_port = port_of(connection->listener);
	connection->client_port = port_of(connection->client);
	return true;
}

static void break_connection(struct connection *connection)
{
	close(connection->client);
	close(connection->listener);
}

/* The byte is charged a page: at the other end, and until it is acked here */
static void assert_sum(uint16_t port)
{
	long page = sysconf(_SC_PAGESIZE);
	long long bytes;
	char *error;

	assert_int_equal(sockdiag_sum_port(port, &bytes, &error), 0);
	assert_in_range(bytes, page, 2 * page);
	assert_int_equal(bytes % page, 0);
}

/* Both ends and the listener must be there, and what was sent. */
static void this_kernel_is_asked(void **state)
{
	struct connection connection = { .client = -1 };
	struct sockdiag diag;
	size_t found = 0;
	char *error;

	(void)state;
	if (!make_connection(&connection))
		skip();
	if (sockdiag_read_here(&diag, &error)) {
		print_message("# SKIP %s\n", error);
		free(error);
		break_connection(&connection);
		skip();
	}
	for (size_t i = 0; i < diag.n_sockets; i++) {
		found += diag.sockets[i].local.port == connection.server_port ||
			 diag.sockets[i].remote.port == connection.server_port;
		if (i)
			assert_true(diag.sockets[i - 1].cookie <
				    diag.sockets[i].cookie);
	}
	assert_int_equal(found, 3);
	assert_sum(connection.server_port);
	assert_sum(connection.client_port);
	sockdiag_free(&diag);
	break_connection(&connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_read),
		cmocka_unit_test(ipv6_is_read),
		cmocka_unit_test(mini_sockets_are_only_counted),
		cmocka_unit_test(done_ends_the_answer),
		cmocka_unit_test(error_within_done_is_found),
		cmocka_unit_test(error_message_is_found),
		cmocka_unit_test(interruption_is_noticed),
		cmocka_unit_test(truncated_attribute_is_refused),
		cmocka_unit_test(short_messages_are_refused),
		cmocka_unit_test(truncated_datagrams_are_refused),
		cmocka_unit_test(random_bytes_do_no_harm),
		cmocka_unit_test(this_kernel_is_asked),
	};

	return cmocka_run_group_tests_name("sockdiag", tests, NULL, NULL);
}
