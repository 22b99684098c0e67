/*
 * A host that does what it is told, a line of text at a time, and says what came of it: what behaviour.sh asks plugins by.
 * Usage: behaviour_host PLUGIN.so
 *
 *     open NAME KEY=VALUE…                  OK | CONFIG TEXT | UNAVAILABLE TEXT
 *     close NAME                            OK
 *     verify NAME TRANSACTION CSR           VERDICT CODE
 *     issued NAME TRANSACTION CSR CERT
 *     failed NAME TRANSACTION CSR
 *       and: form=event room=no timeout=MS into=FILE (the certificate of DELIVER)
 *     health NAME                           READY | DOWN CODE
 *     crowd NAME COUNT DIRECTORY            as verify, by COUNT threads at once, number N with DIRECTORY/N.der; "COUNT VERDICT
 *                                           CODE", if all were answered the same
 *     revoked                               what the plugin has had revoked: "SERIAL:REASON …"
 *     child                                 OK; what follows is done by a forked child, until
 *     end                                   OK
 *     churn forks=yes KEY=VALUE…            see churn.h
 *     outlive                               OK; the process that opened is gone, and its child goes on
 *     exit_busy NAME TRANSACTION CSR        exits while eight threads ask, without close
 *     close_openssl, is_openssl_untouched   see host_openssl.h: yes | no
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "churn.h"
#include "host_openssl.h"
#include "question.h"

enum { MAX_WORDS = 16, MAX_INSTANCES = 4, MAX_CROWD = 64, LINE_SIZE = 2048, DEFAULT_TIMEOUT_MS = 20000 };

static const scep_plugin *plugin;
static struct {
    char name[32];
    scep_instance *instance;
} instances[MAX_INSTANCES];

/* --- what the host offers --- */

static pthread_mutex_t revoked_lock = PTHREAD_MUTEX_INITIALIZER;
static char revoked[LINE_SIZE];

static int32_t on_revoke(void *user, const scep_revocation *revocation, scep_text *text)
{
    (void)user;
    (void)text;
    pthread_mutex_lock(&revoked_lock);
    const size_t used = strlen(revoked);
    snprintf(revoked + used, sizeof revoked - used, "%s%.*s:%u", used > 0 ? " " : "",
             (int)revocation->serial.len, (const char *)revocation->serial.data,
             (unsigned)revocation->reason);
    pthread_mutex_unlock(&revoked_lock);
    return SCEP_REVOKE_DONE;
}

static void on_log(void *user, int32_t level, const char *message)
{
    (void)user;
    fprintf(stderr, "%d %s\n", (int)level, message);
}

static const scep_host host = {.size = sizeof host, .log = on_log, .revoke = on_revoke};

/* --- words --- */

typedef struct words {
    char *at[MAX_WORDS];
    size_t count;
} words;

static words split(char *line)
{
    words out = {.count = 0};
    for (char *word = strtok(line, " \n"); word != NULL && out.count < MAX_WORDS;
         word = strtok(NULL, " \n")) {
        out.at[out.count++] = word;
    }
    return out;
}

/* The value of KEY=VALUE; NULL: it is not there. */
static const char *value_of(const words *given, const char *key)
{
    const size_t len = strlen(key);
    for (size_t i = 1; i < given->count; i++) {
        if (strncmp(given->at[i], key, len) == 0 && given->at[i][len] == '=') {
            return given->at[i] + len + 1;
        }
    }
    return NULL;
}

static const char *word_at(const words *given, size_t index)
{
    return index < given->count ? given->at[index] : "";
}

static void say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

/* --- instances --- */

static size_t find(const char *name)
{
    size_t at = 0;
    while (at < MAX_INSTANCES && strcmp(instances[at].name, name) != 0) {
        at++;
    }
    return at;
}

static scep_instance *instance_of(const words *given)
{
    const size_t at = find(word_at(given, 1));
    return at < MAX_INSTANCES ? instances[at].instance : NULL;
}

/* How many there are from the third word on. */
static size_t read_settings(scep_config_entry config[MAX_WORDS], const words *given)
{
    size_t count = 0;
    for (size_t i = 2; i < given->count; i++) {
        char *equals = strchr(given->at[i], '=');
        if (equals != NULL) {
            *equals = '\0';
            config[count++] = (scep_config_entry){.key = given->at[i], .value = equals + 1};
        }
    }
    return count;
}

static void do_open(const words *given)
{
    scep_config_entry config[MAX_WORDS];
    const size_t count = read_settings(config, given);
    const size_t at = find("");
    scep_text text = {.size = sizeof text};
    if (at == MAX_INSTANCES) {
        say("there is no room for one more");
        return;
    }
    const int32_t status = plugin->open(&host, config, count, &instances[at].instance, &text);
    if (status == SCEP_OK) {
        snprintf(instances[at].name, sizeof instances[at].name, "%s", word_at(given, 1));
    }
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s %s", status == SCEP_ERR_CONFIG ? "CONFIG" : "UNAVAILABLE", text.text);
    say(status == SCEP_OK ? "OK" : line);
}

static void do_close(const words *given)
{
    const size_t at = find(word_at(given, 1));
    plugin->close(instances[at].instance);
    instances[at].name[0] = '\0';
    say("OK");
}

static void do_churn(const words *given)
{
    scep_config_entry config[MAX_WORDS];
    char line[CHURN_LINE_SIZE];
    const bool has_forks = strcmp(word_at(given, 1), "forks=yes") == 0;
    const size_t count = read_settings(config, given);
    churn(line, plugin, &host, config, count, has_forks);
    say(line);
}

/* --- questions --- */

static bool make_question(question *out, question_kind kind, const words *given)
{
    const char *form = value_of(given, "form");
    const char *room = value_of(given, "room");
    const char *timeout = value_of(given, "timeout");
    memset(out, 0, sizeof *out);
    out->kind = kind;
    out->is_event_form = form != NULL && strcmp(form, "event") == 0;
    out->has_room = room == NULL || strcmp(room, "no") != 0;
    out->timeout_ms = timeout != NULL ? (uint32_t)strtoul(timeout, NULL, 10) : DEFAULT_TIMEOUT_MS;
    out->error_code = 0x80090016u;
    out->transaction_id = word_at(given, 2);
    return question_load(out->csr, &out->csr_len, word_at(given, 3)) &&
           (kind != QUESTION_ISSUED || question_load(out->cert, &out->cert_len, word_at(given, 4)));
}

static void keep_certificate(const question *asked, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file != NULL) {
        fwrite(asked->cert, 1, asked->cert_len, file);
        fclose(file);
    }
}

static void do_ask(question_kind kind, const words *given)
{
    static question asked;
    char line[QUESTION_LINE_SIZE] = "a file cannot be read";
    const char *into = value_of(given, "into");
    scep_instance *instance = instance_of(given);
    if (make_question(&asked, kind, given)) {
        question_ask(line, plugin, instance, &asked);
    }
    if (into != NULL) {
        keep_certificate(&asked, into);
    }
    say(line);
}

static void do_health(const words *given)
{
    scep_health health = {.size = sizeof health};
    char line[QUESTION_LINE_SIZE];
    const int32_t status = plugin->health(instance_of(given), DEFAULT_TIMEOUT_MS, &health);
    snprintf(line, sizeof line, "%s%s%s", health.state == SCEP_HEALTH_READY ? "READY" : "DOWN",
             health.code[0] != '\0' ? " " : "", health.code);
    say(status == SCEP_OK ? line : "ERR");
}

/* --- a crowd --- */

typedef struct one_of_many {
    pthread_t thread;
    scep_instance *instance;
    question asked;
    char transaction_id[32];
    char line[QUESTION_LINE_SIZE];
} one_of_many;

static void *ask_once(void *user)
{
    one_of_many *one = user;
    question_ask(one->line, plugin, one->instance, &one->asked);
    return NULL;
}

static bool start_one(one_of_many *one, size_t number, const words *given)
{
    char path[LINE_SIZE];
    make_question(&one->asked, QUESTION_VERIFY, given);
    snprintf(path, sizeof path, "%s/%zu.der", word_at(given, 3), number);
    snprintf(one->transaction_id, sizeof one->transaction_id, "crowd-%zu", number);
    one->asked.transaction_id = one->transaction_id;
    one->instance = instance_of(given);
    return question_load(one->asked.csr, &one->asked.csr_len, path) &&
           pthread_create(&one->thread, NULL, ask_once, one) == 0;
}

static void do_crowd(const words *given)
{
    static one_of_many crowd[MAX_CROWD];
    const size_t count = strtoul(word_at(given, 2), NULL, 10);
    size_t begun = 0;
    size_t same = 0;
    while (begun < count && begun < MAX_CROWD && start_one(&crowd[begun], begun, given)) {
        begun++;
    }
    for (size_t i = 0; i < begun; i++) {
        pthread_join(crowd[i].thread, NULL);
        same += strcmp(crowd[i].line, crowd[0].line) == 0;
    }
    printf("%zu ", same);
    say(crowd[0].line);
}

/* --- processes --- */

static void do_child(void)
{
    const pid_t child = fork();
    if (child == 0) {
        say("OK");
        return;
    }
    int status = -1;
    waitpid(child, &status, 0);
    say(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "OK" : "the child ended badly");
}

/* The pipe ends when the parent has. */
static void do_outlive(void)
{
    int ends[2];
    char ended;
    if (pipe(ends) != 0 || fork() != 0) {
        _exit(0);
    }
    close(ends[1]);
    while (read(ends[0], &ended, 1) > 0) {
    }
    close(ends[0]);
    say("OK");
}

static sem_t busy_answers;

static void *ask_for_ever(void *user)
{
    one_of_many *one = user;
    for (;;) {
        question_ask(one->line, plugin, one->instance, &one->asked);
        sem_post(&busy_answers);
    }
    return NULL;
}

static void do_exit_busy(const words *given)
{
    static one_of_many crowd[8];
    sem_init(&busy_answers, 0, 0);
    for (size_t i = 0; i < sizeof crowd / sizeof *crowd; i++) {
        make_question(&crowd[i].asked, QUESTION_VERIFY, given);
        crowd[i].asked.has_room = false; /* so that Intune is asked each time */
        snprintf(crowd[i].transaction_id, sizeof crowd[i].transaction_id, "busy-%zu", i);
        crowd[i].asked.transaction_id = crowd[i].transaction_id;
        crowd[i].instance = instance_of(given);
        if (pthread_create(&crowd[i].thread, NULL, ask_for_ever, &crowd[i]) != 0) {
            exit(1);
        }
    }
    for (int answers = 0; answers < 64;) {
        answers += sem_wait(&busy_answers) == 0 ? 1 : 0; /* a signal: wait on */
    }
    exit(0);
}

/* --- lines --- */

static void do_revoked(void)
{
    pthread_mutex_lock(&revoked_lock);
    say(revoked);
    pthread_mutex_unlock(&revoked_lock);
}

static bool obey(const words *given)
{
    const char *what = word_at(given, 0);
    if (strcmp(what, "open") == 0) {
        do_open(given);
    } else if (strcmp(what, "health") == 0) {
        do_health(given);
    } else if (strcmp(what, "verify") == 0) {
        do_ask(QUESTION_VERIFY, given);
    } else if (strcmp(what, "issued") == 0) {
        do_ask(QUESTION_ISSUED, given);
    } else if (strcmp(what, "failed") == 0) {
        do_ask(QUESTION_FAILED, given);
    } else if (strcmp(what, "crowd") == 0) {
        do_crowd(given);
    } else if (strcmp(what, "close") == 0) {
        do_close(given);
    } else if (strcmp(what, "revoked") == 0) {
        do_revoked();
    } else if (strcmp(what, "child") == 0) {
        do_child();
    } else if (strcmp(what, "churn") == 0) {
        do_churn(given);
    } else if (strcmp(what, "outlive") == 0) {
        do_outlive();
    } else if (strcmp(what, "exit_busy") == 0) {
        do_exit_busy(given);
    } else if (strcmp(what, "close_openssl") == 0) {
        say(host_openssl_close_to_others() ? "yes" : "no");
    } else if (strcmp(what, "is_openssl_untouched") == 0) {
        say(host_openssl_is_untouched() ? "yes" : "no");
    } else {
        return false; /* "end" */
    }
    return true;
}

static const scep_plugin *load(const char *path)
{
    const scep_plugin *loaded = NULL;
    scep_plugin_entry_fn entry;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    *(void **)&entry = dlsym(module, SCEP_PLUGIN_ENTRY_SYMBOL);
    return entry != NULL && entry(SCEP_PLUGIN_ABI_MAJOR, SCEP_PLUGIN_ABI_MINOR, &loaded) == SCEP_OK ? loaded
                                                                                                    : NULL;
}

/* A byte at a time, and no buffer: a child goes on where its parent was. */
static bool read_line(char line[LINE_SIZE])
{
    size_t len = 0;
    while (len < LINE_SIZE - 1 && read(STDIN_FILENO, line + len, 1) == 1) {
        if (line[len++] == '\n') {
            line[len] = '\0';
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    char line[LINE_SIZE];
    plugin = argc == 2 ? load(argv[1]) : NULL;
    if (plugin == NULL) {
        fprintf(stderr, "behaviour_host: no plugin\n");
        return 1;
    }
    while (read_line(line)) {
        const words given = split(line);
        if (!obey(&given)) {
            break;
        }
    }
    return 0;
}
