/* See setup.h: systemd and the connector's unit. */
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/setup.h"

#define UNIT "intune-scepd"

bool setup_has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0; /* sd_booted(3) */
}

/* Its standard output is our standard error: ours is the answer. */
static bool systemctl(const char *verb)
{
    char *const argv[] = {(char *)"systemctl", (char *)verb, (char *)UNIT, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    const bool is_started = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) == 0 &&
                            posix_spawnp(&child, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return is_started && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Not enable --now: one that runs must get the new secret. */
bool setup_start_service(void)
{
    return systemctl("enable") && systemctl("restart");
}
