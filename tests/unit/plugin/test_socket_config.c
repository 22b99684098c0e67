/* The setting that only the direct module has: where its connector's configuration is. The others are test_abi.c's. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "plugin/socket/socket_config.h"

static iscep_socket_config read_config;
static scep_text text;

static int32_t read_one(const char *key, const char *value)
{
    const scep_config_entry entry = {key, value};
    text = (scep_text){.size = sizeof text};
    return iscep_socket_config_read(&read_config, false, &entry, 1, &text);
}

Test(socket_config, of_the_direct_module_names_a_configuration)
{
    char longest[sizeof read_config.config_path];
    cr_assert_eq(iscep_socket_config_read(&read_config, false, NULL, 0, NULL), SCEP_OK);
    cr_assert_str_eq(read_config.config_path, "/etc/intune-scep/connector.conf");
    cr_assert_eq(read_one("config", "/srv/scep/connector.conf"), SCEP_OK, "%s", text.text);
    cr_assert_str_eq(read_config.config_path, "/srv/scep/connector.conf");
    snprintf(longest, sizeof longest, "/%0*d", (int)sizeof longest - 2, 1);
    cr_assert_eq(read_one("config", longest), SCEP_OK, "%s", text.text);
    cr_assert_str_eq(read_config.config_path, longest);
}

Test(socket_config, refuses_a_configuration_that_is_not_at_an_absolute_path)
{
    char too_long[sizeof read_config.config_path + 1];
    cr_assert_eq(read_one("config", "connector.conf"), SCEP_ERR_CONFIG);
    cr_assert_str_eq(text.text, "config: 'connector.conf' is not an absolute path of at most 511 bytes");
    cr_assert_eq(read_one("config", ""), SCEP_ERR_CONFIG);
    cr_assert_str_eq(text.text, "config: '' is not an absolute path of at most 511 bytes");
    snprintf(too_long, sizeof too_long, "/%0*d", (int)sizeof too_long - 2, 1);
    cr_assert_eq(read_one("config", too_long), SCEP_ERR_CONFIG);
    cr_assert_eq(strncmp(text.text, "config: '/0000", 14), 0, "%s", text.text);
    cr_assert_str_eq(read_config.config_path, "/etc/intune-scep/connector.conf", "not one that was cut");
}

Test(socket_config, refuses_what_it_does_not_know)
{
    cr_assert_eq(read_one("configuration", "/a"), SCEP_ERR_CONFIG);
    cr_assert_str_eq(text.text,
                     "unknown key 'configuration'; known keys: socket, timeout_ms, revocations, ca, "
                     "tenant, config");
    const scep_config_entry twice[] = {{"config", "/a"}, {"config", "/b"}};
    cr_assert_eq(iscep_socket_config_read(&read_config, false, twice, 2, &text), SCEP_ERR_CONFIG);
    cr_assert_str_eq(text.text, "config: given twice");
}
