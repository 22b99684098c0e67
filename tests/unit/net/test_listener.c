/* The socket itself: whose file it is, sockets from elsewhere, and what happens when descriptors run out. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listener.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

enum { MAX_ACCEPTED = 512, OTHER_UID = 12345, OTHER_GID = 54321 };

static iscep_env env;
static iscep_log log_of_test;
static loop_thread on;
static temp_dir dir;
static char path[128];
static gate accepted, complaints;
static int fds[MAX_ACCEPTED]; /* written on the loop's thread before the gate is passed */
static unsigned fd_count;

static void keep_complaint(void *user, const char *line, size_t len)
{
    (void)user;
    if (memmem(line, len, "accept_failed", strlen("accept_failed")) != NULL)
        gate_pass(&complaints);
}

static void on_accept(void *user, int fd)
{
    cr_assert_eq(user, &env);
    cr_assert_lt(fd_count, MAX_ACCEPTED);
    fds[fd_count++] = fd;
    gate_pass(&accepted);
}

static void set_up(void)
{
    log_of_test = (iscep_log){.min_level = ISCEP_LOG_INFO, .write = keep_complaint};
    env = iscep_env_system(&log_of_test);
    accepted = complaints = (gate)GATE_INIT;
    temp_dir_make(&dir);
    temp_dir_path(&dir, path, sizeof path, "socket");
    loop_thread_make(&on);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    for (unsigned i = 0; i < fd_count; i++)
        close(fds[i]);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
}

TestSuite(listener, .init = set_up, .fini = tear_down);

typedef struct opening {
    iscep_listen_options options;
    iscep_listener *listener;
    iscep_status status;
    iscep_error err;
} opening;

static void open_on_loop(void *user)
{
    opening *o = user;
    o->status = iscep_listener_open(&o->listener, &env, on.loop, &o->options, on_accept, &env, &o->err);
}

static void close_on_loop(void *user)
{
    iscep_listener_close(user);
}

static opening open_listener(iscep_listen_options options)
{
    opening o = {.options = options};
    loop_thread_run(&on, open_on_loop, &o);
    return o;
}

static iscep_listener *must_open(iscep_listen_options options)
{
    opening o = open_listener(options);
    cr_assert_eq(o.status, ISCEP_OK, "%s", o.err.message);
    return o.listener;
}

static void close_listener(iscep_listener *listener)
{
    loop_thread_run(&on, close_on_loop, listener);
}

static iscep_listen_options at_path(void)
{
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.unix_path = path;
    return options;
}

static iscep_listen_options at_loopback(const char *host)
{
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.host = host;
    return options;
}

/* --- a socket file --- */

Test(listener, accepts_sockets_that_do_not_block_and_are_closed_on_exec)
{
    iscep_listener *listener = must_open(at_path());
    int fd = peer_connect_unix(path);
    gate_await(&accepted, 1);
    cr_assert_neq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    cr_assert_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    cr_assert_eq(iscep_listener_port(listener), 0);
    close(fd);
    close_listener(listener);
}

Test(listener, abstract_address_has_no_file_and_is_gone_when_it_is_closed)
{
    char name[64];
    snprintf(name, sizeof name, "@iscep-listener-%d", (int)getpid());
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.unix_path = name;
    iscep_listener *listener = must_open(options);
    int fd = peer_connect_unix(name);
    gate_await(&accepted, 1);
    cr_assert_neq(access(name, F_OK), 0);
    const opening second = open_listener(options);
    cr_assert_eq(second.status, ISCEP_CONFIG);
    close_listener(listener);
    close_listener(must_open(options));
    close(fd);
}

Test(listener, socket_file_has_its_mode_whatever_the_umask)
{
    static const mode_t umasks[] = {0, 077, 0777};
    iscep_listen_options options = at_path();
    options.unix_mode = 0666;
    for (size_t i = 0; i < sizeof umasks / sizeof *umasks; i++) {
        struct stat st;
        mode_t before = umask(umasks[i]);
        iscep_listener *listener = must_open(options);
        cr_assert_eq(umask(before), umasks[i], "it is the process's, and other threads make files");
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq(st.st_mode & 0777, 0666);
        close_listener(listener);
    }
}

Test(listener, socket_file_has_its_owner)
{
    struct stat st;
    iscep_listen_options options = at_path();
    options.unix_mode = 0620;
    options.unix_gid = OTHER_GID;
    if (geteuid() != 0) { /* who may not give files away is told, and leaves none behind */
        opening o = open_listener(options);
        cr_assert_eq(o.status, ISCEP_CONFIG);
        cr_assert_eq(access(path, F_OK), -1);
        return;
    }
    iscep_listener *listener = must_open(options);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_uid, 0);
    cr_assert_eq(st.st_gid, OTHER_GID);
    close_listener(listener);
    options.unix_uid = OTHER_UID;
    listener = must_open(options);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_uid, OTHER_UID);
    cr_assert_eq(st.st_mode & 0777, 0620);
    close_listener(listener);
}

Test(listener, socket_file_goes_with_its_listener_and_no_other_does)
{
    iscep_listener *listener = must_open(at_path());
    cr_assert_eq(unlink(path), 0);
    temp_dir_write(&dir, path, sizeof path, "socket", "somebody else's");
    close_listener(listener);
    cr_assert_eq(access(path, F_OK), 0);
    cr_assert_eq(unlink(path), 0);
    listener = must_open(at_path());
    close_listener(listener);
    cr_assert_eq(access(path, F_OK), -1);
}

/* --- TCP --- */

Test(listener, tcp_takes_a_free_port_and_says_which)
{
    iscep_listener *listener = must_open(at_loopback("127.0.0.1"));
    uint16_t port = iscep_listener_port(listener);
    cr_assert_neq(port, 0);
    int fd = peer_connect_tcp(port);
    gate_await(&accepted, 1);
    iscep_listen_options taken = at_loopback("127.0.0.1");
    taken.port = port;
    opening o = open_listener(taken);
    cr_assert_eq(o.status, ISCEP_CONFIG);
    cr_assert_str_eq(o.err.code, "listen");
    close(fd);
    close_listener(listener);
}

Test(listener, unknown_host_is_an_error)
{
    opening o = open_listener(at_loopback("nowhere.invalid"));
    cr_assert_eq(o.status, ISCEP_CONFIG);
    cr_assert_not_null(strstr(o.err.message, "nowhere.invalid"));
}

/* --- sockets from elsewhere --- */

static int listen_unix(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static iscep_listen_options inherited(int fd)
{
    iscep_listen_options options = ISCEP_LISTEN_OPTIONS_INIT;
    options.fd = fd;
    return options;
}

Test(listener, inherited_socket_is_used_and_its_file_stays)
{
    iscep_listener *listener = must_open(inherited(listen_unix()));
    int fd = peer_connect_unix(path);
    gate_await(&accepted, 1);
    close(fd);
    close_listener(listener);
    cr_assert_eq(access(path, F_OK), 0, "it is systemd's");
}

Test(listener, inherited_tcp_socket_knows_its_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, len), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    iscep_listener *listener = must_open(inherited(fd));
    cr_assert_eq(iscep_listener_port(listener), ntohs(address.sin_port));
    int client = peer_connect_tcp(ntohs(address.sin_port));
    gate_await(&accepted, 1);
    close(client);
    close_listener(listener);
}

Test(listener, what_does_not_listen_cannot_be_inherited)
{
    int file = open("/dev/null", O_RDONLY), quiet = socket(AF_UNIX, SOCK_STREAM, 0),
        datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    const int wrong[] = {file, quiet, datagrams, 9999};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        opening o = open_listener(inherited(wrong[i]));
        cr_expect_eq(o.status, ISCEP_CONFIG, "%zu", i);
        cr_expect_eq(fcntl(wrong[i], F_GETFD), -1, "it was taken all the same");
    }
}

/* --- no descriptors --- */

static int64_t cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

Test(listener, without_descriptors_it_waits_and_does_not_spin)
{
    static int fillers[256];
    unsigned filler_count = 0;
    iscep_listener *listener = must_open(at_loopback("127.0.0.1"));
    const struct rlimit few = {.rlim_cur = 200, .rlim_max = 200};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    int fd = -1; /* the last descriptor of all is the client's */
    for (int at; (at = dup(0)) >= 0;)
        fillers[filler_count++] = at;
    cr_assert_eq(errno, EMFILE);
    close(fillers[--filler_count]);
    fd = peer_connect_tcp(iscep_listener_port(listener));
    gate_await(&complaints, 1);
    int64_t before_ms = cpu_ms();
    gate_await(&complaints, 2); /* a second later */
    cr_assert_lt(cpu_ms() - before_ms, 300);
    cr_assert_eq(gate_count(&accepted), 0);
    while (filler_count > 0)
        close(fillers[--filler_count]);
    gate_await(&accepted, 1);
    close(fd);
    close_listener(listener);
}
