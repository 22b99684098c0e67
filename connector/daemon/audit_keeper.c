/* See audit_keeper.h. The fact is "SEQ HASH"; it is no tenant's. Where nodes share the journal each has one, as it has a trail. */
#include "daemon/audit_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INTERVAL_MS = 1000, MAX_FACT_SIZE = 32 + ISCEP_AUDIT_HASH_SIZE };

static const char tenant[] = "";
static const char fact[] = "audit_head";
enum { MAX_NAME_SIZE = 128 };

struct iscep_audit_keeper {
    const iscep_env *env;
    iscep_journal *journal;
    iscep_timer *timer;
    char name[MAX_NAME_SIZE]; /* the fact's */
    uint64_t kept_seq;
    bool is_asking; /* the journal's answer is still to come, and must find us */
    bool is_freed;
};

static void free_keeper(iscep_audit_keeper *keeper)
{
    iscep_timer_free(keeper->timer);
    free(keeper);
}

static void keep(iscep_audit_keeper *keeper)
{
    char hash[ISCEP_AUDIT_HASH_SIZE], value[MAX_FACT_SIZE];
    const uint64_t seq = iscep_audit_head(keeper->env->audit, hash);
    if (seq == keeper->kept_seq)
        return;
    snprintf(value, sizeof value, "%llu %s", (unsigned long long)seq, hash);
    iscep_journal_set_fact(keeper->journal, tenant, keeper->name, value, NULL, NULL);
    keeper->kept_seq = seq;
}

static void on_timer(void *user)
{
    iscep_audit_keeper *keeper = user;
    keep(keeper);
    iscep_timer_arm(keeper->timer, INTERVAL_MS);
}

static void recall(const iscep_audit_keeper *keeper, const char *value)
{
    char *hash;
    const unsigned long long seq = strtoull(value, &hash, 10);
    if (*hash == ' ')
        iscep_audit_recall(keeper->env->audit, seq, hash + 1);
}

/* A journal that cannot be read is its own trouble, and said where it is used. */
static void on_fact(void *user, iscep_status status, const char *value, const iscep_error *err)
{
    iscep_audit_keeper *keeper = user;
    (void)err;
    keeper->is_asking = false;
    if (keeper->is_freed) {
        free_keeper(keeper);
        return;
    }
    if (status == ISCEP_OK && value != NULL)
        recall(keeper, value);
    on_timer(keeper);
}

static void name_fact(iscep_audit_keeper *keeper)
{
    iscep_journal_standing_facts standing;
    iscep_journal_standing(keeper->journal, &standing);
    if (standing.is_shared)
        snprintf(keeper->name, sizeof keeper->name, "%s/%s", fact, iscep_journal_node(keeper->journal));
    else
        iscep_text_copy(keeper->name, sizeof keeper->name, fact);
}

iscep_status iscep_audit_keeper_new(iscep_audit_keeper **out, const iscep_env *env, iscep_loop *loop,
                                    iscep_journal *journal, iscep_error *err)
{
    iscep_audit_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return iscep_error_nomem(err);
    *keeper = (iscep_audit_keeper){.env = env, .journal = journal, .is_asking = true};
    iscep_status status = iscep_timer_new(&keeper->timer, loop, on_timer, keeper, err);
    if (status != ISCEP_OK) {
        free(keeper);
        return status;
    }
    name_fact(keeper);
    iscep_journal_get_fact(journal, tenant, keeper->name, on_fact, keeper);
    *out = keeper;
    return ISCEP_OK;
}

void iscep_audit_keeper_free(iscep_audit_keeper *keeper)
{
    if (keeper == NULL)
        return;
    if (keeper->is_asking) { /* nothing was remembered yet that is worth more than what there is */
        keeper->is_freed = true;
        iscep_timer_free(keeper->timer);
        keeper->timer = NULL;
        return;
    }
    keep(keeper);
    free_keeper(keeper);
}
