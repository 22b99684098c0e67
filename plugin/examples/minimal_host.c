/*
 * A complete host of a SCEP policy plugin, in the form that blocks. It asks about one certificate request, as a SCEP server
 * does with a PKCSReq that it has decrypted and checked, and reports the certificate, if there is one.
 *
 *     cc $(pkg-config --cflags scep-plugin) -o minimal_host minimal_host.c -ldl
 *     ./minimal_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]
 *
 * CERT.der plays the CA: what it has issued once the request is allowed. If it cannot be read, the CA has failed.
 * Prints "VERDICT CODE: MESSAGE" for the request, and another such line for the report.
 * Exit status: 0 allow (issue; with CERT.der: deliver), 1 deny, 2 wrong usage or plugin, 3 nobody could say.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "scep_plugin.h"

enum { ALLOW = 0, DENY = 1, UNUSABLE = 2, RETRY = 3 };
enum { FILE_MAX = 64 * 1024 };

#define CA_FAILED 0x80004005u /* any 32 bit code; an HRESULT is what Windows' administrators know */

static const scep_plugin *negotiate(scep_plugin_entry_fn entry, const char *path)
{
    const scep_plugin *plugin = NULL;
    const int32_t status = entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &plugin);
    if (plugin != NULL && (status == SCEP_ERR_VERSION || plugin->abi_major != SCEP_PLUGIN_ABI_MAJOR)) {
        fprintf(stderr, "%s: %s %s speaks version %u.%u of the ABI, this host %u.%u\n", path, plugin->name,
                plugin->version, plugin->abi_major, plugin->abi_minor, SCEP_PLUGIN_ABI_MAJOR,
                SCEP_PLUGIN_ABI_MINOR);
        return NULL;
    }
    if (status != SCEP_OK || plugin == NULL || plugin->size < SCEP_PLUGIN_SIZE_1_0) {
        fprintf(stderr, "%s: not a usable plugin (error %d)\n", path, status);
        return NULL;
    }
    return plugin;
}

/* The module stays loaded as long as the process lives, which always works; not every one may be unloaded. */
static const scep_plugin *load_plugin(const char *path)
{
    scep_plugin_entry_fn entry = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module != NULL) {
        *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    }
    if (entry == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    return negotiate(entry, path);
}

/* Called from any thread, at any time between open and close. */
static void log_line(void *user, int32_t level, const char *message)
{
    fprintf(stderr, "%s: %s: %s\n", (const char *)user, level >= SCEP_LOG_WARN ? "warning" : "info", message);
}

static scep_instance *open_instance(const scep_plugin *plugin, const scep_host *host, const char *socket_path)
{
    const scep_config_entry config[] = {{"socket", socket_path}};
    scep_instance *instance = NULL;
    scep_text text = {.size = sizeof text};
    if (plugin->open(host, config, 1, &instance, &text) != SCEP_OK) {
        fprintf(stderr, "%s: %s\n", plugin->name, text.text);
        return NULL;
    }
    return instance;
}

/* For a start-up check or a health page. No reason to stop: it may be up when the first request comes. */
static void check_health(const scep_plugin *plugin, scep_instance *instance)
{
    scep_health health = {.size = sizeof health};
    const int32_t status = plugin->health(instance, 2000, &health);
    if (status != SCEP_OK || health.state != SCEP_HEALTH_READY) {
        fprintf(stderr, "not ready: %s: %s\n", health.code, health.message);
    }
}

/*
 * The one place where an answer becomes a yes: the call has worked, and the verdict is ALLOW, compared with ==. Whatever this
 * host does not know is a refusal; a shortage may be over the next time. It does not know DELIVER, and is never told it,
 * because its answers have no room.
 */
static int decide(int32_t status, const scep_answer *answer)
{
    const int is_passing = status == SCEP_ERR_NOMEM || status == SCEP_ERR_UNAVAILABLE;
    int decision = DENY;
    if (status == SCEP_OK && answer->verdict == SCEP_VERDICT_ALLOW) {
        decision = ALLOW;
    } else if (is_passing || (status == SCEP_OK && answer->verdict == SCEP_VERDICT_RETRY)) {
        decision = RETRY;
    }
    printf("%s %s: %s\n",
           decision == ALLOW   ? "allow"
           : decision == RETRY ? "retry"
                               : "deny",
           status == SCEP_OK ? answer->code : "plugin_error", answer->message);
    return decision;
}

static int verify(const scep_plugin *plugin, scep_instance *instance, scep_bytes transaction_id,
                  scep_bytes csr)
{
    const scep_request request = {.size = sizeof request,
                                  .message_type = SCEP_MESSAGE_PKCS_REQ,
                                  .timeout_ms = 25000,
                                  .transaction_id = transaction_id,
                                  .csr_der = csr};
    scep_answer answer = {.size = sizeof answer};
    const int32_t status = plugin->verify_request(instance, &request, &answer);
    return decide(status, &answer);
}

/* Before the device gets it. RETRY: keep the certificate, answer PENDING, report it again when the device polls. */
static int report_issued(const scep_plugin *plugin, scep_instance *instance, scep_bytes transaction_id,
                         scep_bytes csr, scep_bytes cert)
{
    const scep_issued issued = {.size = sizeof issued,
                                .timeout_ms = 25000,
                                .transaction_id = transaction_id,
                                .csr_der = csr,
                                .cert_der = cert};
    scep_answer answer = {.size = sizeof answer};
    const int32_t status = plugin->notify_issued(instance, &issued, &answer);
    return decide(status, &answer);
}

/* There is no certificate, whatever is said to this. */
static int report_failed(const scep_plugin *plugin, scep_instance *instance, scep_bytes transaction_id,
                         scep_bytes csr)
{
    static const char reason[] = "the CA has failed";
    const scep_failed failed = {.size = sizeof failed,
                                .timeout_ms = 25000,
                                .error_code = CA_FAILED,
                                .transaction_id = transaction_id,
                                .csr_der = csr,
                                .reason = {(const uint8_t *)reason, sizeof reason - 1}};
    scep_answer answer = {.size = sizeof answer};
    const int32_t status = plugin->notify_failed(instance, &failed, &answer);
    (void)decide(status, &answer);
    return DENY;
}

/* The whole file, or no bytes if it cannot be read. */
static scep_bytes read_file(const char *path, uint8_t buffer[FILE_MAX])
{
    FILE *file = fopen(path, "rb");
    const size_t len = file != NULL ? fread(buffer, 1, FILE_MAX, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    return len > 0 ? (scep_bytes){buffer, len} : (scep_bytes){NULL, 0};
}

int main(int argc, char **argv)
{
    static uint8_t csr_buffer[FILE_MAX], cert_buffer[FILE_MAX];
    const scep_host host = {.size = sizeof host, .user = "minimal_host", .log = log_line};
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: minimal_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]\n");
        return UNUSABLE;
    }
    const scep_plugin *plugin = load_plugin(argv[1]);
    scep_instance *instance = plugin != NULL ? open_instance(plugin, &host, argv[2]) : NULL;
    if (instance == NULL) {
        return UNUSABLE;
    }
    check_health(plugin, instance);

    const scep_bytes transaction_id = {(const uint8_t *)argv[3], strlen(argv[3])};
    const scep_bytes csr = read_file(argv[4], csr_buffer);
    int decision = verify(plugin, instance, transaction_id, csr);
    if (decision == ALLOW && argc == 6) {
        const scep_bytes cert = read_file(argv[5], cert_buffer);
        decision = cert.len > 0 ? report_issued(plugin, instance, transaction_id, csr, cert)
                                : report_failed(plugin, instance, transaction_id, csr);
    }
    plugin->close(instance);
    return decision;
}
