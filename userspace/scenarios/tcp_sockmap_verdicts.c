// SPDX-License-Identifier: GPL-2.0-only
/*
 *	keeper ---- connection 1..N ---- itself
 *
 * BPF programs decide on what is sent: all or so many bytes at a time pass, are
 * dropped, are received or sent by the other end, are cut or added to; or the
 * decision cannot be carried out. What is charged on the way is given back, each
 * byte once.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../array.h"
#include "../bpf.h"
#include "../connections.h"
#include "keeper.h"

#define PAYLOAD 10000
/* Some bytes of the payload are left for a last, incomplete part. */
#define PART 3000
#define CUT 100
/* How long bytes may be on the way. */
#define DRAIN_MS 3000

/* A program, and what comes of one payload. */
struct kind {
	const char *name;
	struct bpf_sending program;
	bool refused;		/* the other end does not send any more */
	bool faulty;		/* around it are some that end at no valid address */
	int error;		/* that send() may return */
	long long received;	/* bytes, by the other end */
	long long returned;	/* bytes, by the end that has sent them */
};

static const struct kind kinds[] = {
	{ "passed in parts", { .apply = PART }, .received = PAYLOAD },
	{ "dropped", { .verdict = BPF_VERDICT_DROPS }, .error = EACCES },
	{ "dropped in parts",
	  { .apply = PART, .verdict = BPF_VERDICT_DROPS }, .error = EACCES },
	{ "received past TCP", { .verdict = BPF_VERDICT_RECEIVED },
	  .received = PAYLOAD },
	{ "received past TCP in parts",
	  { .apply = PART, .verdict = BPF_VERDICT_RECEIVED },
	  .received = PAYLOAD },
	{ "sent by the other end", { .verdict = BPF_VERDICT_MOVED },
	  .returned = PAYLOAD },
	{ "sent by the other end in parts",
	  { .apply = PART, .verdict = BPF_VERDICT_MOVED },
	  .returned = PAYLOAD },
	{ "refused by the other end", { .verdict = BPF_VERDICT_MOVED },
	  .refused = true, .error = EPIPE },
	{ "refused by the other end in parts",
	  { .apply = PART, .verdict = BPF_VERDICT_MOVED },
	  .refused = true, .error = EPIPE },
	{ "cut and added to", { .cut = CUT, .add = 2 * CUT },
	  .received = PAYLOAD + CUT },
	/* the second payload completes the first, and is not read */
	{ "corked, then received past TCP",
	  { .cork = 2 * PAYLOAD, .verdict = BPF_VERDICT_RECEIVED }, .received = 0 },
	{ "corked, then sent by the other end",
	  { .cork = 2 * PAYLOAD, .verdict = BPF_VERDICT_MOVED }, .received = 0 },
	{ "corked, then refused by the other end",
	  { .cork = 2 * PAYLOAD, .verdict = BPF_VERDICT_MOVED },
	  .refused = true, .error = EPIPE },
	{ "corked, then dropped",
	  { .cork = 2 * PAYLOAD, .verdict = BPF_VERDICT_DROPS },
	  .error = EACCES },
	/* the second one would be added to what is corked */
	{ "corked between bad addresses", { .cork = 4 * PAYLOAD },
	  .faulty = true, .error = EFAULT },
};

#define KINDS ARRAY_SIZE(kinds)

/*
 * The other end is what a message is redirected to. Descriptors of maps are
 * kept: these let go of their sockets when they are closed.
 */
static void attach(struct stage *stage, const struct kind *kind,
		   const struct keeper_ends *ends,
		   int (*make)(unsigned int entries))
{
	struct bpf_sending program = kind->program;
	int map = make(1);

	program.targets = make(1);
	if (map < 0 || program.targets < 0 ||
	    bpf_sockmap_add(program.targets, 0, ends->accepted) ||
	    bpf_attach_sending(map, &program) ||
	    bpf_sockmap_add(map, 0, ends->connected))
		stage_fail(stage, kind->name);
}

/* A socket of one program does not get a second one. */
static void attach_in_vain(struct stage *stage, int map, int fd)
{
	if (!bpf_sockmap_add(map, 0, fd) || errno != EBUSY)
		stage_fail(stage, "a second program: expected EBUSY");
}

static void attach_all(struct stage *stage, const struct keeper_ends *all,
		       unsigned int connections)
{
	int other = bpf_sockmap(1);

	if (other < 0 || bpf_attach_sending(other, &(struct bpf_sending){ 0 }))
		stage_fail(stage, "another map");
	for (unsigned int i = 0; i < connections; i++) {
		const struct kind *kind = &kinds[i % KINDS];

		attach(stage, kind, &all[i],
		       i / KINDS % 2 ? bpf_sockhash : bpf_sockmap);
		attach_in_vain(stage, other, all[i].connected);
		if (kind->refused && shutdown(all[i].accepted, SHUT_WR))
			stage_fail(stage, "shutdown");
	}
}

/* Only its first bytes are there. */
static const char *faulty_payload(struct stage *stage)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *pages = mmap(NULL, 2 * page, PROT_READ,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || munmap(pages + page, page))
		stage_fail(stage, "mmap");
	return pages + page - CUT;
}

static void send_one(struct stage *stage, int fd, const char *payload,
		     const struct kind *kind)
{
	if (send(fd, payload, PAYLOAD, MSG_NOSIGNAL) < 0 &&
	    errno != kind->error)
		stage_fail(stage, kind->name);
}

static void send_all(struct stage *stage, const struct keeper_ends *all,
		     unsigned int connections)
{
	static const char payload[PAYLOAD];
	const char *faulty = faulty_payload(stage);

	for (unsigned int i = 0; i < connections; i++) {
		const struct kind *kind = &kinds[i % KINDS];
		int fd = all[i].connected;

		if (kind->faulty)
			send_one(stage, fd, faulty, kind);
		send_one(stage, fd, payload, kind);
		if (kind->faulty)
			send_one(stage, fd, faulty, kind);
	}
}

/* Waits a while for so many; whatever is there beside them is read, too. */
static long long drain(int fd, long long expected)
{
	static char data[CONNECTION_LARGEST];
	long long deadline = play_clock_ms() + DRAIN_MS, bytes = 0;
	ssize_t n;

	do {
		n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
		bytes += n > 0 ? n : 0;
	} while (n > 0 || (bytes < expected && play_clock_ms() < deadline));
	return bytes;
}

/* Reports what came of each kind. */
static void drain_all(struct stage *stage, const struct keeper_ends *all,
		      unsigned int connections)
{
	for (unsigned int k = 0; k < KINDS; k++) {
		const struct kind *kind = &kinds[k];
		long long received = 0, returned = 0;

		for (unsigned int i = k; i < connections; i += KINDS) {
			received += drain(all[i].accepted, kind->received);
			returned += drain(all[i].connected, kind->returned);
		}
		stage_report(stage, received);
		stage_report(stage, returned);
	}
}

static void keeper(struct stage *stage, void *arg)
{
	const struct keeper_cast *cast = arg;
	const struct keeper_ends *all = keeper_connect(stage, cast);

	attach_all(stage, all, cast->connections);
	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
	drain_all(stage, all, cast->connections);
	/* nobody reads that */
	send_all(stage, all, cast->connections);
	stage_report(stage, 0);
}

static bool expect_books(struct play *play, const char *phase,
			 const struct actor *keeper)
{
	return play_expect_settled(play, phase) &&
	       play_expect_meminfo(play, phase,
				   whose(BOOKS_CLASS_OPEN, keeper));
}

static bool expect_bytes(struct play *play, struct actor *keeper,
			 const struct kind *kind, long long connections)
{
	long long value;

	return play_step(play, keeper, &value) &&
	       play_expect(play, kind->name, "bytes at the other end",
			   connections * kind->received, value) &&
	       play_step(play, keeper, &value) &&
	       play_expect(play, kind->name, "bytes at the same end",
			   connections * kind->returned, value);
}

static bool go_through(struct play *play, struct actor *keeper)
{
	long long value;
	bool ok = play_await(play, keeper, &value) &&
		  expect_books(play, "sent", keeper);

	for (unsigned int k = 0; ok && k < KINDS; k++)
		ok = expect_bytes(play, keeper, &kinds[k],
				  play_share(play, KINDS, k));
	return ok && expect_books(play, "read", keeper) &&
	       play_step(play, keeper, &value) &&
	       expect_books(play, "sent again", keeper);
}

static void play(struct play *play)
{
	static const struct keeper how = { keeper, go_through };
	struct keeper_cast cast;

	if (!play_lacks(play, bpf_lacks_for_sending()))
		keeper_play(play, &how, &cast);
}

const struct scenario tcp_sockmap_verdicts = {
	.name = "tcp-sockmap-verdicts",
	.summary = "BPF programs cut, drop, split and redirect what is sent",
	.connections = 45,
	.pages = 8,
	.play = play,
};
