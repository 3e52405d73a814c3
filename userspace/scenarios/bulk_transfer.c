// SPDX-License-Identifier: GPL-2.0-only
/*
 * As fast as it goes, over several CPUs: streams from pages of a file to a
 * reader that copies nothing, and datagrams. What a CPU holds back of the
 * counter is added to it thousands of times a second, by processes and by
 * interrupts, and who sends a datagram is beside who reads one. Then likewise,
 * but less, under memory pressure, where there are other ways to be charged.
 *
 *	sender 1..N ---- one connection ----> reader 1..N
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "scenarios.h"

/* What each sends, as a rule. */
#define STREAM_BYTES (1LL << 30)
#define DATAGRAMS 100000
#define FILE_BYTES (1 << 20)
#define DATAGRAM_BYTES 1000
/* What part of it under pressure: it takes longer. */
#define LESS 16
/* Above the second one, whatever is charged, and never above the third. */
#define PRESSURE "0 1 10000000"

struct transfer {
	const struct play *play;
	unsigned int part;	/* of what is sent as a rule */
	struct loopback server;
	int fd;			/* of the server */
	struct actor reader, sender;
};

static void read_stream(struct stage *stage, void *arg)
{
	struct transfer *transfer = arg;
	ssize_t n;
	int fd;

	fd = accept(transfer->fd, NULL, NULL);
	if (fd < 0)
		stage_fail(stage, "accept");
	while ((n = recv(fd, NULL, FILE_BYTES, MSG_TRUNC)) > 0)
		;
	if (n < 0)
		stage_fail(stage, "recv");
	stage_report(stage, 0);
}

static int make_file(struct stage *stage)
{
	int fd = memfd_create("sent", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, FILE_BYTES))
		stage_fail(stage, "a file in memory");
	return fd;
}

static void send_stream(struct stage *stage, void *arg)
{
	struct transfer *transfer = arg;
	long long left = play_scaled(transfer->play,
				     STREAM_BYTES / transfer->part);
	int file, fd;

	close(transfer->fd);
	file = make_file(stage);
	fd = loopback_connect(&transfer->server);
	if (fd < 0)
		stage_fail(stage, "connect");
	while (left > 0) {
		off_t offset = 0;
		ssize_t n = sendfile(fd, file, &offset, FILE_BYTES);

		if (n <= 0)
			stage_fail(stage, "sendfile");
		left -= n;
	}
	close(fd);
	stage_report(stage, 0);
}

/* The last one is empty, and sent until it is heard: any may be dropped. */
static void read_datagrams(struct stage *stage, void *arg)
{
	struct transfer *transfer = arg;
	char data[DATAGRAM_BYTES];
	ssize_t n;

	while ((n = recv(transfer->fd, data, sizeof(data), 0)) > 0)
		;
	if (n < 0)
		stage_fail(stage, "recv");
	close(transfer->fd);
	stage_report(stage, 0);
}

/* Asks for each without a pause: the queue is emptied as the next one comes. */
static void poll_datagrams(struct stage *stage, void *arg)
{
	struct transfer *transfer = arg;
	char data[DATAGRAM_BYTES];
	ssize_t n;

	do {
		n = recv(transfer->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			stage_fail(stage, "recv");
	} while (n);
	close(transfer->fd);
	stage_report(stage, 0);
}

static void send_datagrams(struct stage *stage, void *arg)
{
	static const char data[DATAGRAM_BYTES];
	struct transfer *transfer = arg;
	long long datagrams = play_scaled(transfer->play,
					  DATAGRAMS / transfer->part);
	int fd = loopback_connect(&transfer->server);

	close(transfer->fd);
	if (fd < 0)
		stage_fail(stage, "connect");
	for (long long i = 0; i < datagrams; i++)
		if (send(fd, data, sizeof(data), 0) < 0)
			stage_fail(stage, "send");
	/* until nobody is there any more */
	while (send(fd, NULL, 0, 0) == 0)
		;
	stage_report(stage, 0);
}

static const struct kind {
	int protocol;
	void (*read)(struct stage *stage, void *arg);
	void (*send)(struct stage *stage, void *arg);
} kinds[] = {
	{ 0, read_stream, send_stream },
	{ 0, read_stream, send_stream },
	{ 0, read_stream, send_stream },
	{ 0, read_stream, send_stream },
	{ IPPROTO_UDP, read_datagrams, send_datagrams },
	{ IPPROTO_UDP, poll_datagrams, send_datagrams },
};

#define TRANSFERS ARRAY_SIZE(kinds)

static bool open_server(struct play *play, struct transfer *transfer,
			int protocol)
{
	loopback_set(&transfer->server, play->family, 0);
	transfer->server.protocol = protocol;
	transfer->fd = protocol == IPPROTO_UDP ?
			       loopback_bind(&transfer->server) :
			       loopback_listen(&transfer->server, 1);
	return transfer->fd >= 0 || play_fail(play, "%s", strerror(errno));
}

static bool start(struct play *play, struct transfer *transfer,
		  const struct kind *kind)
{
	bool ok = open_server(play, transfer, kind->protocol) &&
		  play_start(play, &transfer->reader, "reader", kind->read,
			     transfer) &&
		  play_start(play, &transfer->sender, "sender", kind->send,
			     transfer);

	if (transfer->fd >= 0)
		close(transfer->fd);
	return ok;
}

static bool await_all(struct play *play, struct transfer *transfers)
{
	long long value;

	for (size_t i = 0; i < TRANSFERS; i++)
		if (!play_await(play, &transfers[i].sender, &value) ||
		    !play_await(play, &transfers[i].reader, &value))
			return false;
	return true;
}

static bool transfer_all(struct play *play, const char *phase,
			 unsigned int part)
{
	struct transfer transfers[TRANSFERS];
	bool ok = true;

	for (size_t i = 0; i < TRANSFERS; i++) {
		transfers[i] = (struct transfer){ .play = play, .part = part };
		ok = ok && start(play, &transfers[i], &kinds[i]);
	}
	ok = ok && await_all(play, transfers) &&
	     play_expect_settled(play, phase);
	for (size_t i = 0; i < TRANSFERS; i++) {
		actor_kill(&transfers[i].sender);
		actor_kill(&transfers[i].reader);
	}
	return ok;
}

static void play(struct play *play)
{
	long long pages;

	play_spread_packets(play);
	if (play_expect_balanced(play, "before") && play_pages(play, &pages) &&
	    transfer_all(play, "all is read", 1) &&
	    play_sysctl(play, "net.ipv4.tcp_mem", PRESSURE) &&
	    transfer_all(play, "under pressure, all is read", LESS))
		play_expect_return(play, "after", pages);
}

const struct scenario bulk_transfer = {
	.name = "bulk-transfer",
	.summary = "streams and datagrams as fast as they go, over several CPUs",
	.protocols = "TCP, UDP",
	.connections = 200,	/* see play_scaled(): there are six */
	.pages = 100,
	.play = play,
};
