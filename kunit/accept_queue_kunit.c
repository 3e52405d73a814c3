// SPDX-License-Identifier: GPL-2.0-only
/* Connections that nobody has accepted, and the ways that they end. */
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "connection.h"
#include "scene.h"
#include "suites.h"

#define CLIENTS 3
#define SOME 1000

/* What has become of the clients when the queue is looked at. */
struct row {
	const char *name;
	int backlog;		/* the queue holds one more */
	bool sent, finished, reset;
};

static const struct row rows[] = {
	{ "idle", .backlog = CLIENTS },
	{ "data", .backlog = CLIENTS, .sent = true },
	{ "fin", .backlog = CLIENTS, .finished = true },
	{ "reset", .backlog = CLIENTS, .reset = true },
	{ "data_fin", .backlog = CLIENTS, .sent = true, .finished = true },
	{ "data_reset", .backlog = CLIENTS, .sent = true, .reset = true },
	{ "overflow", .backlog = CLIENTS - 2, .sent = true },
};

static int queue_length(const struct row *row)
{
	return min(row->backlog + 1, CLIENTS);
}

/* Those that find the queue full try on. */
static int connect_client(struct skbal_scene *scene)
{
	struct skbal_endpoint *client;
	int err = skbal_scene_make(scene, SOCK_STREAM, &client);

	if (err)
		return err;
	err = skbal_endpoint_connect(client, scene->listener, O_NONBLOCK);
	return err == -EINPROGRESS ? 0 : skbal_scene_step(scene, err);
}

static int end_client(struct skbal_scene *scene, const struct row *row,
		      struct skbal_endpoint *client)
{
	int err = 0;

	if (row->sent)
		err = skbal_scene_step(scene, skbal_endpoint_send(client, SOME, 0));
	if (err)
		return err;
	if (row->reset)
		skbal_endpoint_linger(client, 0);
	if (row->reset || row->finished)
		skbal_endpoint_close(client);
	return 0;
}

static int waiting(const struct skbal_scene *scene)
{
	return READ_ONCE(scene->listener->sk->sk_ack_backlog);
}

static int fill_queue(struct skbal_scene *scene, const struct row *row)
{
	int err = skbal_connection_listen(scene, row->backlog, 0);
	int i;

	for (i = 0; i < CLIENTS && !err; i++)
		err = connect_client(scene);
	if (err)
		return err;
	scene->subject = scene->listener;
	err = skbal_scene_await(scene, waiting(scene) == queue_length(row));
	for (i = 0; i < queue_length(row) && !err; i++)
		err = end_client(scene, row, &scene->listener[1 + i]);
	return err;
}

static void look(struct skbal_scene *scene, const struct row *row)
{
	const struct skbal_expectation want = {
		.when = "at the peak",
		.class = SKBAL_LISTEN,
		.waiting = queue_length(row),
	};

	KUNIT_EXPECT_EQ(scene->test, waiting(scene), queue_length(row));
	skbal_scene_check(scene, &want);
}

static void accept_all(struct skbal_scene *scene, const struct row *row)
{
	int i;

	for (i = 0; i < queue_length(row); i++) {
		struct skbal_endpoint *child = skbal_scene_add(scene);
		int received;

		if (skbal_scene_step(scene,
				     skbal_endpoint_accept(child,
							   scene->listener)))
			return;
		received = skbal_endpoint_drain(child);
		KUNIT_EXPECT_EQ(scene->test, received, row->sent ? SOME : 0);
		skbal_endpoint_close(child);
	}
}

static void close_listener(struct skbal_scene *scene, const struct row *row)
{
	skbal_endpoint_close(scene->listener);
	skbal_scene_expect_freed(scene, scene->listener);
}

/* Nobody listens any more, but the socket is still there. */
static void expect_over(struct skbal_scene *scene)
{
	const struct skbal_expectation want = {
		.when = "nobody listens",
		.class = SKBAL_CLOSED_HELD,
	};

	KUNIT_EXPECT_EQ(scene->test, waiting(scene), 0);
	skbal_scene_check(scene, &want);
}

static void shut_down(struct skbal_scene *scene, const struct row *row)
{
	skbal_scene_step(scene, skbal_endpoint_shutdown(scene->listener,
							SHUT_RDWR));
	expect_over(scene);
}

static void abort_it(struct skbal_scene *scene, const struct row *row)
{
	skbal_scene_step(scene, tcp_abort(scene->listener->sk, ECONNABORTED));
	expect_over(scene);
}

static void disconnect(struct skbal_scene *scene, const struct row *row)
{
	skbal_scene_step(scene, skbal_endpoint_disconnect(scene->listener));
	expect_over(scene);
}

static void play(struct kunit *test, void (*end)(struct skbal_scene *scene,
						 const struct row *row))
{
	const struct row *row = skbal_case_row(test, rows);
	struct skbal_scene *scene;

	if (!row)
		return;
	scene = skbal_scene_open(test, skbal_case_family(test), SKBAL_POOL_TCP);
	if (!scene)
		return;
	if (!fill_queue(scene, row)) {
		look(scene, row);
		end(scene, row);
	}
	skbal_scene_close(scene);
}

#define ROWS(X, arg)		\
	X(idle, arg)		\
	X(data, arg)		\
	X(fin, arg)		\
	X(reset, arg)		\
	X(data_fin, arg)	\
	X(data_reset, arg)	\
	X(overflow, arg)

SKBAL_SUITE(queue_accept, "accept_queue_accepted", accept_all, ROWS);
SKBAL_SUITE(queue_close, "accept_queue_closed", close_listener, ROWS);
SKBAL_SUITE(queue_shutdown, "accept_queue_shut_down", shut_down, ROWS);
SKBAL_SUITE(queue_abort, "accept_queue_aborted", abort_it, ROWS);
SKBAL_SUITE(queue_disconnect, "accept_queue_disconnected", disconnect, ROWS);
