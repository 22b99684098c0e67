/* The host of README.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

int may_issue(const char *plugin_path, const char *socket, scep_bytes transaction_id, scep_bytes csr);

static const fake_step echo_script[] = {{fake_echo, FAKE_KEEP}};
static const scep_bytes csr = {(const uint8_t *)"any bytes", 9};
static char path[64];

static scep_bytes bytes_of(const char *text)
{
    return (scep_bytes){(const uint8_t *)text, strlen(text)};
}

static void set_up(void)
{
    fresh_socket_path(path);
}

static void tear_down(void)
{
    remove_socket_dir(path);
}

TestSuite(may_issue, .init = set_up, .fini = tear_down, .timeout = 60);

Test(may_issue, says_what_the_connector_says)
{
    fake_daemon *daemon = fake_daemon_start(path, echo_script, 1);
    cr_assert_eq(may_issue(SCEP_INTUNE_SO, path, bytes_of("allow-1"), csr), 1);
    cr_assert_eq(may_issue(SCEP_INTUNE_SO, path, bytes_of("deny-1"), csr), 0);
    cr_assert_eq(may_issue(SCEP_INTUNE_SO, path, bytes_of("retry-1"), csr), 0);
    fake_daemon_stop(daemon);
}

Test(may_issue, is_no_without_a_connector)
{
    cr_assert_eq(may_issue(SCEP_INTUNE_SO, path, bytes_of("allow-1"), csr), 0);
}

Test(may_issue, is_no_without_a_plugin)
{
    cr_assert_eq(may_issue("/nowhere/plugin.so", path, bytes_of("allow-1"), csr), 0);
}
