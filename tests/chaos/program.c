/* See program.h. */
#include "program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/bench/fetch.h"

enum { START_TIMEOUT_MS = 60000, PROBE_INTERVAL_MS = 5, MAX_REPLY_LEN = 64 * 1024, MAX_CRASHES = 10 };

iscep_status chaos_program_start(chaos_program *program, iscep_error *err)
{
    pthread_mutex_lock(&program->lock);
    iscep_status status = bench_process_start(&program->process, program->argv, program->log_path, err);
    pthread_mutex_unlock(&program->lock);
    return status;
}

static bool does_answer(const chaos_program *program)
{
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, MAX_REPLY_LEN);
    const bench_fetch_request request = {
        .method = "GET", .url = program->probe_url, .socket_path = program->socket_path};
    return bench_fetch(&reply, &request, NULL) == ISCEP_OK;
}

static void reap_locked(chaos_program *program)
{
    while (waitpid(program->process.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    program->process.pid = 0;
    program->is_up = false;
}

static void set_up(chaos_program *program)
{
    pthread_mutex_lock(&program->lock);
    program->is_up = true;
    pthread_mutex_unlock(&program->lock);
}

/* Counts a crash, and starts it anew, but not for ever. */
static iscep_status look_after(chaos_program *program, iscep_error *err)
{
    pthread_mutex_lock(&program->lock);
    const bool is_running = bench_process_is_running(&program->process);
    if (!is_running)
        reap_locked(program);
    pthread_mutex_unlock(&program->lock);
    if (is_running)
        return ISCEP_OK;
    if (++program->crashes > MAX_CRASHES)
        return iscep_error_set(err, ISCEP_SERVICE, "start", "%s ends by itself; see %s", program->argv[0],
                               program->log_path);
    return chaos_program_start(program, err);
}

iscep_status chaos_program_await(chaos_program *program, iscep_error *err)
{
    int64_t deadline_mono_ms = iscep_now_mono_ms(program->env) + START_TIMEOUT_MS;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && !does_answer(program)) {
        if (iscep_now_mono_ms(program->env) > deadline_mono_ms)
            return iscep_error_set(err, ISCEP_SERVICE, "start", "%s does not answer; see %s",
                                   program->argv[0], program->log_path);
        poll(NULL, 0, PROBE_INTERVAL_MS);
        status = look_after(program, err);
    }
    if (status == ISCEP_OK)
        set_up(program);
    return status;
}

void chaos_program_kill(chaos_program *program)
{
    pthread_mutex_lock(&program->lock);
    if (!bench_process_is_running(&program->process))
        program->crashes++;
    kill(program->process.pid, SIGKILL);
    reap_locked(program);
    program->kills++;
    pthread_mutex_unlock(&program->lock);
}

bool chaos_program_tell_locked(chaos_program *program, int number)
{
    return program->is_up && bench_process_is_running(&program->process) &&
           kill(program->process.pid, number) == 0;
}

void chaos_program_stop(chaos_program *program)
{
    pthread_mutex_lock(&program->lock);
    program->is_up = false;
    bench_process_stop(&program->process);
    pthread_mutex_unlock(&program->lock);
}
