/* See churn.h. */
#include "churn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPENERS = 4, ROUNDS = 25, MAX_DESCRIPTORS = 256 };

typedef struct world {
    const scep_plugin *plugin;
    const scep_host *host;
    const scep_config_entry *config;
    size_t config_count;
    atomic_uint unopened;
    atomic_bool is_over;
    unsigned listening, fallen; /* children */
} world;

static void *come_and_go(void *user)
{
    world *w = user;
    for (unsigned i = 0; i < ROUNDS; i++) {
        scep_instance *instance = NULL;
        scep_text text = {.size = sizeof text};
        if (w->plugin->open(w->host, w->config, w->config_count, &instance, &text) != SCEP_OK) {
            fprintf(stderr, "%s\n", text.text);
            atomic_fetch_add(&w->unopened, 1);
        }
        w->plugin->close(instance);
    }
    return NULL;
}

/* In a child: this process listens nowhere, so what listens is a connector's. */
static bool has_listening_socket(void)
{
    for (int fd = STDERR_FILENO + 1; fd < MAX_DESCRIPTORS; fd++) {
        int is_listening = 0;
        socklen_t len = sizeof is_listening;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) == 0 && is_listening != 0) {
            return true;
        }
    }
    return false;
}

static void *bear_children(void *user)
{
    world *w = user;
    while (!atomic_load(&w->is_over)) {
        int status = -1;
        const pid_t child = fork();
        if (child == 0) {
            _exit(has_listening_socket() ? 1 : 0);
        }
        waitpid(child, &status, 0);
        w->listening += WIFEXITED(status) && WEXITSTATUS(status) == 1;
        w->fallen += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
    }
    return NULL;
}

void churn(char line[CHURN_LINE_SIZE], const scep_plugin *plugin, const scep_host *host,
           const scep_config_entry *config, size_t config_count, bool has_forks)
{
    world w = {.plugin = plugin, .host = host, .config = config, .config_count = config_count};
    pthread_t openers[OPENERS], forker;
    bool is_begun = !has_forks || pthread_create(&forker, NULL, bear_children, &w) == 0;
    for (size_t i = 0; i < OPENERS && is_begun; i++) {
        is_begun = pthread_create(&openers[i], NULL, come_and_go, &w) == 0;
    }
    if (!is_begun) {
        _exit(1);
    }
    for (size_t i = 0; i < OPENERS; i++) {
        pthread_join(openers[i], NULL);
    }
    atomic_store(&w.is_over, true);
    if (has_forks) {
        pthread_join(forker, NULL);
    }
    const unsigned unopened = atomic_load(&w.unopened);
    snprintf(line, CHURN_LINE_SIZE, "%u not opened, %u children listen, %u fell over", unopened, w.listening,
             w.fallen);
    if (unopened + w.listening + w.fallen == 0) {
        snprintf(line, CHURN_LINE_SIZE, "OK");
    }
}
