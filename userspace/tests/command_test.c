// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "tests/helper.h"
#include "version.h"

/* The arguments must be answered by nothing but this line, and status 2. */
static void assert_fails(const char *tree, const char *arguments,
			 const char *expected)
{
	struct helper_result result;

	helper_run(&result, tree, arguments);
	assert_string_equal(result.err, expected);
	assert_string_equal(result.out, "");
	assert_int_equal(result.status, 2);
	helper_result_free(&result);
}

static void assert_prints(const char *tree, const char *arguments, int status,
			  const char *expected)
{
	struct helper_result result;

	helper_run(&result, tree, arguments);
	assert_string_equal(result.err, "");
	assert_string_equal(result.out, expected);
	assert_int_equal(result.status, status);
	helper_result_free(&result);
}

/* What is printed, which must be one JSON value; to be json_decref()ed. */
static json_t *run_json(const char *tree, const char *arguments, int status)
{
	struct helper_result result;
	json_error_t error;
	json_t *value;

	helper_run(&result, tree, arguments);
	assert_int_equal(result.status, status);
	assert_string_equal(result.err, "");
	value = json_loads(result.out, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		fail_msg("line %d: %s in\n%s", error.line, error.text,
			 result.out);
	helper_result_free(&result);
	return value;
}

static json_t *parse_json(const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, 0, &error);

	if (!value)
		fail_msg("%s at %d: %s", error.text, error.position, text);
	return value;
}

/* All that is expected (an object) must be in actual, and be equal. */
static void assert_has(json_t *actual, const char *expected)
{
	json_t *object = parse_json(expected), *value;
	const char *key;

	json_object_foreach(object, key, value) {
		json_t *there = json_object_get(actual, key);

		if (!json_equal(value, there))
			fail_msg("%s: expected %s, actual %s", key,
				 json_dumps(value, JSON_ENCODE_ANY),
				 there ? json_dumps(there, JSON_ENCODE_ANY) :
					 "nothing");
	}
	json_decref(object);
}

static void arguments_are_checked(void **state)
{
	static const struct {
		const char *arguments, *expected;
	} cases[] = {
		{ "", "no subcommand: see 'skbalance --help'" },
		{ "ballance", "unknown subcommand 'ballance': see 'skbalance --help'" },
		{ "--verbose", "unknown option '--verbose': see 'skbalance --help'" },
		{ "balance --verbose", "balance: option '--verbose' is unknown or ambiguous: see 'skbalance balance --help'" },
		{ "balance -x", "balance: option '-x' is unknown or ambiguous: see 'skbalance balance --help'" },
		{ "balance --json=1", "balance: option '--json=1' takes no value: see 'skbalance balance --help'" },
		{ "owners --pool", "owners: option '--pool' needs a value: see 'skbalance owners --help'" },
		{ "owners tcp", "owners: unexpected argument 'tcp': see 'skbalance owners --help'" },
		{ "witness --pool tcp", "witness: option '--pool' is unknown or ambiguous: see 'skbalance witness --help'" },
		{ "explain --jsn", "explain: option '--jsn' is unknown or ambiguous: see 'skbalance explain --help'" },
		{ "sockets --class shut", "unknown class 'shut': there is open listen accept-queue closed-held orphan kernel fd-in-flight unreachable abandoned" },
		{ "sockets --state shut", "unknown state 'shut': there is ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV" },
		{ "sockets --pid -1", "'-1' is no process id" },
		{ "sockets --port 65536", "'65536' is no port: 0 to 65535" },
		{ "sockets --uid root", "'root' is no user id" },
		{ "sockets --cgroup /none", "no version-2 cgroup '/none': a path like /system.slice" },
		{ "owners --by pid", "cannot group by 'pid': there is process class state netns cgroup listener uid" },
		{ "explain --max-pause 1s", "'1s' is no time in ms" },
		{ "balance --live --max-pause -1", "'-1' is no time in ms" },
		{ "run --connections 0", "run: '0' is no number of connections from 10 to 1000000" },
		{ "run --max-connections many", "run: 'many' is no number of connections from 10 to 1000000" },
		{ "run --family 5", "run: '5' is no address family: 4 or 6" },
		{ "run nosuch", "run: unknown scenario 'nosuch': see 'skbalance list'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *expected;

		assert_true(asprintf(&expected, "skbalance: %s\n",
				     cases[i].expected) > 0);
		assert_fails(NULL, cases[i].arguments, expected);
		free(expected);
	}
}

static void help_is_short_and_complete(void **state)
{
	static const char *const subcommands[] = {
		"", "balance", "owners", "sockets", "witness", "explain",
		"list", "run",
	};
	struct helper_result result;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++) {
		char arguments[32];

		snprintf(arguments, sizeof(arguments), "%s --help",
			 subcommands[i]);
		helper_run(&result, NULL, arguments);
		assert_int_equal(result.status, 0);
		assert_string_equal(result.err, "");
		assert_memory_equal(result.out, "Usage: skbalance ", 17);
		assert_non_null(strstr(result.out, subcommands[i]));
		assert_non_null(strstr(result.out, "Exit status: 0"));
		assert_in_range(strlen(result.out), 100, 1500);
		helper_result_free(&result);
	}
	assert_prints(NULL, "--version", 0, "skbalance " VERSION "\n");
}

static void environment_is_checked(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	assert_fails("/nonexistent", "balance",
		     "skbalance: the kernel module is not loaded (no /nonexistent/skbalance): modprobe skbalance, or insmod skbalance.ko\n");
	assert_fails("/nonexistent", "owners",
		     "skbalance: the kernel module is not loaded (no /nonexistent/skbalance): modprobe skbalance, or insmod skbalance.ko\n");
	assert_fails(tree, "balance --pool udp",
		     "skbalance: no pool 'udp': there is tcp\n");
	assert_fails(tree, "sockets --pool live",
		     "skbalance: no pool 'live': there is tcp\n");
	assert_fails(tree, "owners --pool ../skbalance/tcp",
		     "skbalance: no pool '../skbalance/tcp': there is tcp\n");
	helper_tree_free(tree);
}

static void other_version_is_named(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	helper_tree_edit(tree, "balance", "version " VERSION, "version 0.0");
	assert_fails(tree, "balance",
		     "skbalance: the loaded module is version 0.0, this program " VERSION ": load the module that was built with it\n");
	/* also if the rest cannot be understood then */
	helper_tree_edit(tree, "balance", "page_size 4096", "pages big");
	assert_fails(tree, "balance",
		     "skbalance: the loaded module is version 0.0, this program " VERSION ": load the module that was built with it\n");
	helper_tree_free(tree);
}

static void unreadable_text_is_refused(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	helper_tree_edit(tree, "balance", "\nend\n", "\n");
	assert_fails(tree, "balance --json",
		     "skbalance: cannot understand balance of the module: line 29: truncated after this line\n");
	helper_tree_edit(tree, "tcp/owners", "pages=20", "pages=many");
	assert_fails(tree, "owners",
		     "skbalance: cannot understand tcp/owners of the module: line 27: pages: not a number, or too large\n");
	helper_tree_free(tree);
}

/* Runs the command as nobody, with a copy that nobody can reach. */
static int run_as_nobody(const char *tree, struct helper_result *result)
{
	char *program, *copy;
	int failed;

	assert_true(asprintf(&program, "%s/program", tree) > 0);
	assert_true(asprintf(&copy, "install -m 755 '%s' '%s'",
			     getenv("SKBALANCE"), program) > 0);
	failed = system(copy) || setenv("SKBALANCE", program, 1) ||
		 setgid(65534) || setuid(65534);
	if (!failed)
		helper_run(result, tree, "balance");
	free(program);
	free(copy);
	return failed;
}

static void root_is_asked_for(void **state)
{
	struct helper_result result;
	char *tree = helper_tree("closed-held");
	char *path, *expected;
	int status;

	(void)state;
	if (geteuid() != 0) {
		helper_tree_free(tree);
		skip();
	}
	assert_true(asprintf(&path, "%s/skbalance", tree) > 0);
	assert_true(asprintf(&expected, "skbalance: %s is readable by root only: run as root\n",
			     path) > 0);
	assert_int_equal(chmod(tree, 0755), 0);
	assert_int_equal(chmod(path, 0700), 0);
	if (fork() == 0)
		_exit(run_as_nobody(tree, &result) || result.status != 2 ||
		      strcmp(result.err, expected) != 0);
	wait(&status);
	helper_tree_free(tree);
	free(path);
	free(expected);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void balance_is_a_table(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	assert_prints(tree, "balance --live", 0,
		"kernel 6.12.117+deb12-amd64, live: read while the sockets moved\n"
		"\n"
		"tcp                    PAGES   MIB\n"
		"counter                    0  0.00\n"
		"held back by the CPUs     20  0.08\n"
		"charged to sockets        20  0.08\n"
		"unaccounted                0  0.00\n"
		"\n"
		"CLASS        SOCKETS  PAGES  RECEIVE-QUEUE  WRITE-QUEUE  FORWARD-ALLOC\n"
		"listen             1      0              0            0              0\n"
		"closed-held       10     20          60160            0          21760\n"
		"sockets: 11 found of 11 allocated\n"
		"balanced: the counter is the sum of what the sockets are charged\n"
		"\n"
		"other counters: 2 held, all equal\n");
	helper_tree_free(tree);
}

static void balance_is_json(void **state)
{
	char *tree = helper_tree("accept-queue");
	json_t *root, *pool;

	(void)state;
	helper_tree_edit(tree, "balance", "pause_ns ", "pause_ns 7\nx ");
	helper_tree_edit(tree, "balance", "snapshot_bytes ",
			 "snapshot_bytes 8\nx ");
	root = run_json(tree, "balance --json", 0);
	assert_has(root, "{\"version\": \"" VERSION "\", \"kernel\": \"6.12.117+deb12-amd64\", \"page_size\": 4096, \"snapshot\": {\"mode\": \"exact\", \"pause_ns\": 7, \"sockets_owned\": 0, \"snapshots\": 1, \"snapshot_bytes\": 8, \"track\": false}, \"counters\": [], \"counters_held\": 2}");
	assert_int_equal(json_array_size(json_object_get(root, "pools")), 1);
	pool = json_array_get(json_object_get(root, "pools"), 0);
	assert_has(pool, "{\"pool\": \"tcp\", \"protocols\": [\"TCP\", \"TCPv6\"], \"memory_allocated_pages\": 0, \"percpu_pages\": 20, \"charged_pages\": 20, \"charged_bytes\": 81920, \"unaccounted_pages\": 0, \"unaccounted_bytes\": 0, \"bound_pages\": 0, \"bypassed_pages\": 0, \"sockets_allocated\": 21, \"sockets_found\": 21, \"fractional_sockets\": 0, \"opaque_sockets\": 0, \"verdict\": \"balanced\", \"reason\": \"the counter is the sum of what the sockets are charged\"}");
	assert_has(pool, "{\"classes\": [{\"class\": \"listen\", \"sockets\": 1, \"pages\": 0, \"forward_alloc_bytes\": 0, \"write_queue_bytes\": 0, \"receive_queue_bytes\": 0, \"hidden_bytes\": 0}, {\"class\": \"accept-queue\", \"sockets\": 20, \"pages\": 20, \"forward_alloc_bytes\": 42720, \"write_queue_bytes\": 0, \"receive_queue_bytes\": 39200, \"hidden_bytes\": 0}]}");
	assert_has(pool, "{\"fractional\": []}");
	assert_int_equal(json_object_size(pool), 18);
	json_decref(root);
	helper_tree_free(tree);
}

static void sockets_that_lost_bytes_are_named(void **state)
{
	char *tree = helper_tree("closed-held");
	struct helper_result result;
	json_t *root;

	(void)state;
	helper_tree_edit(tree, "balance", "fractional_sockets 0",
			 "fractional_sockets 1");
	helper_tree_edit(tree, "tcp/sockets",
			 "receive_queue_bytes=0 hidden_bytes=0 bypassed_bytes=0 error_queue_bytes=0 zerocopy_bytes=0 flags=-",
			 "receive_queue_bytes=0 hidden_bytes=0 bypassed_bytes=0 error_queue_bytes=0 zerocopy_bytes=0 flags=owned,fractional");
	helper_run(&result, tree, "balance");
	assert_int_equal(result.status, 0);
	assert_non_null(strstr(result.out,
		"1 with a fraction of a page\n"
		"PROTOCOL  STATE   LOCAL            REMOTE     INODE  PID  COMM    CHARGED  FLAGS\n"
		"TCP       LISTEN  127.0.0.1:36703  0.0.0.0:0   1224  179  server        0  owned,fractional\n"
		"balanced: "));
	helper_result_free(&result);
	root = run_json(tree, "balance --json", 0);
	assert_has(json_array_get(json_object_get(root, "pools"), 0),
		   "{\"fractional\": [{\"protocol\": \"TCP\", \"state\": \"LISTEN\", \"local\": \"127.0.0.1:36703\", \"remote\": \"0.0.0.0:0\", \"inode\": 1224, \"pid\": 179, \"comm\": \"server\", \"charged_bytes\": 0, \"flags\": \"owned,fractional\"}]}");
	json_decref(root);
	helper_tree_free(tree);
}

static void verdict_is_the_exit_status(void **state)
{
	static const struct {
		const char *verdict;
		int status;
	} cases[] = {
		{ "imbalanced", 1 }, { "incomplete", 3 }, { "in-flux", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *tree = helper_tree("closed-held");
		struct helper_result result;
		char verdict[32];
		json_t *root;

		snprintf(verdict, sizeof(verdict), "verdict %s",
			 cases[i].verdict);
		helper_tree_edit(tree, "balance", "verdict balanced",
				 verdict);
		helper_tree_edit(tree, "balance", "sockets_allocated 11",
				 "sockets_allocated -");
		helper_tree_edit(tree, "balance", "fractional_sockets 0",
				 "fractional_sockets 2");
		helper_run(&result, tree, "balance");
		assert_int_equal(result.status, cases[i].status);
		assert_non_null(strstr(result.out, "sockets: 11 found, 2 with a fraction of a page\n"));
		helper_result_free(&result);
		root = run_json(tree, "balance --json", cases[i].status);
		assert_true(json_is_null(json_object_get(json_array_get(
			json_object_get(root, "pools"), 0),
			"sockets_allocated")));
		json_decref(root);
		helper_tree_free(tree);
	}
}

static void owners_are_a_table(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	assert_prints(tree, "owners", 0,
		"POOL  PAGES   MIB  SOCKETS  CLASS        PID  COMM           HOLDERS  LISTENER  WAIT-MS       NETNS  STATE\n"
		"tcp      20  0.08       10  closed-held  180  frozen-client        1  -               -  4026531840  CLOSE:10\n"
		"tcp       0  0.00        1  listen       179  server               1  -               -  4026531840  LISTEN:1\n");
	helper_tree_free(tree);
}

static void owners_are_json(void **state)
{
	char *tree = helper_tree("accept-queue");
	json_t *root, *owners;

	(void)state;
	helper_tree_edit(tree, "tcp/owners",
			 "pid=214 comm=server holders=214 netns=4026531840 listener=-",
			 "pid=- comm=- holders=- netns=4026531840 listener=-");
	helper_tree_edit(tree, "tcp/owners", "longest_wait_ms=1",
			 "longest_wait_ms=77 x=1");
	root = run_json(tree, "owners --json --pool tcp", 0);
	assert_int_equal(json_object_size(root), 1);
	owners = json_object_get(root, "owners");
	assert_int_equal(json_array_size(owners), 2);
	assert_has(json_array_get(owners, 0), "{\"pool\": \"tcp\", \"class\": \"accept-queue\", \"pid\": 214, \"comm\": \"server\", \"holders\": [214], \"netns\": 4026531840, \"listener\": \"[::1]:43311\", \"sockets\": 20, \"pages\": 20, \"forward_alloc_bytes\": 42720, \"write_queue_bytes\": 0, \"receive_queue_bytes\": 39200, \"hidden_bytes\": 0, \"uid\": 0, \"cgroup\": null, \"cgroup_id\": 1, \"memcg_id\": null, \"via\": null, \"state\": {\"CLOSE\": 2, \"CLOSE_WAIT\": 18}, \"longest_wait_ms\": 77}");
	assert_has(json_array_get(owners, 1), "{\"class\": \"listen\", \"pid\": null, \"comm\": null, \"holders\": [], \"listener\": null, \"longest_wait_ms\": null}");
	assert_int_equal(json_object_size(json_array_get(owners, 0)), 20);
	json_decref(root);
	helper_tree_free(tree);
}

/* A process chose its name to confuse a terminal, or a reader of JSON. */
static void foreign_text_is_harmless(void **state)
{
	char *tree = helper_tree("closed-held");
	json_t *root, *comm;

	(void)state;
	helper_tree_edit(tree, "tcp/owners", "comm=frozen-client",
			 "comm=\\033[2J\\303\\050\\134\\042");
	assert_prints(tree, "owners", 0,
		"POOL  PAGES   MIB  SOCKETS  CLASS        PID  COMM               HOLDERS  LISTENER  WAIT-MS       NETNS  STATE\n"
		"tcp      20  0.08       10  closed-held  180  \\033[2J\\303(\\134\"        1  -               -  4026531840  CLOSE:10\n"
		"tcp       0  0.00        1  listen       179  server                   1  -               -  4026531840  LISTEN:1\n");
	root = run_json(tree, "owners --json", 0);
	comm = json_object_get(json_array_get(json_object_get(root, "owners"),
					      0), "comm");
	assert_string_equal(json_string_value(comm),
			    "\033[2J\xef\xbf\xbd(\\\"");
	json_decref(root);
	helper_tree_free(tree);
}

static size_t count_sockets(const char *tree, const char *conditions)
{
	char arguments[128];
	json_t *root;
	size_t count;

	snprintf(arguments, sizeof(arguments), "sockets --json %s",
		 conditions);
	root = run_json(tree, arguments, 0);
	count = json_array_size(json_object_get(root, "sockets"));
	json_decref(root);
	return count;
}

static void sockets_are_filtered(void **state)
{
	char *tree = helper_tree("accept-queue");

	(void)state;
	assert_int_equal(count_sockets(tree, ""), 21);
	assert_int_equal(count_sockets(tree, "--live"), 21);
	assert_int_equal(count_sockets(tree, "--class accept-queue"), 20);
	assert_int_equal(count_sockets(tree, "--state close"), 2);
	assert_int_equal(count_sockets(tree, "--state CLOSE-WAIT"), 18);
	assert_int_equal(count_sockets(tree, "--pid 214"), 21);
	assert_int_equal(count_sockets(tree, "--pid 215"), 0);
	assert_int_equal(count_sockets(tree, "--port 43311"), 21);
	assert_int_equal(count_sockets(tree, "--port 55166"), 1);
	assert_int_equal(count_sockets(tree,
		"--class accept-queue --state LISTEN"), 0);
	assert_prints(tree, "sockets --class orphan", 0, "");
	helper_tree_free(tree);
}

static void sockets_are_a_table(void **state)
{
	char *tree = helper_tree("closed-held");

	(void)state;
	assert_prints(tree, "sockets --state LISTEN", 0,
		"PROTOCOL  CLASS   STATE   LOCAL            REMOTE     PID  COMM    CHARGED  RECEIVE-QUEUE  WRITE-QUEUE  FORWARD-ALLOC  LISTENER  WAIT-MS  INODE       NETNS  FLAGS\n"
		"TCP       listen  LISTEN  127.0.0.1:36703  0.0.0.0:0  179  server        0              0            0              0  -               -   1224  4026531840  -\n");
	helper_tree_free(tree);
}

static void sockets_are_json(void **state)
{
	char *tree = helper_tree("closed-held");
	json_t *root = run_json(tree, "sockets --json --state LISTEN", 0);
	json_t *socket = json_array_get(json_object_get(root, "sockets"), 0);

	(void)state;
	assert_has(socket, "{\"pool\": \"tcp\", \"protocol\": \"TCP\", \"class\": \"listen\", \"state\": \"LISTEN\", \"netns\": 4026531840, \"local\": \"127.0.0.1:36703\", \"remote\": \"0.0.0.0:0\", \"inode\": 1224, \"uid\": 0, \"pid\": 179, \"comm\": \"server\", \"holders\": [179], \"listener\": null, \"wait_ms\": null, \"charged_bytes\": 0, \"forward_alloc_bytes\": 0, \"write_queue_bytes\": 0, \"receive_queue_bytes\": 0, \"error_queue_bytes\": 0, \"zerocopy_bytes\": 0, \"flags\": null, \"hidden_bytes\": 0, \"bypassed_bytes\": 0, \"cgroup\": null, \"cgroup_id\": 1, \"memcg_id\": null, \"via\": null, \"birth\": null}");
	assert_int_equal(json_object_size(socket), 28);
	json_decref(root);
	helper_tree_free(tree);
}

static void counters_are_printed(void **state)
{
	char *tree = helper_tree("ledger");
	struct helper_result result;
	json_t *root;

	(void)state;
	helper_run(&result, tree, "balance");
	assert_int_equal(result.status, 1);
	assert_non_null(strstr(result.out, " 0 sockets locked meanwhile; births are tracked\n"));
	assert_non_null(strstr(result.out, "FORWARD-ALLOC  HIDDEN\nopen"));
	assert_non_null(strstr(result.out,
		"\n"
		"other counters: 6 held, all equal but 2\n"
		"COUNTER  OF          PROTOCOL  KERNEL  CENSUS  VERDICT     REASON\n"
		"inuse    4026531840  TCP            7       5  imbalanced  purged but never freed\n"
		"orphans  -           -              3       2  in-flux     -\n"));
	helper_result_free(&result);
	root = run_json(tree, "balance --json", 1);
	assert_has(root, "{\"counters_held\": 6, \"counters\": [{\"counter\": \"inuse\", \"netns\": 4026531840, \"protocol\": \"TCP\", \"cgroup\": null, \"kernel\": 7, \"census\": 5, \"verdict\": \"imbalanced\", \"reason\": \"purged but never freed\"}, {\"counter\": \"orphans\", \"netns\": null, \"protocol\": null, \"cgroup\": null, \"kernel\": 3, \"census\": 2, \"verdict\": \"in-flux\", \"reason\": null}]}");
	assert_int_equal(json_array_size(json_object_get(root, "pools")), 3);
	json_decref(root);
	root = run_json(tree, "balance --json --pool udp", 0);
	assert_has(root, "{\"counters_held\": null, \"counters\": []}");
	json_decref(root);
	helper_tree_free(tree);
}

/* What only some tables have. */
static void columns_come_with_what_they_say(void **state)
{
	char *tree = helper_tree("ledger");

	(void)state;
	assert_prints(tree, "owners --pool udp", 0,
		"POOL  PAGES   MIB  SOCKETS  CLASS   PID  COMM  HOLDERS  LISTENER  WAIT-MS       NETNS  STATE    UID  CGROUP\n"
		"udp       4  0.02        2  open    600  dnsd        1  -               -  4026531840  CLOSE:2  101  2100\n"
		"udp       0  0.00        1  kernel    -  -           0  -               -  4026531840  CLOSE:1    0  1\n");
	assert_prints(tree, "sockets --class fd-in-flight", 0,
		"PROTOCOL  CLASS         STATE        LOCAL           REMOTE       PID  COMM     CHARGED  RECEIVE-QUEUE  WRITE-QUEUE  FORWARD-ALLOC  LISTENER  WAIT-MS  INODE       NETNS  FLAGS  VIA\n"
		"TCP       fd-in-flight  ESTABLISHED  10.0.0.1:50006  10.0.0.9:22  512  ssh mux     4096           4000            0             96  -               -    806  4026531840  -      scm\n");
	helper_tree_free(tree);
}

static void births_are_shown(void **state)
{
	char *tree = helper_tree("ledger");
	json_t *root;

	(void)state;
	assert_prints(tree, "sockets --class unreachable", 0,
		"PROTOCOL  CLASS        STATE  LOCAL      REMOTE     PID  COMM  CHARGED  RECEIVE-QUEUE  WRITE-QUEUE  FORWARD-ALLOC  LISTENER  WAIT-MS  INODE       NETNS  FLAGS  MAKER-PID  MAKER      AGE-MS\n"
		"TCP       unreachable  CLOSE  0.0.0.0:0  0.0.0.0:0    -  -        4096              0            0           4096  -               -      0  4026531840  -             77  leaky,one  120034\n"
		"  made in sk_alloc+0x2f,inet_create+0x10c,__sock_create+0x11d\n");
	root = run_json(tree, "sockets --json --class unreachable", 0);
	assert_has(json_array_get(json_object_get(root, "sockets"), 0),
		   "{\"pid\": null, \"birth\": {\"age_ms\": 120034, \"pid\": 77, \"comm\": \"leaky,one\", \"stack\": [\"sk_alloc+0x2f\", \"inet_create+0x10c\", \"__sock_create+0x11d\"]}}");
	json_decref(root);
	helper_tree_free(tree);
}

static void owners_are_grouped(void **state)
{
	static const struct {
		const char *by, *table;
	} cases[] = {
		{ "process",
		  "POOL  PAGES   MIB  SOCKETS  PID  COMM\n"
		  "tcp       5  0.02        4  400  nginx\n"
		  "tcp       4  0.02        3    -  -\n"
		  "udp       4  0.02        2  600  dnsd\n"
		  "tcp       1  0.00        1  512  ssh mux\n"
		  "udp       0  0.00        1    -  -\n" },
		{ "state",
		  "POOL  PAGES   MIB  SOCKETS  STATE\n"
		  "tcp       6  0.02        4  ESTABLISHED\n"
		  "udp       4  0.02        3  CLOSE\n"
		  "tcp       2  0.01        1  FIN_WAIT1\n"
		  "tcp       1  0.00        1  CLOSE\n"
		  "tcp       1  0.00        1  LAST_ACK\n"
		  "tcp       0  0.00        1  LISTEN\n" },
		{ "netns",
		  "POOL  PAGES   MIB  SOCKETS       NETNS  NAME\n"
		  "tcp       7  0.03        6  4026531840  -\n"
		  "udp       4  0.02        3  4026531840  -\n"
		  "tcp       3  0.01        2  4026532201  -\n" },
		{ "cgroup",
		  "POOL  PAGES   MIB  SOCKETS  CGROUP\n"
		  "tcp       5  0.02        4  2100\n"
		  "tcp       4  0.02        3  2200\n"
		  "udp       4  0.02        2  2100\n"
		  "tcp       1  0.00        1  1\n"
		  "udp       0  0.00        1  1\n" },
		{ "listener",
		  "POOL  PAGES   MIB  SOCKETS       NETNS  LISTENER\n"
		  "tcp       9  0.04        7           -  -\n"
		  "udp       4  0.02        3           -  -\n"
		  "tcp       1  0.00        1  4026531840  10.0.0.1:443\n" },
		{ "uid",
		  "POOL  PAGES   MIB  SOCKETS   UID\n"
		  "tcp       4  0.02        3  1000\n"
		  "tcp       4  0.02        2    33\n"
		  "udp       4  0.02        2   101\n"
		  "tcp       2  0.01        3     0\n"
		  "udp       0  0.00        1     0\n" },
	};
	char *tree = helper_tree("ledger");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char arguments[32];

		snprintf(arguments, sizeof(arguments), "owners --by %s",
			 cases[i].by);
		assert_prints(tree, arguments, 0, cases[i].table);
	}
	helper_tree_free(tree);
}

static void groups_are_json(void **state)
{
	static const struct {
		const char *by, *first;
	} cases[] = {
		{ "process", "{\"pool\": \"tcp\", \"pid\": 400, \"comm\": \"nginx\", \"sockets\": 4, \"pages\": 5}" },
		{ "class", "{\"pool\": \"tcp\", \"class\": \"open\", \"sockets\": 2, \"pages\": 4}" },
		{ "state", "{\"pool\": \"tcp\", \"state\": \"ESTABLISHED\", \"sockets\": 4, \"pages\": 6}" },
		{ "netns", "{\"pool\": \"tcp\", \"netns\": 4026531840, \"name\": null, \"sockets\": 6, \"pages\": 7}" },
		{ "cgroup", "{\"pool\": \"tcp\", \"cgroup\": null, \"cgroup_id\": 2100, \"sockets\": 4, \"pages\": 5}" },
		{ "listener", "{\"pool\": \"tcp\", \"netns\": null, \"listener\": null, \"sockets\": 7, \"pages\": 9}" },
		{ "uid", "{\"pool\": \"tcp\", \"uid\": 1000, \"sockets\": 3, \"pages\": 4}" },
	};
	char *tree = helper_tree("ledger");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *root, *expected = parse_json(cases[i].first);
		char arguments[48];

		snprintf(arguments, sizeof(arguments), "owners --json --by %s",
			 cases[i].by);
		root = run_json(tree, arguments, 0);
		assert_string_equal(json_string_value(json_object_get(root, "by")),
				    cases[i].by);
		assert_true(json_equal(expected,
			json_array_get(json_object_get(root, "groups"), 0)));
		json_decref(root);
		json_decref(expected);
	}
	helper_tree_free(tree);
}

static void ledger_is_filtered(void **state)
{
	char *tree = helper_tree("ledger");

	(void)state;
	assert_int_equal(count_sockets(tree, ""), 11);
	assert_int_equal(count_sockets(tree, "--protocol udpv6"), 1);
	assert_int_equal(count_sockets(tree, "--protocol UDP"), 2);
	assert_int_equal(count_sockets(tree, "--uid 1000"), 3);
	assert_int_equal(count_sockets(tree, "--uid 1000 --class orphan"), 2);
	assert_int_equal(count_sockets(tree, "--class unreachable"), 1);
	helper_tree_free(tree);
}

static void long_pauses_are_refused(void **state)
{
	static const char *const subcommands[] = {
		"balance", "owners", "sockets", "witness", "explain",
	};
	char *tree = helper_tree("ledger");
	struct helper_result result;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(subcommands); i++) {
		char arguments[48];

		snprintf(arguments, sizeof(arguments), "%s --max-pause 7",
			 subcommands[i]);
		assert_fails(tree, arguments,
			     "skbalance: an exact reading would stop the machine for about 8.0 ms, --max-pause allows 7.0 ms: --live does not stop it\n");
	}
	helper_run(&result, tree, "balance --max-pause 8");
	assert_int_equal(result.status, 1);
	helper_result_free(&result);
	helper_run(&result, tree, "balance --live --max-pause 7");
	assert_int_equal(result.status, 1);
	helper_result_free(&result);
	helper_tree_edit(tree, "pause", "pause_estimate_ns 8", "x 8");
	assert_fails(tree, "owners --max-pause 8",
		     "skbalance: cannot understand pause of the module\n");
	helper_tree_free(tree);
}

static void refusal_of_the_module_is_said(void **state)
{
	char *tree = helper_tree("ledger");

	(void)state;
	helper_tree_edit(tree, "udp/owners", "mode exact\n",
			 "refused pause_estimate_ns=1200000000 max_pause_ns=1000000000\nend\n");
	helper_tree_cut(tree, "udp/owners", "\nend\n");
	assert_fails(tree, "owners",
		     "skbalance: an exact reading would stop the machine for about 1200.0 ms, the module's max_pause_ms allows 1000.0 ms: --live does not stop it\n");
	helper_tree_free(tree);
}

/* Status and error line of "skbalance --help" with such a standard output. */
static void assert_output_error(int out, const char *expected)
{
	char path[] = "/tmp/skbalance-err-XXXXXX";
	int err = mkstemp(path), status;
	char line[128] = "";

	assert_true(err >= 0);
	unlink(path);
	if (fork() == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		execl(getenv("SKBALANCE"), "skbalance", "--help", NULL);
		_exit(127);
	}
	wait(&status);
	assert_true(pread(err, line, sizeof(line) - 1, 0) >= 0);
	close(err);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_string_equal(line, expected);
}

static void output_errors_are_reported(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int ends[2];

	(void)state;
	assert_true(full >= 0);
	assert_output_error(full,
		"skbalance: cannot write to standard output: No space left on device\n");
	close(full);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_output_error(ends[1],
		"skbalance: cannot write to standard output: Broken pipe\n");
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_checked),
		cmocka_unit_test(help_is_short_and_complete),
		cmocka_unit_test(environment_is_checked),
		cmocka_unit_test(other_version_is_named),
		cmocka_unit_test(unreadable_text_is_refused),
		cmocka_unit_test(root_is_asked_for),
		cmocka_unit_test(balance_is_a_table),
		cmocka_unit_test(balance_is_json),
		cmocka_unit_test(sockets_that_lost_bytes_are_named),
		cmocka_unit_test(verdict_is_the_exit_status),
		cmocka_unit_test(owners_are_a_table),
		cmocka_unit_test(owners_are_json),
		cmocka_unit_test(foreign_text_is_harmless),
		cmocka_unit_test(sockets_are_filtered),
		cmocka_unit_test(sockets_are_a_table),
		cmocka_unit_test(sockets_are_json),
		cmocka_unit_test(counters_are_printed),
		cmocka_unit_test(columns_come_with_what_they_say),
		cmocka_unit_test(births_are_shown),
		cmocka_unit_test(owners_are_grouped),
		cmocka_unit_test(groups_are_json),
		cmocka_unit_test(ledger_is_filtered),
		cmocka_unit_test(long_pauses_are_refused),
		cmocka_unit_test(refusal_of_the_module_is_said),
		cmocka_unit_test(output_errors_are_reported),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
