/* The listening sockets from one configuration to the next: what stays, what comes, what goes, and what a failure leaves. */
#include <criterion/criterion.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/gate.h"
#include "tests/support/key_files.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/test_pki.h"
#include "tests/unit/daemon/config_case.h"

#define TENANT   CONFIG_CASE_TENANT("contoso")
#define AT(name) "[listener/" name "]\naddress = unix:~/" name ".sock\nserves = api\n"
#define TLS                                                                                                  \
    "[listener/tls]\naddress = tcp:127.0.0.1:0\nserves = api\ncertificate = ~/server.pem\nkey = "            \
    "~/server.key\n"                                                                                         \
    "tokens = ~/token\n"

static iscep_env env;
static iscep_loop *loop;
static iscep_gate *gates;
static iscep_doors *doors;

static bool has_come, was_tls;
static uint32_t came_by, closed[8];
static size_t closed_count;

static void on_accept(void *user, int fd, SSL_CTX *tls, uint32_t door)
{
    cr_assert_eq(user, &env);
    close(fd);
    was_tls = tls != NULL;
    came_by = door;
    has_come = true;
    iscep_loop_stop(loop); /* loop_run_until looks again */
}

static void on_closed(void *user, uint32_t door)
{
    cr_assert_eq(user, &env);
    closed[closed_count++] = door;
}

static void set_up(void)
{
    const iscep_gate_events events = {.on_accept = on_accept, .on_closed = on_closed, .user = &env};
    env = iscep_env_system(NULL);
    config_case_set_up();
    config_case_make_keys();
    cr_assert_eq(iscep_loop_new(&loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_gate_new(&gates, &env, loop, NULL, &events, NULL), ISCEP_OK);
}

static void tear_down(void)
{
    iscep_gate_free(gates);
    iscep_doors_free(doors);
    iscep_loop_free(loop);
    config_case_tear_down();
}

TestSuite(gate, .init = set_up, .fini = tear_down);

/* --- what the daemon does with it --- */

static const iscep_config *prepare(const char *text)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_config *config = config_case_good(text);
    cr_assert_eq(iscep_gate_prepare(gates, config, &err), ISCEP_OK, "%s", err.message);
    return config;
}

static const iscep_config *enter(const char *text)
{
    const iscep_config *config = prepare(text);
    iscep_doors_free(doors);
    cr_assert_eq(iscep_doors_new(&doors, config, NULL), ISCEP_OK);
    iscep_gate_number(gates, doors);
    iscep_gate_commit(gates);
    return config;
}

static void assert_refused(const char *text, const char *want)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_gate_prepare(gates, config_case_good(text), &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, want), "%s", err.message);
}

/* --- what can be seen from outside --- */

static int try_connect(const char *name)
{
    char path[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%s.sock", name);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", config_case_path(path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* By which door does he come who is waiting? */
static uint32_t await_caller(void)
{
    has_come = false;
    loop_run_until(loop, &has_come);
    return came_by;
}

static uint32_t come_by(const char *name)
{
    int fd = try_connect(name);
    cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
    uint32_t door = await_caller();
    close(fd);
    return door;
}

static ino_t inode_of(const char *name)
{
    struct stat st;
    cr_assert_eq(stat(config_case_path(name), &st), 0);
    return st.st_ino;
}

/* --- from one configuration to the next --- */

Test(gate, who_comes_is_told_by_the_number_of_his_door)
{
    enter(AT("a") AT("b") TENANT);
    const uint32_t a = come_by("a"), b = come_by("b");
    cr_assert_neq(a, b);
    cr_assert_str_eq(iscep_doors_find(doors, a)->name, "a");
    cr_assert_str_eq(iscep_doors_find(doors, b)->name, "b");
}

Test(gate, address_that_stays_stays_open_and_who_waits_there_comes_in)
{
    enter(AT("a") AT("b") TENANT);
    const uint32_t a = come_by("a");
    const ino_t inode = inode_of("a.sock");
    const int waiting = try_connect("a");
    enter(AT("b") "[listener/renamed]\naddress = unix:~/a.sock\nserves = admin\n" TENANT);
    cr_assert_eq(await_caller(), a);
    cr_assert_eq(inode_of("a.sock"), inode);
    cr_assert_str_eq(iscep_doors_find(doors, a)->name, "renamed", "what else changes, changes in place");
    cr_assert_eq(closed_count, 0);
    close(waiting);
}

Test(gate, new_address_opens_and_one_that_is_gone_closes)
{
    enter(AT("a") AT("b") TENANT);
    const uint32_t a = come_by("a"), b = come_by("b");
    enter(AT("b") AT("c") TENANT);
    cr_assert_eq(closed_count, 1);
    cr_assert_eq(closed[0], a);
    cr_assert_eq(try_connect("a"), -1);
    cr_assert_eq(access(config_case_path("a.sock"), F_OK), -1);
    cr_assert_eq(come_by("b"), b);
    cr_assert_str_eq(iscep_doors_find(doors, come_by("c"))->name, "c");
}

Test(gate, number_of_a_door_is_never_another_doors)
{
    enter(AT("a") AT("b") TENANT);
    const uint32_t a = come_by("a");
    enter(AT("b") TENANT);
    enter(AT("a") AT("b") TENANT);
    cr_assert_neq(come_by("a"), a, "connections of before would come in by it");
    cr_assert_null(iscep_doors_find(doors, a));
}

/* --- what comes to nothing --- */

Test(gate, failure_changes_nothing)
{
    enter(AT("a") AT("b") TENANT);
    const uint32_t a = come_by("a"), b = come_by("b");
    const ino_t inode = inode_of("a.sock");
    assert_refused(AT("a") AT("c") "[listener/d]\naddress = unix:~/nowhere/d.sock\nserves = api\n" TENANT,
                   "d: cannot listen");
    cr_assert_eq(try_connect("c"), -1, "what was opened with it is closed again");
    cr_assert_eq(access(config_case_path("c.sock"), F_OK), -1);
    cr_assert_eq(closed_count, 0);
    cr_assert_eq(inode_of("a.sock"), inode);
    cr_assert_eq(come_by("a"), a);
    cr_assert_eq(come_by("b"), b, "it would have been closed");
    enter(AT("a") AT("b") AT("c") TENANT);
    cr_assert_eq(come_by("b"), b);
    cr_assert_str_eq(iscep_doors_find(doors, come_by("c"))->name, "c");
}

Test(gate, closed_nobody_comes_in_any_more)
{
    enter(AT("a") TENANT);
    iscep_gate_close(gates);
    cr_assert_eq(try_connect("a"), -1);
    cr_assert_eq(closed_count, 0, "who is in is not thrown out");
}

/* --- certificates --- */

static void write_certificate(int64_t expires_unix)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    key_files_write_key(config_case_path("server.key"), key, NULL);
    key_files_write_certificate(config_case_path("server.pem"), key, expires_unix);
    EVP_PKEY_free(key);
}

Test(gate, certificate_is_read_again_and_counts_once_it_is_entered)
{
    enter(AT("a") TLS TENANT);
    const uint16_t port = iscep_gate_port(gates, 1);
    cr_assert_eq(iscep_gate_port(gates, 0), 0);
    cr_assert_eq(iscep_gate_expires_unix(gates, 0), 0);
    cr_assert_eq(iscep_gate_expires_unix(gates, 1), KEY_FILES_EXPIRES);
    write_certificate(KEY_FILES_EXPIRES - 86400);
    prepare(AT("a") TLS TENANT);
    cr_assert_eq(iscep_gate_expires_unix(gates, 1), KEY_FILES_EXPIRES);
    iscep_gate_commit(gates);
    cr_assert_eq(iscep_gate_expires_unix(gates, 1), KEY_FILES_EXPIRES - 86400);
    cr_assert_eq(iscep_gate_port(gates, 1), port);
    cr_assert_eq(closed_count, 0, "who is in stays");
    int fd = peer_connect_tcp(port);
    await_caller();
    cr_assert(was_tls);
    close(fd);
}

Test(gate, certificate_without_its_key_changes_nothing)
{
    enter(AT("a") TLS TENANT);
    EVP_PKEY *other = test_pki_new_ec_key();
    const iscep_config *config = config_case_good(AT("a") TLS TENANT); /* a moment before the file changes */
    key_files_write_key(config_case_path("server.key"), other, NULL);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_gate_prepare(gates, config, &err), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "tls: "), "%s", err.message);
    cr_assert_eq(iscep_gate_expires_unix(gates, 1), KEY_FILES_EXPIRES);
    int fd = peer_connect_tcp(iscep_gate_port(gates, 1));
    await_caller();
    cr_assert(was_tls);
    close(fd);
    EVP_PKEY_free(other);
}

#define MUTUAL TLS "client_ca = ~/ca.pem\nclient_names = any\n"

static void write_ca(void)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    key_files_write_certificate(config_case_path("ca.pem"), key, KEY_FILES_EXPIRES);
    EVP_PKEY_free(key);
}

/* Connections stay open over a reload, and with them what their certificates were believed to be. */
Test(gate, who_was_believed_by_another_ca_is_to_leave)
{
    enter(AT("a") MUTUAL TENANT);
    int fd = peer_connect_tcp(iscep_gate_port(gates, 1));
    const uint32_t door = await_caller();
    enter(AT("a") MUTUAL TENANT);
    cr_assert_eq(closed_count, 0, "nothing has changed");
    write_certificate(KEY_FILES_EXPIRES - 86400);
    enter(AT("a") MUTUAL TENANT);
    cr_assert_eq(closed_count, 0, "our own certificate is none of theirs");
    write_ca();
    enter(AT("a") MUTUAL TENANT);
    cr_assert_eq(closed_count, 1);
    cr_assert_eq(closed[0], door);
    enter(AT("a") TLS TENANT);
    cr_assert_eq(closed_count, 2, "and who came with a certificate came for it");
    close(fd);
    fd = peer_connect_tcp(iscep_gate_port(gates, 1));
    cr_assert_eq(await_caller(), door, "the door itself stays open");
    close(fd);
}
