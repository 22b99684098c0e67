/* The host's side of the ABI: what is taken for a plugin, and what is refused with which words. */
#include "plugin_host.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

static host_world the_world;
static iscep_plugin_host *host;
static iscep_error err;

static void set_up(void)
{
    test_world_init(&the_world, false);
}

static void tear_down(void)
{
    iscep_plugin_host_free(host);
    test_world_clear(&the_world);
}

static iscep_status load(const char *path, const scep_config_entry *config, size_t count)
{
    const iscep_plugin_options options = {
        .config = config, .config_count = count, .timeout_ms = 1234, .endpoint = "/scep"};
    return iscep_plugin_host_load(&host, &the_world.env, path, &options, &err);
}

static bool has_logged(const char *text)
{
    return strstr(iscep_buf_text(&the_world.logged), text) != NULL;
}

Test(plugin_host, refuses_what_is_no_plugin, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(load("/nowhere/plugin.so", NULL, 0), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_load");
    cr_assert_eq(load("libm.so.6", NULL, 0), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_load");
    cr_assert_not_null(strstr(err.message, "scep_plugin_entry"), "%s", err.message);
}

Test(plugin_host, logs_what_the_plugin_says, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, NULL, 0), ISCEP_OK);
    cr_assert(has_logged("my mind is made up"));
}

Test(plugin_host, shows_why_a_plugin_does_not_open, .init = set_up, .fini = tear_down)
{
    const scep_config_entry config[] = {{"no_such_key", "1"}};
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, config, 1), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_open");
    cr_assert_not_null(strstr(err.message, "no_such_key"), "%s", err.message);
    cr_assert_null(host);
}

Test(plugin_host, says_how_the_plugin_is, .init = set_up, .fini = tear_down)
{
    const scep_config_entry config[] = {{"health", "down"}};
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, NULL, 0), ISCEP_OK);
    iscep_plugin_host_log_health(host);
    cr_assert(has_logged("plugin_ready"));
    cr_assert_not(has_logged("plugin_down"));
    iscep_plugin_host_free(host);
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, config, 1), ISCEP_OK);
    iscep_plugin_host_log_health(host);
    cr_assert(has_logged("plugin_down"));
    cr_assert(has_logged("it was told to be down"));
}

/* Plugins that are part of this program, each wrong in its own way. */
static char an_object;
static int closed;

static int32_t open_well(const scep_host *a_host, const scep_config_entry *config, size_t count,
                         scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)text;
    *instance = (scep_instance *)&an_object;
    return SCEP_OK;
}

static int32_t open_without_instance(const scep_host *a_host, const scep_config_entry *config, size_t count,
                                     scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)instance;
    memset(text->text, 'x', sizeof(text->text)); /* without its NUL */
    return SCEP_OK;
}

static int32_t open_badly(const scep_host *a_host, const scep_config_entry *config, size_t count,
                          scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)text;
    *instance = (scep_instance *)&an_object;
    return SCEP_ERR_NOMEM;
}

static int32_t verify_nothing(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    (void)instance, (void)request, (void)answer;
    return SCEP_OK;
}

static int32_t notify_nothing(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    (void)instance, (void)issued, (void)answer;
    return SCEP_OK;
}

static int32_t notify_nothing_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    (void)instance, (void)failed, (void)answer;
    return SCEP_OK;
}

static void count_close(scep_instance *instance)
{
    (void)instance;
    closed++;
}

static int32_t health_state;
static int32_t health_result;

/* Without the NULs of its texts. */
static int32_t tell_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    (void)instance;
    cr_assert_eq(timeout_ms, 1234u);
    cr_assert_eq(health->state, SCEP_HEALTH_DOWN);
    health->state = health_state;
    memset(health->code, 'c', sizeof(health->code));
    memset(health->message, 'm', sizeof(health->message));
    return health_result;
}

static int32_t begin_nothing(scep_instance *instance, const scep_request *request, scep_answer *answer,
                             scep_call **call)
{
    (void)instance, (void)request, (void)answer, (void)call;
    return SCEP_ERR_NOMEM;
}

static int32_t begin_nothing_issued(scep_instance *instance, const scep_issued *issued, scep_answer *answer,
                                    scep_call **call)
{
    (void)instance, (void)issued, (void)answer, (void)call;
    return SCEP_ERR_NOMEM;
}

static int32_t begin_nothing_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer,
                                    scep_call **call)
{
    (void)instance, (void)failed, (void)answer, (void)call;
    return SCEP_ERR_NOMEM;
}

static int32_t no_number(scep_call *call)
{
    (void)call;
    return -1;
}

static void cancel_nothing(scep_call *call)
{
    (void)call;
}

static scep_plugin a_plugin;
static int32_t entry_result;

static int32_t entry(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    cr_assert_eq(major, SCEP_PLUGIN_ABI_MAJOR);
    cr_assert_eq(minor, SCEP_PLUGIN_ABI_MINOR);
    *plugin = &a_plugin;
    return entry_result;
}

static int32_t entry_without_plugin(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    (void)major, (void)minor, (void)plugin;
    return SCEP_OK;
}

static int32_t entry_that_refuses(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    (void)major, (void)minor, (void)plugin;
    return SCEP_ERR_VERSION;
}

static void set_up_own(void)
{
    set_up();
    entry_result = SCEP_OK;
    health_state = SCEP_HEALTH_READY;
    health_result = SCEP_OK;
    a_plugin = (scep_plugin){.size = sizeof(scep_plugin),
                             .abi_major = SCEP_PLUGIN_ABI_MAJOR,
                             .abi_minor = SCEP_PLUGIN_ABI_MINOR,
                             .name = "own",
                             .version = "1",
                             .open = open_well,
                             .verify_request = verify_nothing,
                             .notify_issued = notify_nothing,
                             .notify_failed = notify_nothing_failed,
                             .close = count_close,
                             .health = tell_health,
                             .begin_verify_request = begin_nothing,
                             .begin_notify_issued = begin_nothing_issued,
                             .begin_notify_failed = begin_nothing_failed,
                             .descriptor = no_number,
                             .finish = no_number,
                             .cancel = cancel_nothing};
}

static iscep_status adopt(scep_plugin_entry_fn an_entry)
{
    const iscep_plugin_options options = {.timeout_ms = 1234, .endpoint = "/scep"};
    return iscep_plugin_host_adopt(&host, &the_world.env, an_entry, &options, &err);
}

static void expect_refused(const char *code)
{
    cr_assert_eq(adopt(entry), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, code);
    cr_assert_null(host);
}

/* A later header has more members: a plugin of that time, and of 1.0, is a plugin. */
Test(plugin_host, takes_a_plugin_of_a_later_minor_version, .init = set_up_own, .fini = tear_down)
{
    a_plugin.size += 64;
    a_plugin.abi_minor++;
    cr_assert_eq(adopt(entry), ISCEP_OK);
    cr_assert_str_eq(host->plugin->name, "own");
    cr_assert_eq(host->form, ISCEP_PLUGIN_EVENT);
}

Test(plugin_host, names_both_versions_to_a_plugin_of_another_major, .init = set_up_own, .fini = tear_down)
{
    a_plugin.abi_major = 2;
    a_plugin.abi_minor = 7;
    a_plugin.size = offsetof(scep_plugin, open); /* of another major nothing more may be read */
    for (int32_t i = 0; i < 2; i++) {
        entry_result = i == 0 ? SCEP_OK : SCEP_ERR_VERSION;
        expect_refused("plugin_version");
        cr_assert_str_eq(err.message, "the plugin speaks ABI 2.7, this host 1.0");
    }
    cr_assert_eq(adopt(entry_that_refuses), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_version");
    cr_assert_not_null(strstr(err.message, "refuses ABI 1.0"), "%s", err.message);
}

/* Each of them missing, one after the other. */
static void expect_refused_without(size_t member)
{
    const scep_plugin whole = a_plugin;
    memset((char *)&a_plugin + member, 0, sizeof(void *));
    expect_refused("plugin_malformed");
    a_plugin = whole;
}

Test(plugin_host, refuses_a_table_that_is_not_whole, .init = set_up_own, .fini = tear_down)
{
    static const size_t members[] = {offsetof(scep_plugin, name),
                                     offsetof(scep_plugin, version),
                                     offsetof(scep_plugin, open),
                                     offsetof(scep_plugin, verify_request),
                                     offsetof(scep_plugin, notify_issued),
                                     offsetof(scep_plugin, notify_failed),
                                     offsetof(scep_plugin, close),
                                     offsetof(scep_plugin, health),
                                     offsetof(scep_plugin, begin_verify_request),
                                     offsetof(scep_plugin, begin_notify_issued),
                                     offsetof(scep_plugin, begin_notify_failed),
                                     offsetof(scep_plugin, descriptor),
                                     offsetof(scep_plugin, finish),
                                     offsetof(scep_plugin, cancel)};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        expect_refused_without(members[i]);
    a_plugin.size--;
    expect_refused("plugin_malformed");
    cr_assert_eq(adopt(entry_without_plugin), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_malformed");
}

Test(plugin_host, asks_a_plugin_that_cannot_but_block_with_that_form, .init = set_up_own, .fini = tear_down)
{
    memset((char *)&a_plugin + offsetof(scep_plugin, begin_verify_request), 0, 6 * sizeof(void *));
    cr_assert_eq(adopt(entry), ISCEP_OK, "%s", err.message);
    cr_assert_eq(host->form, ISCEP_PLUGIN_BLOCKING);
}

Test(plugin_host, closes_what_it_opened_and_nothing_else, .init = set_up_own, .fini = tear_down)
{
    a_plugin.open = open_without_instance;
    expect_refused("plugin_open");
    a_plugin.open = open_badly;
    expect_refused("plugin_open");
    cr_assert_eq(closed, 0);
    a_plugin.open = open_well;
    cr_assert_eq(adopt(entry), ISCEP_OK);
    iscep_plugin_host_free(host);
    host = NULL;
    cr_assert_eq(closed, 1);
}

Test(plugin_host, takes_nothing_for_health_but_ready, .init = set_up_own, .fini = tear_down)
{
    cr_assert_eq(adopt(entry), ISCEP_OK);
    health_result = SCEP_ERR_NOMEM;
    iscep_plugin_host_log_health(host);
    health_result = SCEP_OK;
    health_state = 2;
    iscep_plugin_host_log_health(host);
    cr_assert(has_logged("plugin_down"));
    cr_assert_not(has_logged("plugin_ready"));
    health_state = SCEP_HEALTH_READY;
    iscep_plugin_host_log_health(host);
    cr_assert(has_logged("plugin_ready"));
}
