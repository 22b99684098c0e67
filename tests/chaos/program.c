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
    return bench_process_start(&program->process, program->argv, program->log_path, err);
}

static bool does_answer(const chaos_program *program)
{
    ISCEP_AUTO_BUF reply;
    iscep_buf_init(&reply, MAX_REPLY_LEN);
    const bench_fetch_request request = {
        .method = "GET", .url = program->probe_url, .socket_path = program->socket_path};
    return bench_fetch(&reply, &request, NULL) == ISCEP_OK;
}

static void reap(chaos_program *program)
{
    while (waitpid(program->process.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    program->process.pid = 0;
}

/* Counts a crash, and starts it anew, but not for ever. */
static iscep_status look_after(chaos_program *program, iscep_error *err)
{
    if (bench_process_is_running(&program->process))
        return ISCEP_OK;
    reap(program);
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
    return status;
}

void chaos_program_kill(chaos_program *program)
{
    if (!bench_process_is_running(&program->process))
        program->crashes++;
    kill(program->process.pid, SIGKILL);
    reap(program);
    program->kills++;
}

void chaos_program_stop(chaos_program *program)
{
    bench_process_stop(&program->process);
}
