/* The host of docs/PLUGIN-ABI.md, run as a program: its exit status and its line for each verdict. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

static const fake_step echo_script[] = {{fake_echo, FAKE_KEEP}};
static char path[64];

static void set_up(void)
{
    fresh_socket_path(path);
}

static void tear_down(void)
{
    remove_socket_dir(path);
}

TestSuite(minimal_host, .init = set_up, .fini = tear_down, .timeout = 60);

/* Exit status of the host; line gets the first line that it prints. */
static int run_host(const char *plugin, const char *transaction_id, char line[256])
{
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' '%s' '%s' '%s' '%s' 2>/dev/null", MINIMAL_HOST, plugin, path,
             transaction_id, MINIMAL_HOST_CSR);
    line[0] = '\0';
    FILE *output = popen(command, "r");
    cr_assert_not_null(output);
    const bool is_said = fgets(line, 256, output) != NULL;
    const int status = pclose(output);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(is_said, WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status);
}

Test(minimal_host, tells_the_verdict_by_its_exit_status)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    char line[256];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1", line), 0);
    cr_assert_str_eq(line, "allow Echo: allow-1\n");
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "deny-1", line), 1);
    cr_assert_str_eq(line, "deny Echo: deny-1\n");
    fake_daemon_stop(daemon);
}

Test(minimal_host, does_not_allow_without_a_daemon)
{
    char line[256];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1", line), 3);
    cr_assert_eq(strncmp(line, "retry connector_unreachable: ", 29), 0);
}

Test(minimal_host, does_not_allow_without_a_plugin)
{
    char line[256];
    cr_assert_eq(run_host("/nowhere/plugin.so", "allow-1", line), 2);
}
