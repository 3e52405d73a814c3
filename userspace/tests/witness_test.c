// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "tests/helper.h"
#include "tests/sight.h"
#include "witness.h"

#define CLOSED_HELD "closed-held/skbalance/tcp/sockets"
#define ACCEPT_QUEUE "accept-queue/skbalance/tcp/sockets"

/* Both readings of the books are this text; all that is hashed is seen. */
static void setup(struct witness *witness, const char *path)
{
	*witness = (struct witness){ 0 };
	helper_parse(&witness->before, helper_data(path));
	helper_parse(&witness->after, helper_data(path));
	sight_of_books(&witness->diag, &witness->after);
}

static void compare(struct witness *witness, enum witness_verdict verdict)
{
	assert_int_equal(witness_compare(witness), 0);
	assert_int_equal(witness->verdict, verdict);
}

static void assert_dispute(const struct witness *witness,
			   enum witness_dispute_kind kind, long long book_bytes,
			   long long seen_bytes)
{
	assert_int_equal(witness->n_disputes, 1);
	assert_int_equal(witness->disputes[0].kind, kind);
	assert_int_equal(witness->disputes[0].book_bytes, book_bytes);
	assert_int_equal(witness->disputes[0].seen_bytes, seen_bytes);
}

static void closed_sockets_are_unseen(void **state)
{
	const struct witness_group *group;
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.diag.n_sockets, 1);
	assert_int_equal(witness.booked[BOOKS_CLASS_CLOSED_HELD].sockets, 10);
	assert_int_equal(witness.seen[BOOKS_CLASS_CLOSED_HELD].sockets, 0);
	assert_int_equal(witness.seen[BOOKS_CLASS_LISTEN].sockets, 1);
	assert_int_equal(witness.unseen.sockets, 10);
	assert_int_equal(witness_pages(&witness, &witness.unseen), 20);
	assert_int_equal(witness.n_groups, 1);
	group = &witness.groups[0];
	assert_int_equal(group->reason, WITNESS_CLOSED);
	assert_int_equal(group->tally.sockets, 10);
	assert_string_equal(group->example->comm, "frozen-client");
	witness_free(&witness);
}

static void reset_children_are_unseen(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.seen[BOOKS_CLASS_ACCEPT_QUEUE].sockets, 18);
	assert_int_equal(witness.n_groups, 1);
	assert_int_equal(witness.groups[0].reason, WITNESS_RESET);
	assert_int_equal(witness.groups[0].tally.sockets, 2);
	witness_free(&witness);
}

static void hashed_sockets_must_be_seen(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	witness.diag.n_sockets--;
	compare(&witness, WITNESS_UNSETTLED);
	assert_int_equal(witness.disputes[0].kind, WITNESS_UNSEEN);
	assert_int_equal(witness.n_disputes, 1);
	assert_int_equal(witness.unseen.sockets, 3);
	witness_free(&witness);
}

static void seen_sockets_must_be_booked(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	sight_add(&witness.diag, "127.0.0.1:1", "127.0.0.1:2", 99, 4096);
	compare(&witness, WITNESS_UNSETTLED);
	assert_dispute(&witness, WITNESS_UNBOOKED, 0, 4096);
	assert_int_equal(witness.unbooked.sockets, 1);
	assert_int_equal(witness.unbooked.bytes, 4096);
	witness_free(&witness);
}

static void other_bytes_are_a_dispute(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.diag.sockets[0].write_queue_bytes += 5;
	compare(&witness, WITNESS_UNSETTLED);
	assert_dispute(&witness, WITNESS_DIFFERS, 0, 5);
	witness_free(&witness);
}

static void changing_sockets_are_no_dispute(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.before.sockets[0].charged_bytes += 4096;
	witness.diag.sockets[0].write_queue_bytes += 5;
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 1);
	witness_free(&witness);
}

static void uncharged_bytes_are_visible(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.before.sockets[0].error_queue_bytes = 3;
	witness.after.sockets[0].zerocopy_bytes = 3;
	witness.diag.sockets[0].receive_queue_bytes += 3;
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 0);
	witness_free(&witness);
}

static void bypassed_bytes_are_visible(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.before.sockets[0].bypassed_bytes = 4096;
	witness.after.sockets[0].bypassed_bytes = 4096;
	witness.diag.sockets[0].receive_queue_bytes += 4096;
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 0);
	witness_free(&witness);
}

static void newcomers_are_no_dispute(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	/* the first one is seen, the last two cannot be */
	witness.before.sockets[0].local = "[::1]:1";
	witness.before.sockets[19].local = "[::1]:1";
	witness.before.sockets[20].local = "[::1]:1";
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 3);
	assert_int_equal(witness.unseen.sockets, 0);
	witness_free(&witness);
}

static void leavers_are_no_dispute(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	witness.after.sockets[0].local = "[::1]:1";
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 2);
	assert_int_equal(witness.unbooked.sockets, 0);
	witness_free(&witness);
}

/* Kernel sockets have an inode number, but no file: none in the books. */
static void inode_of_one_side_is_enough(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.before.sockets[0].inode = 0;
	witness.after.sockets[0].inode = 0;
	assert_int_not_equal(witness.diag.sockets[0].inode, 0);
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.moving, 0);
	witness_free(&witness);
}

static void other_inode_is_another_socket(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.diag.sockets[0].inode++;
	compare(&witness, WITNESS_UNSETTLED);
	assert_int_equal(witness.n_disputes, 2);
	assert_int_equal(witness.disputes[0].kind, WITNESS_UNBOOKED);
	assert_int_equal(witness.disputes[1].kind, WITNESS_UNSEEN);
	witness_free(&witness);
}

/* A child was reset, and its client's port was used again for another one. */
static void reset_twin_is_not_mistaken(void **state)
{
	struct books_socket *reset;
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	reset = &witness.after.sockets[20];
	assert_string_equal(reset->state, "CLOSE");
	reset->local = witness.after.sockets[0].local;
	reset->remote = witness.after.sockets[0].remote;
	witness.before.sockets[20].local = reset->local;
	witness.before.sockets[20].remote = reset->remote;
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.unseen.sockets, 2);
	assert_int_equal(witness.seen[BOOKS_CLASS_ACCEPT_QUEUE].sockets, 18);
	witness_free(&witness);
}

/* One with the same addresses elsewhere, where sock_diag was not asked. */
static void namespaces_are_kept_apart(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	witness.before.sockets[0].netns = 5;
	witness.after.sockets[0].netns = 5;
	compare(&witness, WITNESS_UNSETTLED);
	assert_int_equal(witness.n_disputes, 1);
	assert_int_equal(witness.disputes[0].kind, WITNESS_UNBOOKED);
	assert_int_equal(witness.unseen.sockets, 3);
	assert_int_equal(witness.n_groups, 2);
	assert_true(witness.groups[0].reason == WITNESS_NETNS ||
		    witness.groups[1].reason == WITNESS_NETNS);
	witness_free(&witness);
}

static void mptcp_is_unseen(void **state)
{
	struct witness witness;
	struct books *both[] = { &witness.before, &witness.after };

	(void)state;
	setup(&witness, ACCEPT_QUEUE);
	/* beside its subflow, which has the same addresses and inode */
	witness.diag.sockets[0].inode = 77;
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		struct books_socket *sockets = both[i]->sockets;

		sockets[20].protocol = "MPTCP";
		sockets[20].state = "ESTABLISHED";
		sockets[20].local = sockets[0].local;
		sockets[20].remote = sockets[0].remote;
		sockets[20].inode = 77;
	}
	compare(&witness, WITNESS_AGREES);
	assert_int_equal(witness.n_groups, 2);
	assert_int_equal(witness.groups[0].tally.sockets, 1);
	assert_int_equal(witness.groups[0].reason +
			 witness.groups[1].reason,
			 WITNESS_RESET + WITNESS_MPTCP);
	witness_free(&witness);
}

static void interrupted_dump_does_not_settle(void **state)
{
	struct witness witness;

	(void)state;
	setup(&witness, CLOSED_HELD);
	witness.diag.interrupted = true;
	compare(&witness, WITNESS_UNSETTLED);
	assert_int_equal(witness.n_disputes, 0);
	witness_free(&witness);
}

static void pages_are_rounded(void **state)
{
	static const struct {
		long long bytes, pages;
	} cases[] = {
		{ 0, 0 }, { 2047, 0 }, { 2048, 1 }, { 4096, 1 }, { 6143, 1 },
		{ -2047, 0 }, { -2048, -1 }, { -4096, -1 },
	};
	struct witness witness = { .after.header.page_size = 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct witness_tally tally = { .bytes = cases[i].bytes };

		assert_int_equal(witness_pages(&witness, &tally),
				 cases[i].pages);
	}
}

/* These books know nothing of a connection that this kernel really has. */
static void lasting_dispute_is_a_contradiction(void **state)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	char *tree = helper_tree("closed-held");
	struct helper_result result;
	struct witness witness;
	char *error;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	setenv("SKBALANCE_DEBUGFS", tree, 1);
	if (witness_read(&witness, false, &error)) {
		print_message("# SKIP %s\n", error);
		free(error);
		skip();
	}
	assert_int_equal(witness.verdict, WITNESS_CONTRADICTS);
	assert_int_equal(witness.rounds, 2);
	assert_true(witness.unbooked.sockets >= 1);
	witness_free(&witness);
	helper_run(&result, tree, "witness");
	assert_int_equal(result.status, 1);
	assert_non_null(strstr(result.out, "\ncontradicts: "));
	assert_non_null(strstr(result.out, "seen, not in the books"));
	helper_result_free(&result);
	helper_tree_free(tree);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_sockets_are_unseen),
		cmocka_unit_test(reset_children_are_unseen),
		cmocka_unit_test(hashed_sockets_must_be_seen),
		cmocka_unit_test(seen_sockets_must_be_booked),
		cmocka_unit_test(other_bytes_are_a_dispute),
		cmocka_unit_test(changing_sockets_are_no_dispute),
		cmocka_unit_test(uncharged_bytes_are_visible),
		cmocka_unit_test(bypassed_bytes_are_visible),
		cmocka_unit_test(newcomers_are_no_dispute),
		cmocka_unit_test(leavers_are_no_dispute),
		cmocka_unit_test(inode_of_one_side_is_enough),
		cmocka_unit_test(other_inode_is_another_socket),
		cmocka_unit_test(reset_twin_is_not_mistaken),
		cmocka_unit_test(namespaces_are_kept_apart),
		cmocka_unit_test(mptcp_is_unseen),
		cmocka_unit_test(interrupted_dump_does_not_settle),
		cmocka_unit_test(pages_are_rounded),
		cmocka_unit_test(lasting_dispute_is_a_contradiction),
	};

	return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
