/* libiscep as a guest in somebody's process: callbacks, fork, descriptors. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "iscep/client.h"
#include "tests/support/cloud.h"
#include "tests/support/test_pki.h"

enum { PATIENCE_MS = 10000, FDS_TO_LOOK_AT = 256 };

static cloud the_cloud;
static iscep_buf csr;
static gate answered = GATE_INIT;

static iscep_client *new_client(void)
{
    iscep_client *client;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    options.tenant_id = CLOUD_TENANT_ID;
    options.client_id = CLOUD_CLIENT_ID;
    options.client_secret_file = the_cloud.secret_file;
    options.authority = the_cloud.base_url;
    options.graph = the_cloud.base_url;
    options.allowed_hosts = "localhost";
    options.ca_file = the_cloud.ca_file;
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_OK, "%s", err.message);
    return client;
}

static void set_up(void)
{
    cloud_start(&the_cloud);
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&csr, 64 * 1024);
    test_pki_emit_good_csr(&csr, key);
    EVP_PKEY_free(key);
}

static void tear_down(void)
{
    cloud_stop(&the_cloud);
    iscep_buf_clear(&csr);
}

TestSuite(client_process, .init = set_up, .fini = tear_down);

static iscep_decision ask(iscep_client *client)
{
    iscep_verdict verdict;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, PATIENCE_MS, &verdict, &err), ISCEP_OK,
                 "%s", err.message);
    return verdict.decision;
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < FDS_TO_LOOK_AT; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void await_descriptors(unsigned wanted)
{
    int64_t deadline_ms = iscep_now_mono_ms(&the_cloud.env) + PATIENCE_MS;
    while (count_descriptors() != wanted && iscep_now_mono_ms(&the_cloud.env) < deadline_ms)
        poll(NULL, 0, 1);
    cr_assert_eq(count_descriptors(), wanted);
}

/* --- inside a callback --- */

typedef struct nested {
    iscep_client *own, *other;
    iscep_status own_status, other_status;
    iscep_decision decision;
    char code[64];
} nested;

static void wait_inside(void *user, const iscep_verdict *verdict)
{
    (void)verdict;
    nested *n = user;
    iscep_verdict inner = {.decision = ISCEP_ALLOW};
    iscep_error err = ISCEP_ERROR_INIT;
    n->own_status = iscep_client_validate(n->own, "1", csr.data, csr.len, PATIENCE_MS, &inner, &err);
    n->decision = inner.decision;
    memcpy(n->code, err.code, sizeof n->code);
    n->other_status = iscep_client_validate(n->other, "1", csr.data, csr.len, PATIENCE_MS, &inner, &err);
    gate_pass(&answered);
}

Test(client_process, a_call_that_waits_inside_a_callback_is_refused)
{
    iscep_error err = ISCEP_ERROR_INIT;
    nested n = {.own = new_client(), .other = new_client()};
    cr_assert_eq(
        iscep_client_validate_begin(n.own, "1", csr.data, csr.len, PATIENCE_MS, wait_inside, &n, &err),
        ISCEP_OK);
    gate_await(&answered, 1);
    cr_assert_eq(n.own_status, ISCEP_USAGE);
    cr_assert_eq(n.decision, ISCEP_DENY, "what was there before must not survive");
    cr_assert_str_eq(n.code, "in_callback");
    cr_assert_eq(n.other_status, ISCEP_USAGE, "two clients could wait for each other");
    cr_assert_eq(ask(n.own), ISCEP_ALLOW, "and the client goes on");
    iscep_client_free(n.own);
    iscep_client_free(n.other);
}

typedef struct freed {
    iscep_client *client;
    iscep_verdict in_flight;
} freed;

static void take_verdict(void *user, const iscep_verdict *verdict)
{
    *(iscep_verdict *)user = *verdict;
    gate_pass(&answered);
}

static void free_inside(void *user, const iscep_verdict *verdict)
{
    (void)verdict;
    freed *f = user;
    iscep_error err = ISCEP_ERROR_INIT;
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    cr_assert_eq(iscep_client_validate_begin(f->client, "2", csr.data, csr.len, PATIENCE_MS, take_verdict,
                                             &f->in_flight, &err),
                 ISCEP_OK);
    iscep_client_free(f->client);
    gate_pass(&answered);
}

Test(client_process, freed_inside_a_callback_ends_after_it)
{
    iscep_error err = ISCEP_ERROR_INIT;
    unsigned before = count_descriptors();
    freed f = {.client = new_client()};
    cr_assert_eq(
        iscep_client_validate_begin(f.client, "1", csr.data, csr.len, PATIENCE_MS, free_inside, &f, &err),
        ISCEP_OK);
    gate_await(&answered, 2);
    cr_assert_eq(gate_count(&answered), 2);
    cr_assert_eq(f.in_flight.decision, ISCEP_RETRY);
    cr_assert_str_eq(f.in_flight.code, "shutting_down");
    await_descriptors(before);
}

/* --- fork --- */

/* In a child: 0 if everything is as the header says, otherwise the number of what is not. */
static int look_in_child(iscep_client *parents)
{
    iscep_verdict verdict = {.decision = ISCEP_ALLOW};
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_client_validate(parents, "1", csr.data, csr.len, PATIENCE_MS, &verdict, &err) != ISCEP_USAGE)
        return 1;
    if (strcmp(err.code, "forked") != 0 || verdict.decision != ISCEP_DENY)
        return 2;
    if (iscep_client_validate_begin(parents, "1", csr.data, csr.len, PATIENCE_MS, take_verdict, &verdict,
                                    &err) != ISCEP_USAGE)
        return 3;
    unsigned before = count_descriptors();
    iscep_client_free(parents);
    if (count_descriptors() != before)
        return 4;
    iscep_client *own = new_client();
    if (ask(own) != ISCEP_ALLOW)
        return 5;
    iscep_client_free(own);
    return 0;
}

Test(client_process, a_client_is_its_process_s_and_a_child_makes_its_own)
{
    iscep_client *client = new_client();
    cr_assert_eq(ask(client), ISCEP_ALLOW);
    pid_t child = fork();
    if (child == 0)
        _exit(look_in_child(client));
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "step %d", WEXITSTATUS(status));
    size_t tokens = cloud_count(&the_cloud, CLOUD_TOKEN);
    cr_assert_eq(ask(client), ISCEP_ALLOW, "the parent's client has not noticed");
    cr_assert_eq(cloud_count(&the_cloud, CLOUD_TOKEN), tokens);
    iscep_client_free(client);
}

/* --- descriptors --- */

/* curl_multi_init makes a pair for its own use, over which nobody outside can be reached. */
static bool is_libcurls_pair(int fd)
{
    int domain = 0;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &(socklen_t){sizeof domain}) == 0 &&
           domain == AF_UNIX;
}

Test(client_process, every_descriptor_is_closed_on_exec)
{
    bool was_open[FDS_TO_LOOK_AT];
    unsigned new_ones = 0;
    for (int fd = 0; fd < FDS_TO_LOOK_AT; fd++)
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    iscep_client *client = new_client();
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    iscep_verdict verdict;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_client_validate_begin(client, "1", csr.data, csr.len, PATIENCE_MS, take_verdict,
                                             &verdict, &err),
                 ISCEP_OK);
    gate_await(&the_cloud.arrivals, 3 + 1);
    for (int fd = 0; fd < FDS_TO_LOOK_AT; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (was_open[fd] || flags < 0)
            continue;
        new_ones++;
        cr_assert((flags & FD_CLOEXEC) || is_libcurls_pair(fd), "descriptor %d would live on", fd);
    }
    cr_assert_geq(new_ones, 3, "an epoll, an eventfd and a connection were looked at, not %u descriptors",
                  new_ones);
    iscep_client_free(client);
}
