/*
 * The form that does not block, where it is more than a second way to the same answer: descriptors, cancelling at every stage,
 * hosts that do not poll, fork, and a process that has no descriptors left. That both forms answer alike is shown by the tests in both
 * forms.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"
#include "plugin/socket/deadline.h"

#define SHORT_MS  200u
#define MARGIN_MS 2000 /* what a busy test machine may add; far below LOADED_TIMEOUT_MS */

static const fake_step hung[] = {{NULL, FAKE_HANG}};
static const fake_step willing[] = {{FAKE_ALLOW, FAKE_KEEP}};

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static scep_instance *instance;
static scep_answer answer;

static void set_up(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    instance = loaded_instance(plugin, path, NULL);
    answer = stale_answer();
    asked_form = WITHOUT_WAITING;
}

static void tear_down(void)
{
    plugin->close(instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(calls, .init = set_up, .fini = tear_down, .timeout = 60);

static int count_descriptors(void)
{
    DIR *all = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(all) != NULL) {
        count++;
    }
    closedir(all);
    return count;
}

static scep_call *begin_request(uint32_t timeout_ms)
{
    scep_request request = request_of("allow-1");
    request.timeout_ms = timeout_ms;
    scep_call *call = NULL;
    cr_assert_eq(plugin->begin_verify_request(instance, &request, &answer, &call), SCEP_OK);
    cr_assert_not_null(call);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    return call;
}

static scep_call *begin_issued(void)
{
    const scep_issued issued = issued_of("allow-1");
    scep_call *call = NULL;
    cr_assert_eq(plugin->begin_notify_issued(instance, &issued, &answer, &call), SCEP_OK);
    return call;
}

static bool is_readable_within(const scep_call *call, int timeout_ms)
{
    struct pollfd waiting = {.fd = plugin->descriptor((scep_call *)call), .events = POLLIN};
    return poll(&waiting, 1, timeout_ms) == 1;
}

static int bind_listener(int backlog)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, backlog), 0);
    return listener;
}

static int connect_to_listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

Test(calls, have_one_descriptor_each_until_they_end)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *one = begin_request(LOADED_TIMEOUT_MS);
    scep_answer others = stale_answer();
    const scep_request request = request_of("allow-2");
    scep_call *other = NULL;
    cr_assert_eq(plugin->begin_verify_request(instance, &request, &others, &other), SCEP_OK);
    const int fd = plugin->descriptor(one);
    const int others_fd = plugin->descriptor(other);
    cr_assert_neq(fd, others_fd);
    cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    cr_assert_eq(plugin->finish(one), SCEP_PENDING);
    cr_assert_eq(plugin->descriptor(one), fd);
    plugin->cancel(one);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    cr_assert_eq(fcntl(others_fd, F_GETFD), FD_CLOEXEC);
    plugin->cancel(other);
    cr_assert_eq(fcntl(others_fd, F_GETFD), -1);
    fake_daemon_stop(daemon);
}

Test(calls, take_none_of_the_standard_descriptors)
{
    scep_request wrong = request_of("allow-1");
    wrong.message_type = 0;
    scep_call *refused = NULL;
    const int saved = dup(STDIN_FILENO);
    close(STDIN_FILENO);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert_eq(plugin->begin_verify_request(instance, &wrong, &answer, &refused), SCEP_OK);
    const int is_taken = fcntl(STDIN_FILENO, F_GETFD) != -1;
    dup2(saved, STDIN_FILENO);
    close(saved);
    cr_assert_not(is_taken);
    cr_assert_gt(plugin->descriptor(call), STDERR_FILENO);
    cr_assert_gt(plugin->descriptor(refused), STDERR_FILENO);
    plugin->cancel(call);
    plugin->cancel(refused);
}

/* The descriptor is not readable for nothing: a host that polls is woken when there is something to do, and at the deadline. */
Test(calls, wake_their_host_at_the_deadline_and_not_before)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    const int64_t start_ms = iscep_mono_ms();
    scep_call *call = begin_request(SHORT_MS);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_geq(iscep_mono_ms() - start_ms, SHORT_MS);
    cr_assert_lt(iscep_mono_ms() - start_ms, SHORT_MS + MARGIN_MS);
    cr_assert_eq(pending_count, 0);
    cr_assert_str_eq(answer.code, "connector_timeout");
    fake_daemon_stop(daemon);
}

Test(calls, wake_their_host_no_more_than_the_pauses_of_a_report)
{
    scep_call *call = begin_issued(); /* to nobody */
    cr_assert_not(is_readable_within(call, 0), "the first pause has just begun");
    cr_assert_eq(plugin->finish(call), SCEP_PENDING, "at any time");
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_leq(pending_count, 2, "one pause, and the request under way");
    fake_daemon_stop(daemon);
}

Test(calls, go_on_for_a_host_that_does_not_poll)
{
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    scep_call *call = begin_issued();
    int32_t status;
    while ((status = plugin->finish(call)) == SCEP_PENDING) {
        cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
        sched_yield();
    }
    cr_assert_eq(status, SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
}

/* What is not sent by begin is sent from copies. */
Test(calls, carry_what_their_host_has_long_changed)
{
    uint8_t lent[] = "id-1CSRcertificatereason";
    const scep_bytes id = {lent, 4}, csr = {lent + 4, 3}, cert = {lent + 7, 11}, reason = {lent + 18, 6};
    scep_issued issued = issued_of("");
    scep_failed failed = failed_of("", "");
    scep_answer others = stale_answer();
    scep_call *issuing = NULL, *failing = NULL;
    issued.transaction_id = failed.transaction_id = id;
    issued.csr_der = failed.csr_der = csr;
    issued.cert_der = cert;
    failed.reason = reason;
    cr_assert_eq(plugin->begin_notify_issued(instance, &issued, &answer, &issuing), SCEP_OK);
    cr_assert_eq(plugin->begin_notify_failed(instance, &failed, &others, &failing), SCEP_OK);
    memset(lent, 'x', sizeof lent);
    memset(&issued, 'x', sizeof issued);
    memset(&failed, 'x', sizeof failed);
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    cr_assert_eq(finish_call(plugin, issuing), SCEP_OK);
    cr_assert_eq(finish_call(plugin, failing), SCEP_OK);
    for (size_t i = 0; i < 2; i++) {
        const fake_request *got = fake_daemon_request(daemon, i);
        const bool is_issued = strncmp(got->head, "POST /v1/issued ", 16) == 0;
        cr_assert_str_eq(fake_request_header(got, "X-Scep-Transaction-Id"), "id-1");
        cr_assert_eq(got->body_len, is_issued ? 14 : 3);
        cr_assert_arr_eq(got->body, "CSRcertificate", got->body_len);
        if (!is_issued) {
            cr_assert_str_eq(fake_request_header(got, "X-Scep-Error-Description"), "reason");
        }
    }
    fake_daemon_stop(daemon);
}

static void let_pass(uint32_t ms)
{
    const int64_t until_ms = iscep_deadline_in(ms);
    while (iscep_deadline_left_ms(until_ms) > 0) {
        sched_yield();
    }
}

Test(calls, whose_host_comes_too_late_are_over)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *call = begin_request(SHORT_MS);
    let_pass(SHORT_MS);
    cr_assert(is_readable_within(call, MARGIN_MS));
    cr_assert_eq(plugin->finish(call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer.code, "connector_timeout");
    fake_daemon_stop(daemon);
}

Test(calls, give_a_late_host_the_answer_that_came_in_time)
{
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    scep_call *call = begin_request(MARGIN_MS);
    cr_assert(is_readable_within(call, MARGIN_MS));
    let_pass(MARGIN_MS);
    cr_assert_eq(plugin->finish(call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
}

/* connect(2) would block. */
Test(calls, do_not_wait_for_a_daemon_that_does_not_accept)
{
    const int listener = bind_listener(0);
    const int waiting = connect_to_listener();
    const int64_t start_ms = iscep_mono_ms();
    scep_call *call = begin_issued();
    cr_assert_eq(plugin->finish(call), SCEP_PENDING);
    cr_assert_lt(iscep_mono_ms() - start_ms, MARGIN_MS);
    const int accepted = accept(listener, NULL, NULL); /* now there is room */
    cr_assert(is_readable_within(call, (int)LOADED_TIMEOUT_MS));
    cr_assert_eq(plugin->finish(call), SCEP_PENDING);
    struct pollfd next = {.fd = listener, .events = POLLIN};
    cr_assert_eq(poll(&next, 1, 0), 1, "the call has connected");
    plugin->cancel(call);
    close(accepted);
    close(waiting);
    close(listener);
}

Test(calls, that_are_cancelled_hang_up)
{
    const fake_step script[] = {{NULL, FAKE_HANG}, {FAKE_DENY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 2);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    plugin->cancel(call);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(ask(plugin, instance, "deny-1").verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(fake_daemon_request(daemon, 1)->connection, 1, "nobody gets another's late answer");
    fake_daemon_stop(daemon);
}

/* Stages in which a call is cancelled; each leaves what the daemon's stand-in holds to its caller. */
static void cancel_refused(void)
{
    scep_request wrong = request_of("allow-1");
    scep_call *call = NULL;
    wrong.message_type = 0;
    cr_assert_eq(plugin->begin_verify_request(instance, &wrong, &answer, &call), SCEP_OK);
    plugin->cancel(call);
}

static void cancel_unreachable(void)
{
    plugin->cancel(begin_request(LOADED_TIMEOUT_MS));
}

static void cancel_in_a_pause(void)
{
    scep_call *call = begin_issued();
    cr_assert_eq(plugin->finish(call), SCEP_PENDING);
    plugin->cancel(call);
}

static void cancel_queued(void)
{
    const int listener = bind_listener(0);
    const int waiting = connect_to_listener();
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert_eq(plugin->finish(call), SCEP_PENDING);
    plugin->cancel(call);
    close(waiting);
    close(listener);
    unlink(path);
}

static void cancel_with(const char *reply, fake_then then, bool is_awaited)
{
    const fake_step script[] = {{reply, then}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    if (is_awaited) {
        cr_assert(is_readable_within(call, (int)LOADED_TIMEOUT_MS));
    }
    plugin->cancel(call);
    fake_daemon_stop(daemon);
}

static void cancel_unanswered(void)
{
    cancel_with(NULL, FAKE_HANG, false);
}

static void cancel_cut(void)
{
    cancel_with(NULL, FAKE_CLOSE, true);
}

static void cancel_half_answered(void)
{
    const fake_step script[] = {{"HTTP/1.1 200 OK\r\n", FAKE_HANG}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(is_readable_within(call, (int)LOADED_TIMEOUT_MS));
    cr_assert_eq(plugin->finish(call), SCEP_PENDING);
    plugin->cancel(call);
    fake_daemon_stop(daemon);
}

static void cancel_answered(void)
{
    cancel_with(FAKE_ALLOW, FAKE_KEEP, true);
}

Test(calls, leave_nothing_behind_wherever_they_are_cancelled)
{
    static void (*const stages[])(void) = {cancel_refused,  cancel_unreachable,  cancel_in_a_pause,
                                           cancel_queued,   cancel_unanswered,   cancel_cut,
                                           cancel_answered, cancel_half_answered};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        const int before = count_descriptors();
        stages[i]();
        cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY, "stage %zu", i);
        cr_assert_eq(count_descriptors(), before, "stage %zu", i);
    }
}

Test(calls, under_way_when_the_daemon_is_restarted_end_in_a_retry)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    fake_daemon_stop(daemon);
    daemon = fake_daemon_start(path, willing, 1);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(answer.code, "connector_reply_cut");
    cr_assert_eq(fake_daemon_request_count(daemon), 0, "the device asks again, not we");
    fake_daemon_stop(daemon);
}

Test(calls, that_report_survive_the_daemons_restart)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *call = begin_issued();
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    fake_daemon_stop(daemon);
    daemon = fake_daemon_start(path, willing, 1);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 1);
    fake_daemon_stop(daemon);
}

/* --- fork --- */

static void expect_good_end(pid_t child)
{
    int status = -1;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(calls, of_the_parent_are_not_disturbed_by_a_child_that_cancels)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        const int fd = plugin->descriptor(call);
        plugin->cancel(call);
        const bool is_closed = fcntl(fd, F_GETFD) == -1;
        plugin->close(instance);
        _exit(is_closed ? 0 : 1);
    }
    expect_good_end(child);
    cr_assert_not(is_readable_within(call, 0));
    fake_daemon_inject(daemon, 0, FAKE_ALLOW);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_connection_count(daemon), 1);
    fake_daemon_stop(daemon);
}

Test(calls, of_the_parent_cannot_be_finished_by_a_child)
{
    fake_daemon *daemon = fake_daemon_start(path, hung, 1);
    scep_call *call = begin_request(LOADED_TIMEOUT_MS);
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    fake_daemon_inject(daemon, 0, FAKE_ALLOW);
    cr_assert(is_readable_within(call, (int)LOADED_TIMEOUT_MS));
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        const bool is_refused = plugin->finish(call) == SCEP_ERR_USAGE && answer.verdict == SCEP_VERDICT_DENY;
        plugin->close(instance);
        _exit(is_refused ? 0 : 1);
    }
    expect_good_end(child);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    fake_daemon_stop(daemon);
}

/* The child's copies keep the parent's dead connection open: the parent's descriptor must not tell of it for ever. */
Test(calls, of_the_parent_do_not_hang_on_copies_in_a_child)
{
    const fake_step script[] = {{NULL, FAKE_HANG}, {NULL, FAKE_CLOSE}, {FAKE_ALLOW, FAKE_KEEP}};
    int release[2];
    char ignored;
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    scep_call *call = begin_issued();
    cr_assert(fake_daemon_wait(daemon, 1, LOADED_TIMEOUT_MS));
    cr_assert_eq(pipe(release), 0);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        close(release[1]);
        _exit(read(release[0], &ignored, 1) == 0 ? 0 : 1);
    }
    fake_daemon_hang_up(daemon, 0);
    cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(fake_daemon_request_count(daemon), 3);
    cr_assert_leq(pending_count, 6, "two pauses and three requests, one of which ends the call");
    close(release[1]);
    expect_good_end(child);
    close(release[0]);
    fake_daemon_stop(daemon);
}

/* --- a process without descriptors --- */

#define FEW 64

/* Leaves so many; how many were taken is returned, and which in taken. */
static size_t take_all_but(size_t spare, int taken[FEW])
{
    size_t count = 0;
    while (count < FEW && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        count++;
    }
    cr_assert_eq(errno, EMFILE);
    for (size_t i = 0; i < spare; i++) {
        close(taken[--count]);
    }
    return count;
}

static void give_back(const int taken[FEW], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        close(taken[i]);
    }
}

typedef struct scarce {
    int32_t status; /* of begin */
    int32_t finished;
    scep_answer answer;
} scarce;

static scarce ask_with_spare(size_t spare, uint32_t message_type)
{
    scep_request request = request_of("allow-1");
    scarce result = {.finished = -1, .answer = stale_answer()};
    scep_call *call = (scep_call *)&result; /* anything but NULL */
    int taken[FEW];
    request.message_type = message_type;
    const size_t count = take_all_but(spare, taken);
    result.status = plugin->begin_verify_request(instance, &request, &result.answer, &call);
    if (result.status == SCEP_OK) {
        result.finished = finish_call(plugin, call);
    }
    give_back(taken, count);
    cr_assert_eq(result.status == SCEP_OK, call != NULL);
    return result;
}

static void expect_none_begun(size_t spare, uint32_t message_type)
{
    const scarce result = ask_with_spare(spare, message_type);
    cr_assert_eq(result.status, SCEP_ERR_UNAVAILABLE, "%zu", spare);
    cr_assert_eq(result.answer.verdict, SCEP_VERDICT_DENY);
}

Test(calls, that_get_no_descriptor_are_not_begun)
{
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = FEW, .rlim_max = before.rlim_max};
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW); /* leaves a connection */
    const int at_first = count_descriptors();
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    expect_none_begun(0, SCEP_MESSAGE_PKCS_REQ);
    expect_none_begun(1, SCEP_MESSAGE_PKCS_REQ);
    expect_none_begun(0, 0);
    const scarce refused = ask_with_spare(1, 0);
    const scarce on_kept = ask_with_spare(2, SCEP_MESSAGE_PKCS_REQ);
    fake_daemon_hang_up(daemon, 0);
    const scarce on_none = ask_with_spare(1, SCEP_MESSAGE_PKCS_REQ);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(refused.finished, SCEP_OK);
    cr_assert_str_eq(refused.answer.code, "message_type_invalid");
    cr_assert_eq(on_kept.finished, SCEP_OK);
    cr_assert_eq(on_kept.answer.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(on_none.status, SCEP_ERR_UNAVAILABLE);
    cr_assert_eq(count_descriptors(), at_first);
    cr_assert_eq(fake_daemon_request_count(daemon), 2, "what was not begun was not asked");
    fake_daemon_stop(daemon);
}

Test(calls, that_get_no_connection_say_so)
{
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = FEW, .rlim_max = before.rlim_max};
    fake_daemon *daemon = fake_daemon_start(path, willing, 1);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    const scarce result = ask_with_spare(2, SCEP_MESSAGE_PKCS_REQ);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(result.finished, SCEP_OK);
    cr_assert_eq(result.answer.verdict, SCEP_VERDICT_RETRY);
    cr_assert_str_eq(result.answer.code, "connector_unreachable");
    cr_assert_not_null(strstr(result.answer.message, "Too many open files"), "%s", result.answer.message);
    fake_daemon_stop(daemon);
}
