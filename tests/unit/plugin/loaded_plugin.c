/* The built scep_intune.so as a host has it. */
#include "loaded_plugin.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char csr[] = "\x30\x03\x02\x01\x07 not really a request";
static const char cert[] = "\x30\x03\x02\x01\x09 not really a certificate";

loaded_plugin loaded_plugin_open(void)
{
    loaded_plugin loaded = {.module = dlopen(SCEP_INTUNE_SO, RTLD_NOW | RTLD_LOCAL)};
    cr_assert_not_null(loaded.module, "%s", dlerror());
    scep_plugin_entry_fn entry;
    *(void **)&entry = dlsym(loaded.module, SCEP_PLUGIN_ENTRY_SYMBOL);
    cr_assert(entry != NULL);
    cr_assert_eq(entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &loaded.plugin), SCEP_OK);
    return loaded;
}

void loaded_plugin_close(loaded_plugin *loaded)
{
    cr_assert_eq(dlclose(loaded->module), 0);
}

scep_instance *loaded_instance(const scep_plugin *plugin, const char *socket_path, const scep_host *host)
{
    const scep_host quiet = {.size = sizeof quiet};
    const scep_config_entry config[] = {{"socket", socket_path}};
    scep_text text = {.size = sizeof text};
    scep_instance *instance = NULL;
    cr_assert_eq(plugin->open(host == NULL ? &quiet : host, config, 1, &instance, &text), SCEP_OK, "%s",
                 text.text);
    cr_assert_not_null(instance);
    return instance;
}

void fresh_socket_path(char out[64])
{
    char directory[] = "/tmp/iscep-plugin-XXXXXX";
    cr_assert_not_null(mkdtemp(directory));
    snprintf(out, 64, "%s/s", directory);
}

void remove_socket_dir(const char *socket_path)
{
    char path[64];
    unlink(socket_path);
    snprintf(path, sizeof path, "%s", socket_path);
    rmdir(dirname(path));
}

scep_bytes bytes_of_text(const char *text)
{
    return (scep_bytes){.data = (const uint8_t *)text, .len = strlen(text)};
}

scep_request request_of(const char *transaction_id)
{
    return (scep_request){.size = sizeof(scep_request),
                          .message_type = SCEP_MESSAGE_PKCS_REQ,
                          .timeout_ms = LOADED_TIMEOUT_MS,
                          .transaction_id = bytes_of_text(transaction_id),
                          .csr_der = bytes_of_text(csr)};
}

scep_issued issued_of(const char *transaction_id)
{
    return (scep_issued){.size = sizeof(scep_issued),
                         .timeout_ms = LOADED_TIMEOUT_MS,
                         .transaction_id = bytes_of_text(transaction_id),
                         .csr_der = bytes_of_text(csr),
                         .cert_der = bytes_of_text(cert)};
}

scep_failed failed_of(const char *transaction_id, const char *reason)
{
    return (scep_failed){.size = sizeof(scep_failed),
                         .timeout_ms = LOADED_TIMEOUT_MS,
                         .error_code = 0x80090016u,
                         .transaction_id = bytes_of_text(transaction_id),
                         .csr_der = bytes_of_text(csr),
                         .reason = bytes_of_text(reason)};
}

scep_answer stale_answer(void)
{
    scep_answer answer = {
        .size = sizeof answer, .verdict = SCEP_VERDICT_ALLOW, .retry_after_ms = 77, .cert_len = 77};
    memset(answer.code, 'x', sizeof answer.code);
    memset(answer.message, 'x', sizeof answer.message);
    memset(answer.request_id, 'x', sizeof answer.request_id);
    return answer;
}

loaded_form asked_form = BLOCKING;
_Thread_local unsigned pending_count;

/* What a call's inputs point at is wiped and freed before anybody waits for the answer. */
typedef struct lent {
    void *at[4];
    size_t len[4];
    size_t count;
} lent;

static scep_bytes lend(lent *all, scep_bytes bytes)
{
    void *copy = bytes.data != NULL && bytes.len > 0 ? malloc(bytes.len) : NULL;
    if (copy == NULL) {
        return bytes;
    }
    all->at[all->count] = memcpy(copy, bytes.data, bytes.len);
    all->len[all->count++] = bytes.len;
    return (scep_bytes){.data = copy, .len = bytes.len};
}

static void take_back(const lent *all)
{
    for (size_t i = 0; i < all->count; i++) {
        memset(all->at[i], 'x', all->len[i]);
        free(all->at[i]);
    }
}

static bool is_readable(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&waiting, 1, 2 * (int)LOADED_TIMEOUT_MS);
    } while (ready < 0 && errno == EINTR);
    return ready == 1 && waiting.revents == POLLIN;
}

int32_t finish_call(const scep_plugin *plugin, scep_call *call)
{
    const int fd = plugin->descriptor(call);
    while (is_readable(fd)) {
        const int32_t status = plugin->finish(call);
        if (status != SCEP_PENDING) {
            return status;
        }
        pending_count++;
        if (plugin->descriptor(call) != fd) {
            break;
        }
    }
    plugin->cancel(call);
    return -1;
}

/* After a begin_... that returned status, for which inputs were lent. */
static int32_t go_on(const scep_plugin *plugin, int32_t status, scep_call *call, const lent *inputs,
                     const scep_answer *answer)
{
    take_back(inputs);
    if (status != SCEP_OK) {
        return call == NULL ? status : -1;
    }
    return answer->verdict == SCEP_VERDICT_DENY ? finish_call(plugin, call) : -1;
}

int32_t put_request(const scep_plugin *plugin, scep_instance *instance, const scep_request *request,
                    scep_answer *answer)
{
    if (asked_form == BLOCKING) {
        return plugin->verify_request(instance, request, answer);
    }
    lent inputs = {.count = 0};
    scep_request copy = *request;
    copy.transaction_id = lend(&inputs, request->transaction_id);
    copy.csr_der = lend(&inputs, request->csr_der);
    scep_call *call = (scep_call *)&copy; /* anything but NULL */
    const int32_t status = plugin->begin_verify_request(instance, &copy, answer, &call);
    memset(&copy, 'x', sizeof copy);
    return go_on(plugin, status, call, &inputs, answer);
}

int32_t put_issued(const scep_plugin *plugin, scep_instance *instance, const scep_issued *issued,
                   scep_answer *answer)
{
    if (asked_form == BLOCKING) {
        return plugin->notify_issued(instance, issued, answer);
    }
    lent inputs = {.count = 0};
    scep_issued copy = *issued;
    copy.transaction_id = lend(&inputs, issued->transaction_id);
    copy.csr_der = lend(&inputs, issued->csr_der);
    copy.cert_der = lend(&inputs, issued->cert_der);
    scep_call *call = (scep_call *)&copy;
    const int32_t status = plugin->begin_notify_issued(instance, &copy, answer, &call);
    memset(&copy, 'x', sizeof copy);
    return go_on(plugin, status, call, &inputs, answer);
}

int32_t put_failed(const scep_plugin *plugin, scep_instance *instance, const scep_failed *failed,
                   scep_answer *answer)
{
    if (asked_form == BLOCKING) {
        return plugin->notify_failed(instance, failed, answer);
    }
    lent inputs = {.count = 0};
    scep_failed copy = *failed;
    copy.transaction_id = lend(&inputs, failed->transaction_id);
    copy.csr_der = lend(&inputs, failed->csr_der);
    copy.reason = lend(&inputs, failed->reason);
    scep_call *call = (scep_call *)&copy;
    const int32_t status = plugin->begin_notify_failed(instance, &copy, answer, &call);
    memset(&copy, 'x', sizeof copy);
    return go_on(plugin, status, call, &inputs, answer);
}

scep_answer ask_within(const scep_plugin *plugin, scep_instance *instance, const char *transaction_id,
                       uint32_t timeout_ms)
{
    scep_request request = request_of(transaction_id);
    request.timeout_ms = timeout_ms;
    scep_answer answer = stale_answer();
    cr_assert_eq(put_request(plugin, instance, &request, &answer), SCEP_OK);
    return answer;
}

scep_answer ask(const scep_plugin *plugin, scep_instance *instance, const char *transaction_id)
{
    return ask_within(plugin, instance, transaction_id, LOADED_TIMEOUT_MS);
}
