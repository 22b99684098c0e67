/* The C hosts of docs/PLUGIN-ABI.md, run as programs: exit status and lines. tests/e2e/language_hosts.sh has the others. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

static const fake_step echo_script[] = {{fake_echo, FAKE_KEEP}};
static char path[64];

#define CSR "'" MINIMAL_HOST_CSR "'" /* any bytes will do */

static void set_up(void)
{
    fresh_socket_path(path);
}

static void tear_down(void)
{
    remove_socket_dir(path);
}

TestSuite(minimal_host, .init = set_up, .fini = tear_down, .timeout = 60);

/* Exit status of the program; output gets what it prints. */
static int run(const char *program, const char *plugin, const char *arguments, char output[512])
{
    char command[1024];
    snprintf(command, sizeof command, "exec '%s' '%s' '%s' %s 2>/dev/null", program, plugin, path, arguments);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    output[fread(output, 1, 511, pipe)] = '\0';
    const int status = pclose(pipe);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(output[0] != '\0', WEXITSTATUS(status) != 2);
    return WEXITSTATUS(status);
}

static int run_host(const char *plugin, const char *arguments, char output[512])
{
    return run(MINIMAL_HOST, plugin, arguments, output);
}

Test(minimal_host, tells_the_verdict_by_its_exit_status)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    char line[512];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1 " CSR, line), 0);
    cr_assert_str_eq(line, "allow Echo: allow-1\n");
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "deny-1 " CSR, line), 1);
    cr_assert_str_eq(line, "deny Echo: deny-1\n");
    fake_daemon_stop(daemon);
}

Test(minimal_host, does_not_allow_without_a_daemon)
{
    char line[512];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1 " CSR, line), 3);
    cr_assert_eq(strncmp(line, "retry connector_unreachable: ", 29), 0);
}

Test(minimal_host, does_not_allow_without_a_plugin)
{
    char line[512];
    cr_assert_eq(run_host("/nowhere/plugin.so", "allow-1 " CSR, line), 2);
}

Test(minimal_host, delivers_only_what_is_noted)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    char lines[512];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1 " CSR " " CSR, lines), 0);
    cr_assert_str_eq(lines, "allow Echo: allow-1\nallow Echo: allow-1\n");
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "deny-1 " CSR " " CSR, lines), 1);
    cr_assert_str_eq(lines, "deny Echo: deny-1\n");
    fake_daemon_stop(daemon);
}

Test(minimal_host, delivers_nothing_when_the_ca_fails)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    char lines[512];
    cr_assert_eq(run_host(SCEP_INTUNE_SO, "allow-1 " CSR " /nowhere/cert.der", lines), 1);
    cr_assert_str_eq(lines, "allow Echo: allow-1\nallow Echo: allow-1\n");
    fake_daemon_stop(daemon);
}

Test(minimal_host, asks_several_at_once)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    char lines[512];
    cr_assert_eq(run(EVENT_HOST, SCEP_INTUNE_SO, "allow-1 " CSR " allow-2 " CSR, lines), 0);
    cr_assert_not_null(strstr(lines, "allow-1 allow Echo: allow-1\n"));
    cr_assert_not_null(strstr(lines, "allow-2 allow Echo: allow-2\n"));
    cr_assert_eq(run(EVENT_HOST, SCEP_INTUNE_SO, "deny-1 " CSR " allow-2 " CSR, lines), 1);
    cr_assert_not_null(strstr(lines, "deny-1 deny Echo: deny-1\n"));
    cr_assert_not_null(strstr(lines, "allow-2 allow Echo: allow-2\n"));
    cr_assert_eq(run(EVENT_HOST, "/nowhere/plugin.so", "allow-1 " CSR, lines), 2);
    fake_daemon_stop(daemon);
    cr_assert_eq(run(EVENT_HOST, SCEP_INTUNE_SO, "allow-1 " CSR " allow-2 " CSR, lines), 3);
}
