/* The plugin as a host meets it: negotiation, open, the sizes of structs, and inputs that never leave the
 * process. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"

static loaded_plugin loaded;
static const scep_plugin *plugin;

static void load(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
}

static void unload(void)
{
    loaded_plugin_close(&loaded);
}

TestSuite(abi, .init = load, .fini = unload, .timeout = 30);

static int32_t open_with(const scep_config_entry *config, size_t count, scep_text *text)
{
    const scep_host host = {.size = sizeof host};
    scep_instance *instance = (scep_instance *)text; /* anything but NULL */
    const int32_t status = plugin->open(&host, config, count, &instance, text);
    cr_assert_eq(status == SCEP_OK, instance != NULL);
    plugin->close(instance);
    return status;
}

Test(abi, entry_speaks_its_major_and_any_minor)
{
    scep_plugin_entry_fn entry;
    *(void **)&entry = dlsym(loaded.module, SCEP_PLUGIN_ENTRY_SYMBOL);
    const scep_plugin *got = NULL;
    cr_assert_eq(entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR + 7, &got), SCEP_OK);
    cr_assert_eq(got, plugin);
    cr_assert_eq(got->size, sizeof(scep_plugin));
    cr_assert_eq(got->abi_major, SCEP_PLUGIN_ABI_MAJOR);
    cr_assert_eq(got->abi_minor, SCEP_PLUGIN_ABI_MINOR);
    cr_assert_str_eq(got->name, "scep_intune");
    cr_assert_str_eq(got->version, ISCEP_VERSION);
    cr_assert_eq(entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, NULL), SCEP_ERR_USAGE);
}

/* Both versions can be named, and nothing can be called. */
Test(abi, a_host_of_another_major_is_refused_by_a_table_without_functions)
{
    static const uint32_t majors[] = {0, SCEP_PLUGIN_ABI_MAJOR + 1, UINT32_MAX};
    scep_plugin_entry_fn entry;
    *(void **)&entry = dlsym(loaded.module, SCEP_PLUGIN_ENTRY_SYMBOL);
    for (size_t i = 0; i < sizeof majors / sizeof majors[0]; i++) {
        const scep_plugin *got = NULL;
        cr_assert_eq(entry(majors[i], 0, &got), SCEP_ERR_VERSION);
        cr_assert_not_null(got);
        cr_assert_eq(got->size, offsetof(scep_plugin, open));
        cr_assert_eq(got->abi_major, SCEP_PLUGIN_ABI_MAJOR);
        cr_assert_eq(got->abi_minor, SCEP_PLUGIN_ABI_MINOR);
        cr_assert_str_eq(got->name, "scep_intune");
        cr_assert_str_eq(got->version, ISCEP_VERSION);
        const scep_plugin nothing = {.size = got->size};
        cr_assert_arr_eq((const char *)got + got->size, (const char *)&nothing + got->size,
                         sizeof *got - got->size, "a host that overlooked it would call something");
        cr_assert_eq(entry(majors[i], 0, NULL), SCEP_ERR_USAGE);
    }
}

#define LONGEST_TENANT "0123456789.abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXY"
#define NO_TENANT      "is not 1 to 63 letters, digits, dots, underscores and dashes"
_Static_assert(sizeof LONGEST_TENANT == 64, "63 characters");

Test(abi, open_needs_no_daemon_and_no_settings)
{
    scep_text text = {.size = sizeof text, .text = "old"};
    cr_assert_eq(open_with(NULL, 0, &text), SCEP_OK);
    cr_assert_str_eq(text.text, "");
    const scep_config_entry config[] = {{"socket", "/nowhere/at/all"},
                                        {"timeout_ms", "600000"},
                                        {"revocations", "no"},
                                        {"ca", "own"},
                                        {"tenant", LONGEST_TENANT}};
    cr_assert_eq(open_with(config, 5, &text), SCEP_OK, "%s", text.text);
}

Test(abi, open_refuses_what_it_does_not_understand)
{
    static const char long_path[] = "/01234567890123456789012345678901234567890123456789012345678901234567890"
                                    "12345678901234567890123456789/abcdef";
    _Static_assert(sizeof long_path == 109, "one byte more than sun_path takes");
    static const struct {
        scep_config_entry entries[2];
        const char *want;
    } cases[] = {
        {{{"sockets", "/s"}},
         "unknown key 'sockets'; known keys: socket, timeout_ms, revocations, ca, tenant"},
        {{{"", "/s"}}, "unknown key ''; known keys: socket, timeout_ms, revocations, ca, tenant"},
        {{{"Socket", "/s"}}, "unknown key 'Socket'; known keys: socket, timeout_ms, revocations, ca, tenant"},
        {{{"bad\n\xFF", "/s"}},
         "unknown key 'bad ?'; known keys: socket, timeout_ms, revocations, ca, tenant"},
        {{{"socket", "/s"}, {"socket", "/s"}}, "socket: given twice"},
        {{{"socket", ""}}, "socket: '' is not an absolute path"},
        {{{"socket", "run/s"}}, "socket: 'run/s' is not an absolute path"},
        {{{"socket", long_path}}, "socket: the path has 108 bytes; a Unix socket's has at most 107"},
        {{{"timeout_ms", ""}}, "timeout_ms: '' is not a whole number from 1 to 600000"},
        {{{"timeout_ms", "0"}}, "timeout_ms: '0' is not a whole number from 1 to 600000"},
        {{{"timeout_ms", "-1"}}, "timeout_ms: '-1' is not a whole number from 1 to 600000"},
        {{{"timeout_ms", "25s"}}, "timeout_ms: '25s' is not a whole number from 1 to 600000"},
        {{{"timeout_ms", "600001"}}, "timeout_ms: '600001' is not a whole number from 1 to 600000"},
        {{{"timeout_ms", "4294967297"}}, "timeout_ms: '4294967297' is not a whole number from 1 to 600000"},
        {{{"revocations", "maybe"}}, "revocations: 'maybe' is neither yes nor no"},
        {{{"revocations", "yes"}}, "revocations: this SCEP server does not offer to revoke; set no"},
        {{{"ca", ""}}, "ca: '' is not 1 to 64 visible ASCII characters"},
        {{{"ca", "a b"}}, "ca: 'a b' is not 1 to 64 visible ASCII characters"},
        {{{"ca", "a\r\nX-Scep-Wait-Ms: 1"}},
         "ca: 'a  X-Scep-Wait-Ms: 1' is not 1 to 64 visible ASCII characters"},
        {{{"tenant", ""}}, "tenant: '' " NO_TENANT},
        {{{"tenant", "contoso eu"}}, "tenant: 'contoso eu' " NO_TENANT},
        {{{"tenant", "a/b"}}, "tenant: 'a/b' " NO_TENANT},
        {{{"tenant", "a\r\nX-Scep-Ca: b"}}, "tenant: 'a  X-Scep-Ca: b' " NO_TENANT},
        {{{"tenant", LONGEST_TENANT "x"}}, "tenant: '" LONGEST_TENANT "x' " NO_TENANT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scep_text text = {.size = sizeof text};
        const size_t count = cases[i].entries[1].key == NULL ? 1 : 2;
        cr_assert_eq(open_with(cases[i].entries, count, &text), SCEP_ERR_CONFIG, "%zu", i);
        cr_assert_str_eq(text.text, cases[i].want);
        cr_assert_eq(open_with(cases[i].entries, count, NULL), SCEP_ERR_CONFIG);
    }
}

Test(abi, open_refuses_null)
{
    const scep_host host = {.size = sizeof host};
    const scep_host small = {.size = sizeof small - 1};
    const scep_config_entry keyless[] = {{NULL, "/s"}};
    const scep_config_entry valueless[] = {{"socket", NULL}};
    scep_instance *instance;
    cr_assert_eq(plugin->open(NULL, NULL, 0, &instance, NULL), SCEP_ERR_USAGE);
    cr_assert_null(instance);
    cr_assert_eq(plugin->open(&small, NULL, 0, &instance, NULL), SCEP_ERR_USAGE);
    cr_assert_eq(plugin->open(&host, NULL, 1, &instance, NULL), SCEP_ERR_USAGE);
    cr_assert_eq(plugin->open(&host, keyless, 1, &instance, NULL), SCEP_ERR_USAGE);
    cr_assert_eq(plugin->open(&host, valueless, 1, &instance, NULL), SCEP_ERR_USAGE);
    cr_assert_eq(plugin->open(&host, NULL, 0, NULL, NULL), SCEP_ERR_USAGE);
    plugin->close(NULL);
}

static void expect_empty_deny(scep_answer *answer)
{
    cr_assert_eq(answer->verdict, SCEP_VERDICT_DENY);
    cr_assert_str_eq(answer->code, "");
    cr_assert_str_eq(answer->message, "");
    cr_assert_str_eq(answer->request_id, "");
    cr_assert_eq(answer->retry_after_ms, 0);
    cr_assert_eq(answer->cert_len, 0);
    *answer = stale_answer();
}

Test(abi, calls_refuse_null_and_deny)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const scep_request request = request_of("allow-1");
    scep_answer answer = stale_answer();
    cr_assert_eq(plugin->verify_request(NULL, &request, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    cr_assert_eq(plugin->verify_request(instance, NULL, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    cr_assert_eq(plugin->notify_issued(instance, NULL, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    cr_assert_eq(plugin->notify_failed(instance, NULL, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    cr_assert_eq(plugin->verify_request(instance, &request, NULL), SCEP_ERR_USAGE);
    plugin->close(instance);
}

Test(abi, beginnings_refuse_null_and_deny)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const scep_request request = request_of("allow-1");
    scep_answer answer = stale_answer();
    scep_call *const none = (scep_call *)&answer; /* anything but NULL */
    scep_call *call = none;
    cr_assert_eq(plugin->begin_verify_request(NULL, &request, &answer, &call), SCEP_ERR_USAGE);
    cr_assert_null(call);
    expect_empty_deny(&answer);
    call = none;
    cr_assert_eq(plugin->begin_verify_request(instance, NULL, &answer, &call), SCEP_ERR_USAGE);
    cr_assert_null(call);
    expect_empty_deny(&answer);
    call = none;
    cr_assert_eq(plugin->begin_notify_issued(instance, NULL, &answer, &call), SCEP_ERR_USAGE);
    cr_assert_null(call);
    expect_empty_deny(&answer);
    call = none;
    cr_assert_eq(plugin->begin_notify_failed(instance, NULL, &answer, &call), SCEP_ERR_USAGE);
    cr_assert_null(call);
    expect_empty_deny(&answer);
    call = none;
    cr_assert_eq(plugin->begin_verify_request(instance, &request, NULL, &call), SCEP_ERR_USAGE);
    cr_assert_null(call);
    cr_assert_eq(plugin->begin_verify_request(instance, &request, &answer, NULL), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    cr_assert_eq(plugin->descriptor(NULL), -1);
    cr_assert_eq(plugin->finish(NULL), SCEP_ERR_USAGE);
    plugin->cancel(NULL);
    plugin->close(instance);
}

TEST_IN_BOTH_FORMS(abi, a_null_pointer_with_a_length_is_the_hosts_mistake)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const scep_bytes wild = {.data = NULL, .len = 5};
    scep_request request = request_of("allow-1");
    request.csr_der = wild;
    scep_answer answer = stale_answer();
    cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    request = request_of("allow-1");
    request.transaction_id = wild;
    cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    scep_issued issued = issued_of("allow-1");
    issued.cert_der = wild;
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    scep_failed failed = failed_of("allow-1", "");
    failed.reason = wild;
    cr_assert_eq(put_failed(plugin, instance, &failed, &answer), SCEP_ERR_USAGE);
    expect_empty_deny(&answer);
    plugin->close(instance);
}

TEST_IN_BOTH_FORMS(abi, structs_smaller_than_1_0_are_refused)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    scep_answer answer = stale_answer();
    scep_request request = request_of("allow-1");
    scep_issued issued = issued_of("allow-1");
    scep_failed failed = failed_of("allow-1", "");
    for (request.size = 0; request.size < sizeof request; request.size++) {
        cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_ERR_USAGE);
        expect_empty_deny(&answer);
    }
    for (issued.size = 0; issued.size < sizeof issued; issued.size++) {
        cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_ERR_USAGE);
        expect_empty_deny(&answer);
    }
    for (failed.size = 0; failed.size < sizeof failed; failed.size++) {
        cr_assert_eq(put_failed(plugin, instance, &failed, &answer), SCEP_ERR_USAGE);
        expect_empty_deny(&answer);
    }
    plugin->close(instance);
}

/* The verdict is written as soon as there is room for it: a host that gets sizes wrong may overlook errors, too. */
TEST_IN_BOTH_FORMS(abi, an_answer_smaller_than_1_0_gets_a_deny_and_nothing_else)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const scep_request request = request_of("allow-1");
    const size_t end_of_verdict = offsetof(scep_answer, verdict) + sizeof(int32_t);
    scep_answer before = stale_answer();
    for (before.size = 0; before.size < sizeof before; before.size++) {
        scep_answer answer = before;
        cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_ERR_USAGE, "%zu", before.size);
        cr_assert_eq(answer.verdict, before.size < end_of_verdict ? SCEP_VERDICT_ALLOW : SCEP_VERDICT_DENY);
        cr_assert_eq(answer.size, before.size);
        cr_assert_arr_eq((const char *)&answer + end_of_verdict, (const char *)&before + end_of_verdict,
                         sizeof answer - end_of_verdict, "%zu", before.size);
    }
    plugin->close(instance);
}

Test(abi, a_health_smaller_than_1_0_is_down_and_nothing_else)
{
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const size_t end_of_state = offsetof(scep_health, state) + sizeof(int32_t);
    scep_health before = {.state = SCEP_HEALTH_READY, .reserved = 77, .code = "old"};
    for (before.size = 0; before.size < sizeof before; before.size++) {
        scep_health health = before;
        cr_assert_eq(plugin->health(instance, 0, &health), SCEP_ERR_USAGE);
        cr_assert_eq(health.state, before.size < end_of_state ? SCEP_HEALTH_READY : SCEP_HEALTH_DOWN);
        cr_assert_eq(health.size, before.size);
        cr_assert_arr_eq((const char *)&health + end_of_state, (const char *)&before + end_of_state,
                         sizeof health - end_of_state, "%zu", before.size);
    }
    cr_assert_eq(plugin->health(NULL, 0, &before), SCEP_ERR_USAGE);
    cr_assert_eq(before.state, SCEP_HEALTH_DOWN);
    cr_assert_str_eq(before.code, "");
    cr_assert_eq(plugin->health(instance, 0, NULL), SCEP_ERR_USAGE);
    plugin->close(instance);
}

TEST_IN_BOTH_FORMS(abi, structs_of_a_later_host_are_fine)
{
    char path[64];
    fresh_socket_path(path);
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_instance *instance = loaded_instance(plugin, path, NULL);
    struct {
        scep_request now;
        char later[64];
    } request = {.now = request_of("allow-1")};
    struct {
        scep_answer now;
        char later[64];
    } answer = {.now = stale_answer(), .later = "untouched"};
    request.now.size = sizeof request;
    answer.now.size = sizeof answer;
    cr_assert_eq(put_request(plugin, instance, &request.now, &answer.now), SCEP_OK);
    cr_assert_eq(answer.now.verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(answer.now.size, sizeof answer);
    cr_assert_str_eq(answer.later, "untouched");
    plugin->close(instance);
    fake_daemon_stop(daemon);
    remove_socket_dir(path);
}

/* Refused here: the daemon, which would allow everything, is never asked. */
TEST_IN_BOTH_FORMS(abi, contents_that_cannot_be_right_are_denied_unasked)
{
    static uint8_t big[64 * 1024 + 1];
    static char long_id[257];
    memset(long_id, 'a', 256);
    char path[64];
    fresh_socket_path(path);
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_instance *instance = loaded_instance(plugin, path, NULL);
    static const char *const ids[] = {"",      long_id,    "a\nb", "a\r\nX-Scep-Timeout-Ms: 1",
                                      "a\x7F", "\xC3\xBC", " a",   "a "};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        const scep_answer answer = ask(plugin, instance, ids[i]);
        cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
        cr_assert_str_eq(answer.code, "transaction_id_invalid");
    }
    const scep_bytes too_big = {.data = big, .len = sizeof big};
    const struct {
        scep_bytes csr;
        scep_bytes cert;
        uint32_t message_type;
        const char *want;
    } cases[] = {{{NULL, 0}, too_big, SCEP_MESSAGE_PKCS_REQ, "csr_missing"},
                 {{big, 0}, too_big, SCEP_MESSAGE_PKCS_REQ, "csr_missing"},
                 {too_big, too_big, SCEP_MESSAGE_RENEWAL_REQ, "csr_too_large"},
                 {{big, 9}, too_big, 0, "message_type_invalid"},
                 {{big, 9}, too_big, 20, "message_type_invalid"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scep_request request = request_of("allow-1");
        request.csr_der = cases[i].csr;
        request.message_type = cases[i].message_type;
        scep_answer answer = stale_answer();
        cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_OK);
        cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
        cr_assert_str_eq(answer.code, cases[i].want);
    }
    scep_issued issued = issued_of("allow-1");
    scep_answer answer = stale_answer();
    issued.cert_der = too_big;
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_str_eq(answer.code, "certificate_too_large");
    issued.cert_der = (scep_bytes){NULL, 0};
    cr_assert_eq(put_issued(plugin, instance, &issued, &answer), SCEP_OK);
    cr_assert_eq(answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_str_eq(answer.code, "certificate_missing");
    cr_assert_eq(fake_daemon_connection_count(daemon), 0);
    plugin->close(instance);
    fake_daemon_stop(daemon);
    remove_socket_dir(path);
}

/* The rest of what the host calls a reason is not even looked at, and not copied. */
TEST_IN_BOTH_FORMS(abi, a_reason_is_read_as_far_as_it_is_said)
{
    enum { ROOM = 4096 };
    uint8_t *text = mmap(NULL, 2 * (size_t)ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq((void *)text, MAP_FAILED);
    cr_assert_eq(mprotect(text + ROOM, ROOM, PROT_NONE), 0);
    memset(text, 'a', ROOM);
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    const scep_bytes id = bytes_of_text("allow-1");
    const scep_failed failed = {.size = sizeof failed,
                                .timeout_ms = 1,
                                .transaction_id = id,
                                .csr_der = id,
                                .reason = {.data = text, .len = SIZE_MAX}};
    scep_answer answer = stale_answer();
    scep_call *call = NULL;
    if (asked_form == BLOCKING) {
        cr_assert_eq(plugin->notify_failed(instance, &failed, &answer), SCEP_OK);
    } else {
        cr_assert_eq(plugin->begin_notify_failed(instance, &failed, &answer, &call), SCEP_OK);
        cr_assert_eq(finish_call(plugin, call), SCEP_OK);
    }
    cr_assert_eq(answer.verdict, SCEP_VERDICT_RETRY);
    plugin->close(instance);
    munmap(text, 2 * (size_t)ROOM);
}

Test(abi, the_module_can_be_unloaded_and_loaded_again)
{
    loaded_plugin_close(&loaded);
    void *left = dlopen(SCEP_INTUNE_SO, RTLD_NOW | RTLD_NOLOAD);
    cr_assert_null(left);
    load();
    scep_instance *instance = loaded_instance(plugin, "/nowhere/s", NULL);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_RETRY);
    plugin->close(instance);
}
