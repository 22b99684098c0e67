/* The command line. */
#include "options.h"

#include <string.h>

#include <criterion/criterion.h>

enum { MAX_WORDS = 80 };

static iscep_host_options options;
static iscep_error err;

/* Words by spaces, after the program's name. They stay until the next call, because the options borrow them. */
static iscep_status parse(const char *line)
{
    static char words[1024];
    static char program[] = "scep-host";
    char *argv[MAX_WORDS] = {program};
    int argc = 1;
    iscep_text_copy(words, sizeof(words), line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        cr_assert_lt(argc, MAX_WORDS - 1);
        argv[argc++] = word;
    }
    return iscep_host_options_parse(&options, argc, argv, &err);
}

Test(options, have_defaults_for_all_but_the_plugin)
{
    cr_assert_eq(parse("--plugin p.so"), ISCEP_OK);
    cr_assert_eq(options.command, ISCEP_HOST_RUN);
    cr_assert_eq(options.endpoint_count, 1);
    const iscep_endpoint_plan *endpoint = &options.endpoints[0];
    cr_assert_str_eq(endpoint->path, "/scep");
    cr_assert_null(endpoint->static_challenge_file);
    cr_assert_eq(endpoint->plugin_count, 1);
    cr_assert_str_eq(endpoint->plugins[0].path, "p.so");
    cr_assert_eq(endpoint->plugins[0].config_count, 0u);
    cr_assert_eq(endpoint->plugins[0].timeout_ms, 25000u);
    cr_assert_eq(endpoint->plugins[0].form, ISCEP_PLUGIN_EVENT);
    cr_assert_str_eq(options.ca.state_dir, "scep-host.state");
    cr_assert_eq(options.ca.validity_days, 365u);
    cr_assert_null(options.ca.key_uri);
    cr_assert_null(options.ca.key_provider);
    cr_assert_not(options.ca.has_ra);
    cr_assert_not(options.ca.has_next);
    cr_assert_null(options.ca.crl_url);
    cr_assert_str_eq(options.listen_host, "127.0.0.1");
    cr_assert_eq(options.listen_port, 0);
    cr_assert_null(options.port_file);
    cr_assert_eq(options.pending_retry_ms, 1000u);
    cr_assert_eq(options.workers, 16u);
    cr_assert_not(options.is_legacy_des_allowed);
}

Test(options, are_all_understood)
{
    cr_assert_eq(
        parse("--state s --ca-key handle:0x81000001 --ca-provider tpm2 --ra --next-ca --listen [::1]:8080 "
              "--port-file f --pending-retry-ms 0 --validity-days 7 --crl-url http://h:1/crl --workers 2 "
              "--legacy-des --endpoint /cgi-bin/pkiclient.exe --static-challenge-file c"),
        ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(options.ca.state_dir, "s");
    cr_assert_str_eq(options.ca.key_uri, "handle:0x81000001");
    cr_assert_str_eq(options.ca.key_provider, "tpm2");
    cr_assert(options.ca.has_ra);
    cr_assert(options.ca.has_next);
    cr_assert_str_eq(options.listen_host, "::1");
    cr_assert_eq(options.listen_port, 8080);
    cr_assert_str_eq(options.port_file, "f");
    cr_assert_eq(options.pending_retry_ms, 0u);
    cr_assert_eq(options.ca.validity_days, 7u);
    cr_assert_str_eq(options.ca.crl_url, "http://h:1/crl");
    cr_assert_eq(options.workers, 2u);
    cr_assert(options.is_legacy_des_allowed);
    cr_assert_eq(options.endpoint_count, 1);
    cr_assert_str_eq(options.endpoints[0].path, "/cgi-bin/pkiclient.exe");
    cr_assert_str_eq(options.endpoints[0].static_challenge_file, "c");
    cr_assert_eq(options.endpoints[0].plugin_count, 0);
}

/* Each of the endpoint and of the plugin before it. */
Test(options, make_endpoints_and_chains)
{
    cr_assert_eq(
        parse("--plugin p.so --plugin-config a=b --plugin-config c=d=e --plugin q.so --plugin-timeout-ms 5 "
              "--endpoint /b --plugin r.so --plugin-form blocking --plugin-config a=z "
              "--endpoint /c --static-challenge-file f"),
        ISCEP_OK, "%s", err.message);
    cr_assert_eq(options.endpoint_count, 3);
    const iscep_endpoint_plan *first = &options.endpoints[0];
    cr_assert_str_eq(first->path, "/scep");
    cr_assert_eq(first->plugin_count, 2);
    cr_assert_str_eq(first->plugins[0].path, "p.so");
    cr_assert_eq(first->plugins[0].config_count, 2u);
    cr_assert_str_eq(first->plugins[0].config[0].key, "a");
    cr_assert_str_eq(first->plugins[0].config[0].value, "b");
    cr_assert_str_eq(first->plugins[0].config[1].key, "c");
    cr_assert_str_eq(first->plugins[0].config[1].value, "d=e");
    cr_assert_eq(first->plugins[0].timeout_ms, 25000u);
    cr_assert_str_eq(first->plugins[1].path, "q.so");
    cr_assert_eq(first->plugins[1].config_count, 0u);
    cr_assert_eq(first->plugins[1].timeout_ms, 5u);
    const iscep_endpoint_plan *second = &options.endpoints[1];
    cr_assert_str_eq(second->path, "/b");
    cr_assert_eq(second->plugin_count, 1);
    cr_assert_eq(second->plugins[0].form, ISCEP_PLUGIN_BLOCKING);
    cr_assert_str_eq(second->plugins[0].config[0].value, "z");
    cr_assert_null(second->static_challenge_file);
    cr_assert_str_eq(options.endpoints[2].path, "/c");
    cr_assert_str_eq(options.endpoints[2].static_challenge_file, "f");
}

Test(options, for_help_and_version_need_nothing_else)
{
    cr_assert_eq(parse("--help"), ISCEP_OK);
    cr_assert_eq(options.command, ISCEP_HOST_HELP);
    cr_assert_eq(parse("--version"), ISCEP_OK);
    cr_assert_eq(options.command, ISCEP_HOST_VERSION);
}

Test(options, that_are_wrong_are_named)
{
    static const struct {
        const char *line;
        const char *named;
    } table[] = {
        {"", "--plugin"},
        {"--plugin", "--plugin: a value is missing"},
        {"-plugin p.so", "-p: no such option"},
        {"--plugin p.so --ra=yes", "--ra: takes no value"},
        {"--plugin p.so extra", "extra"},
        {"--plugin p.so --colour", "--colour"},
        {"--plugin p.so --plugin-config nonsense", "KEY=VALUE"},
        {"--plugin p.so --plugin-config =x", "KEY=VALUE"},
        {"--plugin p.so --workers 0", "1 to 1024"},
        {"--plugin p.so --workers 1025", "1 to 1024"},
        {"--plugin p.so --workers -1", "1 to 1024"},
        {"--plugin p.so --workers 3x", "1 to 1024"},
        {"--plugin p.so --validity-days 99999999999999999999", "validity-days"},
        {"--plugin p.so --listen 127.0.0.1", "HOST:PORT"},
        {"--plugin p.so --listen :80", "HOST:PORT"},
        {"--plugin p.so --listen 127.0.0.1:65536", "HOST:PORT"},
        {"--endpoint scep --plugin p.so", "begins with /"},
        {"--endpoint /scep?x --plugin p.so", "begins with /"},
        {"--endpoint /crl --plugin p.so", "not /crl"},
        {"--endpoint /a --plugin p.so --endpoint /b", "endpoint /b: --plugin PATH or"},
        {"--endpoint /a --endpoint /b --plugin p.so", "endpoint /a: --plugin PATH or"},
        {"--plugin p.so --endpoint /scep --plugin p.so", "no other endpoint has"},
        {"--plugin-config a=b --plugin p.so", "no --plugin before it"},
        {"--plugin p.so --endpoint /b --plugin-timeout-ms 5 --plugin q.so", "no --plugin before it"},
        {"--plugin-form event --plugin p.so", "no --plugin before it"},
        {"--plugin p.so --plugin-form threaded", "event or blocking"},
        {"--plugin p.so --plugin-timeout-ms 0", "--plugin-timeout-ms: \"0\": a number from 1 to 3600000"},
        {"--plugin p.so --pending-retry-ms 3600001",
         "--pending-retry-ms: \"3600001\": a number from 0 to 3600000"},
        {"--plugin p.so --validity-days 3651", "1 to 3650"},
        {"--plugin p.so --issuer-timeout-ms 600001", "1 to 600000"},
        {"--plugin p.so --issuer-patience-ms 3600001", "0 to 3600000"},
        {"--plugin p.so --ca-provider tpm2", "no --ca-key"},
        {"--plugin p.so --crl-url ftp://h/crl", "crl-url"},
        {"--plugin p.so --crl-url http://h/crl,URI:x", "without commas"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        cr_assert_eq(parse(table[i].line), ISCEP_USAGE, "%s", table[i].line);
        cr_assert_not_null(strstr(err.message, table[i].named), "%s: %s", table[i].line, err.message);
    }
}

#define ISSUER "--issuer-url https://ca:8443 --issuer-ca-file a --issuer-cert c --issuer-key k "

Test(options, of_a_remote_ca_are_understood)
{
    cr_assert_eq(parse("--plugin p.so " ISSUER "--issuer-timeout-ms 700 --issuer-patience-ms 0"), ISCEP_OK);
    cr_assert_str_eq(options.remote.url, "https://ca:8443");
    cr_assert_str_eq(options.remote.ca_file, "a");
    cr_assert_str_eq(options.remote.client_certificate, "c");
    cr_assert_str_eq(options.remote.client_key, "k");
    cr_assert_eq(options.remote.timeout_ms, 700u);
    cr_assert_eq(options.ca_patience_ms, 0u);
    cr_assert_eq(parse("--plugin p.so"), ISCEP_OK);
    cr_assert_null(options.remote.url);
    cr_assert_eq(options.remote.timeout_ms, 5000u);
    cr_assert_eq(options.ca_patience_ms, 1800000u);
}

Test(options, of_a_remote_ca_are_whole_and_encrypted)
{
    static const char *const wrong[] = {
        "--plugin p.so --issuer-url https://ca:8443",
        "--plugin p.so --issuer-ca-file a --issuer-cert c --issuer-key k",
        "--plugin p.so --issuer-url http://ca --issuer-ca-file a --issuer-cert c --issuer-key k",
        "--plugin p.so --issuer-url https://ca/ --issuer-ca-file a --issuer-cert c --issuer-key k",
        "--plugin p.so --issuer-url https:// --issuer-ca-file a --issuer-cert c --issuer-key k",
        "--plugin p.so " ISSUER "--next-ca",
        "--plugin p.so " ISSUER "--ca-key handle:0x81000001",
        "--plugin p.so " ISSUER "--issuer-timeout-ms 0",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_assert_eq(parse(wrong[i]), ISCEP_USAGE, "%s", wrong[i]);
}
