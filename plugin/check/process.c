/* See process.h. */
#include "plugin/check/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has a number for a name in a directory. */
static size_t each_number(const check_kit *kit, const char *directory,
                          void (*each)(const check_kit *kit, int number, void *context), void *context)
{
    size_t count = 0;
    DIR *listing = opendir(directory);
    kit_expect(kit, listing != NULL, "the kit cannot read %s: %s", directory, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') {
            count++;
            if (each != NULL) {
                each(kit, (int)strtol(entry->d_name, NULL, 10), context);
            }
        }
    }
    closedir(listing);
    return count;
}

size_t process_count_descriptors(const check_kit *kit)
{
    return each_number(kit, "/proc/self/fd", NULL, NULL);
}

size_t process_count_threads(const check_kit *kit)
{
    return each_number(kit, "/proc/self/task", NULL, NULL);
}

void process_each_thread(const check_kit *kit, void (*each)(const check_kit *kit, int thread, void *context),
                         void *context)
{
    each_number(kit, "/proc/self/task", each, context);
}

/* False: the thread has ended. */
static bool read_status(int thread, bool *is_asleep, uint64_t *blocked)
{
    static const char state_label[] = "State:\t", blocked_label[] = "SigBlk:\t";
    char path[64], line[128], state = '?';
    bool is_found = false;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *file = fopen(path, "re");
    while (file != NULL && !is_found && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, state_label, strlen(state_label)) == 0) {
            state = line[strlen(state_label)];
        }
        is_found = strncmp(line, blocked_label, strlen(blocked_label)) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    if (is_found) {
        *blocked = strtoull(line + strlen(blocked_label), NULL, 16);
    }
    *is_asleep = state == 'S';
    return is_found;
}

bool process_blocked_signals(const check_kit *kit, int thread, uint64_t *out)
{
    const int64_t until_ms = kit_now_ms() + kit->options->margin_ms;
    bool is_asleep = false, is_found = true;
    while ((is_found = read_status(thread, &is_asleep, out)) && !is_asleep && kit_now_ms() < until_ms) {
        kit_wait_until(kit_now_ms() + 1);
    }
    return is_found;
}

static void ask_badly(const check_kit *kit)
{
    check_reply reply;
    check_question question =
        question_of(ASK_VERIFY, (scep_bytes){(const uint8_t *)"0", 1}, kit->options->timeout_ms);
    reply_prepare(&reply);
    kit_ask(kit, &(const check_asking){.kind = ASK_VERIFY,
                                       .instance = kit->instance,
                                       .question = &question,
                                       .answer = &reply.answer,
                                       .timeout_ms = kit->options->timeout_ms,
                                       .what = "garbage"});
    question.size = 1;
    kit_ask(kit, &(const check_asking){.kind = ASK_VERIFY,
                                       .instance = kit->instance,
                                       .question = &question,
                                       .answer = &reply.answer,
                                       .what = "too small a request"});
}

void process_tour(check_kit *kit)
{
    check_reply reply;
    scep_health health = {.size = sizeof health};
    kit_load(kit, STAGE_INSTANCE);
    for (kit_form form = FORM_BLOCKING; form <= kit_last_form(kit); form++) {
        for (question_kind kind = 0; kind < QUESTION_KINDS; kind++) {
            kit_ask_proper(kit, form, kind, &reply);
        }
    }
    ask_badly(kit);
    kit_doing(kit, kit->options->timeout_ms, "health");
    kit->plugin->health(kit->instance, kit->options->timeout_ms, &health);
    kit_close(kit, kit->instance);
}
