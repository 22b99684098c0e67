/* See process.h. */
#include "net/process.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"

enum {
    MAX_ENV = 64,
    MAX_VARIABLE_LEN = 4096,
    CHUNK_LEN = 4096,
    MAX_REAP_MS = 200, /* from SIGKILL to the end, as a rule much less */
    MAX_CHUNKS = 32,   /* read in a row: a program that prints without end must not hold up the loop */
};

struct iscep_process {
    pid_t pid; /* and its group's number; until it is reaped, nobody else gets it */
    int pid_fd;
    int output_fd;
    struct event *on_end;
    struct event *on_output;
    iscep_timer *timer;
    iscep_buf output;
    bool is_output_cut;
    bool is_timed_out;
    int64_t grace_ms;
    iscep_process_done done;
    void *user;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void free_process(iscep_process *process)
{
    if (process->on_end != NULL)
        event_free(process->on_end);
    if (process->on_output != NULL)
        event_free(process->on_output);
    iscep_timer_free(process->timer);
    close_fd(&process->pid_fd);
    close_fd(&process->output_fd);
    iscep_buf_clear(&process->output);
    free(process);
}

/* --- while it runs --- */

static void keep_output(iscep_process *process, const uint8_t *data, size_t len)
{
    size_t room = process->output.max_len - process->output.len;
    process->is_output_cut |= len > room;
    iscep_buf_append(&process->output, data, len < room ? len : room);
}

/* What is there now. False: nobody can write any more. */
static bool read_output(iscep_process *process)
{
    uint8_t chunk[CHUNK_LEN];
    for (unsigned i = 0; i < MAX_CHUNKS; i++) {
        ssize_t got = read(process->output_fd, chunk, sizeof chunk);
        if (got > 0)
            keep_output(process, chunk, (size_t)got);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return false;
        else if (errno == EAGAIN)
            return true;
    }
    return true;
}

static void on_output(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    iscep_process *process = user;
    if (!read_output(process))
        event_del(process->on_output);
}

static void on_timer(void *user)
{
    iscep_process *process = user;
    kill(-process->pid, process->is_timed_out ? SIGKILL : SIGTERM);
    if (!process->is_timed_out)
        iscep_timer_arm(process->timer, process->grace_ms);
    process->is_timed_out = true;
}

/* --- the end --- */

/* False: somebody else has, as a process may whose guests we are (SIGCHLD ignored, wait(2)): nobody knows how it ended. */
static bool reap(pid_t pid, int *state)
{
    pid_t reaped;
    do {
        reaped = waitpid(pid, state, 0);
    } while (reaped < 0 && errno == EINTR);
    return reaped == pid;
}

static void on_end(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    iscep_process *process = user;
    (void)read_output(process); /* what it still holds; a child that keeps the pipe open is not waited for */
    if (process->is_timed_out)
        kill(-process->pid, SIGKILL); /* what it has started and SIGTERM did not end */
    int state = 0;
    const bool is_known = reap(process->pid, &state);
    const iscep_process_result result = {.exit_code = is_known && WIFEXITED(state) ? WEXITSTATUS(state) : -1,
                                         .signal_number = WIFSIGNALED(state) ? WTERMSIG(state) : 0,
                                         .is_timed_out = process->is_timed_out,
                                         .is_output_cut = process->is_output_cut,
                                         .output = iscep_buf_bytes(&process->output)};
    process->done(process->user, &result);
    free_process(process);
}

static void *reap_in_peace(void *user)
{
    pid_t *pid = user;
    int state;
    (void)reap(*pid, &state);
    free(pid);
    return NULL;
}

/* Not every program dies of SIGKILL at once: one that sudo(8) runs as somebody else, or that the kernel holds. The loop
 * must not wait for it; a thread may. */
static void reap_or_leave(const iscep_process *process)
{
    struct pollfd ended = {.fd = process->pid_fd, .events = POLLIN};
    pthread_t thread;
    poll(&ended, 1, MAX_REAP_MS);
    if (waitpid(process->pid, NULL, WNOHANG) != 0)
        return;
    pid_t *pid = malloc(sizeof *pid);
    if (pid == NULL)
        return;
    *pid = process->pid;
    if (iscep_thread_start(&thread, reap_in_peace, pid))
        pthread_detach(thread);
    else
        free(pid); /* a zombie stays, and nothing hangs */
}

void iscep_process_cancel(iscep_process *process)
{
    kill(-process->pid, SIGKILL);
    reap_or_leave(process);
    free_process(process);
}

/* --- the start --- */

/* texts holds the two variables that are inherited, for as long as env is used. */
static bool fill_env(const char *env[MAX_ENV + 1], char texts[2][MAX_VARIABLE_LEN], const char *const *given)
{
    static const char *const inherited[] = {"PATH", "LANG"};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *value = getenv(inherited[i]);
        if (value == NULL)
            continue;
        if (snprintf(texts[i], MAX_VARIABLE_LEN, "%s=%s", inherited[i], value) >= MAX_VARIABLE_LEN)
            return false;
        env[count++] = texts[i];
    }
    for (; given != NULL && *given != NULL; given++) {
        if (count == MAX_ENV)
            return false;
        env[count++] = *given;
    }
    env[count] = NULL;
    return true;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    if (error == 0)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    return error != 0 ? error : posix_spawnattr_setpgroup(attributes, 0);
}

static int set_files(posix_spawn_file_actions_t *files, int output_fd)
{
    int error = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, output_fd, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(files, output_fd, STDERR_FILENO);
    return error != 0 ? error : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

/* 0, or what errno would say. */
static int spawn(pid_t *pid, const iscep_process_options *options, int output_fd)
{
    const char *env[MAX_ENV + 1];
    char texts[2][MAX_VARIABLE_LEN];
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    if (!fill_env(env, texts, options->env))
        return E2BIG;
    if (posix_spawnattr_init(&attributes) != 0)
        return ENOMEM;
    if (posix_spawn_file_actions_init(&files) != 0) {
        posix_spawnattr_destroy(&attributes);
        return ENOMEM;
    }
    int error = set_attributes(&attributes);
    if (error == 0)
        error = set_files(&files, output_fd);
    if (error == 0) /* it takes them as char *, and changes nothing */
        error = posix_spawn(pid, options->argv[0], &files, &attributes, (char *const *)options->argv,
                            (char *const *)env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static iscep_status prepare(iscep_process *process, iscep_loop *loop, int *write_fd, iscep_error *err)
{
    int ends[2];
    iscep_status status = iscep_timer_new(&process->timer, loop, on_timer, process, err);
    if (status != ISCEP_OK)
        return status;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return iscep_error_set(err, ISCEP_NOMEM, "program", "no pipe: %s", strerror(errno));
    process->output_fd = ends[0];
    *write_fd = ends[1];
    fcntl(process->output_fd, F_SETFL, O_NONBLOCK);
    process->on_output =
        event_new(iscep_loop_base(loop), process->output_fd, EV_READ | EV_PERSIST, on_output, process);
    return process->on_output != NULL ? ISCEP_OK : iscep_error_nomem(err);
}

/* It runs: from here on whoever gives up must kill and reap it. */
static iscep_status watch(iscep_process *process, iscep_loop *loop, int64_t timeout_ms, iscep_error *err)
{
    process->pid_fd = pidfd_open(process->pid, 0);
    if (process->pid_fd >= 0)
        process->on_end = event_new(iscep_loop_base(loop), process->pid_fd, EV_READ, on_end, process);
    if (process->on_end == NULL || event_add(process->on_end, NULL) != 0 ||
        event_add(process->on_output, NULL) != 0)
        return iscep_error_set(err, ISCEP_NOMEM, "program", "a running program cannot be watched");
    iscep_timer_arm(process->timer, timeout_ms);
    return ISCEP_OK;
}

static iscep_status start(iscep_process *process, iscep_loop *loop, const iscep_process_options *options,
                          iscep_error *err)
{
    int write_fd = -1;
    iscep_status status = prepare(process, loop, &write_fd, err);
    int error = status == ISCEP_OK ? spawn(&process->pid, options, write_fd) : 0;
    close_fd(&write_fd);
    if (error != 0)
        status = iscep_error_set(err, ISCEP_CONFIG, "program", "cannot run %s: %s", options->argv[0],
                                 strerror(error));
    if (status != ISCEP_OK) {
        free_process(process);
        return status;
    }
    status = watch(process, loop, options->timeout_ms, err);
    if (status != ISCEP_OK)
        iscep_process_cancel(process);
    return status;
}

iscep_status iscep_process_start(iscep_process **out, iscep_loop *loop, const iscep_process_options *options,
                                 iscep_process_done done, void *user, iscep_error *err)
{
    iscep_process *process = calloc(1, sizeof *process);
    if (process == NULL)
        return iscep_error_nomem(err);
    *process = (iscep_process){
        .pid_fd = -1, .output_fd = -1, .grace_ms = options->grace_ms, .done = done, .user = user};
    iscep_buf_init(&process->output, options->max_output_len);
    iscep_status status = start(process, loop, options, err);
    if (status == ISCEP_OK)
        *out = process;
    return status;
}
