/* See storm_weather.h. */
#include "storm_weather.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define UP_MS         150 /* from one restart to the next */
#define DOWN_MS       30
#define START_POLLS   2000
#define START_STEP_MS 10

#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), abort()))

typedef struct keeper {
    const char *socket_path;
    int command;
    bool is_bad;
    storm_connector_state *connector;
} keeper;

static pid_t start_connector(const keeper *self)
{
    const pid_t child = fork();
    MUST(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        storm_connector_run(self->socket_path, self->connector);
    }
    return child;
}

/* The rhythm of the weather. A command or the storm's end is heard meanwhile. False: the end. */
static bool wait_ms(keeper *self, int ms)
{
    struct pollfd told = {.fd = self->command, .events = POLLIN};
    if (poll(&told, 1, self->is_bad ? ms : -1) <= 0) {
        return true;
    }
    char word;
    self->is_bad = true;
    return read(self->command, &word, 1) == 1;
}

static _Noreturn void keep(keeper *self)
{
    for (unsigned round = 0;; round++) {
        const pid_t connector = start_connector(self);
        const bool is_going_on = wait_ms(self, UP_MS);
        if (round % 2 == 1) {
            unlink(self->socket_path);
        }
        kill(connector, SIGKILL);
        MUST(waitpid(connector, NULL, 0) == connector);
        if (!is_going_on || !wait_ms(self, DOWN_MS)) {
            _exit(0);
        }
    }
}

static void await_connector(const storm_weather *weather)
{
    unsigned polls = 0;
    while (atomic_load(&weather->connector->starts) == 0) {
        MUST(polls++ < START_POLLS);
        poll(NULL, 0, START_STEP_MS);
    }
}

void storm_weather_begin(storm_weather *out, const char *socket_path)
{
    int command[2];
    out->connector =
        mmap(NULL, sizeof *out->connector, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(out->connector != MAP_FAILED && pipe(command) == 0);
    out->keeper = fork();
    MUST(out->keeper >= 0);
    if (out->keeper == 0) {
        close(command[1]);
        keep(&(keeper){.socket_path = socket_path, .command = command[0], .connector = out->connector});
    }
    close(command[0]);
    out->command = command[1];
    await_connector(out);
}

void storm_weather_turn_bad(storm_weather *weather)
{
    MUST(write(weather->command, "b", 1) == 1);
}

void storm_weather_end(storm_weather *weather)
{
    close(weather->command);
    MUST(waitpid(weather->keeper, NULL, 0) == weather->keeper);
    munmap(weather->connector, sizeof *weather->connector);
}
