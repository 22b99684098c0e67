/*
 * A host with an event loop: asks a SCEP policy plugin about several certificate requests at once, on one thread that never
 * waits for any of them alone. minimal_host.c explains what both have in common.
 *
 *     cc $(pkg-config --cflags scep-plugin) -o event_host event_host.c -ldl
 *     ./event_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [TRANSACTION-ID REQUEST.der]...
 *
 * Prints "TRANSACTION-ID VERDICT CODE: MESSAGE" for each, as they are answered. SIGTERM cancels what is not.
 * Exit status: 0 all are allowed, 1 one is denied, 2 wrong usage or plugin, 3 nobody could say of one, and none is denied.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "scep_plugin.h"

enum { ALLOW = 0, DENY = 1, UNUSABLE = 2, RETRY = 3 };
enum { FILE_MAX = 64 * 1024, TIMEOUT_MS = 25000, PATIENCE_MS = 30000 };

/* One request. The plugin writes into answer until call has ended, so a question stays where it is. */
typedef struct question {
    const char *transaction_id;
    scep_call *call; /* NULL: it is decided */
    scep_answer answer;
    int decision;
} question;

static const scep_plugin *load_plugin(const char *path)
{
    const scep_plugin *plugin = NULL;
    scep_plugin_entry_fn entry = NULL;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module != NULL) {
        *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    }
    if (entry == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
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
    if (plugin->begin_verify_request == NULL) {
        fprintf(stderr, "%s: this plugin only has the form that blocks: ask it on a thread\n", path);
        return NULL;
    }
    return plugin;
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

static void tell(question *asked, int decision, const char *code, const char *message)
{
    static const char *const words[] = {[ALLOW] = "allow", [DENY] = "deny", [RETRY] = "retry"};
    asked->call = NULL;
    asked->decision = decision;
    printf("%s %s %s: %s\n", asked->transaction_id, words[decision], code, message);
    fflush(stdout);
}

/* The one place where an answer becomes a yes: the call has worked, and the verdict is ALLOW, compared with ==. */
static void decide(question *asked, int32_t status)
{
    if (status == SCEP_ERR_NOMEM || status == SCEP_ERR_UNAVAILABLE) {
        tell(asked, RETRY, "plugin_error", "");
    } else if (status != SCEP_OK) {
        tell(asked, DENY, "plugin_error", "");
    } else if (asked->answer.verdict == SCEP_VERDICT_ALLOW) {
        tell(asked, ALLOW, asked->answer.code, asked->answer.message);
    } else if (asked->answer.verdict == SCEP_VERDICT_RETRY) {
        tell(asked, RETRY, asked->answer.code, asked->answer.message);
    } else {
        tell(asked, DENY, asked->answer.code, asked->answer.message);
    }
}

/* The plugin copies what it is given, so the request is gone when this returns; the answer is not. */
static void begin(const scep_plugin *plugin, scep_instance *instance, question *asked, const char *path)
{
    static uint8_t csr[FILE_MAX];
    FILE *file = fopen(path, "rb");
    const size_t len = file != NULL ? fread(csr, 1, sizeof csr, file) : 0;
    if (file != NULL) {
        fclose(file);
    }
    const scep_request request = {
        .size = sizeof request,
        .message_type = SCEP_MESSAGE_PKCS_REQ,
        .timeout_ms = TIMEOUT_MS,
        .transaction_id = {(const uint8_t *)asked->transaction_id, strlen(asked->transaction_id)},
        .csr_der = {csr, len}};
    asked->answer.size = sizeof asked->answer;
    const int32_t status = plugin->begin_verify_request(instance, &request, &asked->answer, &asked->call);
    if (status != SCEP_OK) {
        decide(asked, status);
    }
}

static void cancel_all(const scep_plugin *plugin, question *questions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (questions[i].call != NULL) {
            plugin->cancel(questions[i].call);
            tell(&questions[i], RETRY, "cancelled", "");
        }
    }
}

/* The set is made anew in every round, so no descriptor is in it whose call has ended. */
static size_t watch(const scep_plugin *plugin, const question *questions, size_t count, struct pollfd *set)
{
    size_t pending = 0;
    for (size_t i = 0; i < count; i++) {
        const int fd = questions[i].call != NULL ? plugin->descriptor(questions[i].call) : -1;
        set[i] = (struct pollfd){.fd = fd, .events = POLLIN}; /* poll passes over -1 */
        pending += questions[i].call != NULL;
    }
    return pending;
}

/* set has room for one more than there are questions: the last is for SIGTERM. */
static void run(const scep_plugin *plugin, question *questions, size_t count, struct pollfd *set, int sigterm)
{
    set[count] = (struct pollfd){.fd = sigterm, .events = POLLIN};
    while (watch(plugin, questions, count, set) > 0) {
        /* No question may take so long that nothing is ready: that is for a plugin that breaks its word. */
        const int ready = poll(set, count + 1, PATIENCE_MS);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        if (ready <= 0 || set[count].revents != 0) {
            cancel_all(plugin, questions, count);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            const int32_t status = set[i].revents != 0 ? plugin->finish(questions[i].call) : SCEP_PENDING;
            if (status != SCEP_PENDING) {
                decide(&questions[i], status);
            }
        }
    }
}

static int worst_of(const question *questions, size_t count)
{
    int worst = ALLOW;
    for (size_t i = 0; i < count; i++) {
        worst = worst == DENY || questions[i].decision == ALLOW ? worst : questions[i].decision;
    }
    return worst;
}

static int sigterm_descriptor(void)
{
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    sigprocmask(SIG_BLOCK, &terminate, NULL);
    return signalfd(-1, &terminate, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
    const scep_host host = {.size = sizeof host};
    if (argc < 5 || argc % 2 == 0) {
        fprintf(stderr, "usage: event_host PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [TRANSACTION-ID "
                        "REQUEST.der]...\n");
        return UNUSABLE;
    }
    const int sigterm = sigterm_descriptor();
    const size_t count = ((size_t)argc - 3) / 2;
    question *questions = calloc(count, sizeof *questions);
    struct pollfd *set = calloc(count + 1, sizeof *set);
    const scep_plugin *plugin = load_plugin(argv[1]);
    scep_instance *instance = plugin != NULL ? open_instance(plugin, &host, argv[2]) : NULL;
    int worst = UNUSABLE;
    if (questions != NULL && set != NULL && instance != NULL) {
        for (size_t i = 0; i < count; i++) {
            questions[i].transaction_id = argv[3 + 2 * i];
            begin(plugin, instance, &questions[i], argv[4 + 2 * i]);
        }
        run(plugin, questions, count, set, sigterm);
        worst = worst_of(questions, count);
    }
    if (instance != NULL) {
        plugin->close(instance); /* every call has ended */
    }
    free(set);
    free(questions);
    return worst;
}
