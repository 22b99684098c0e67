/*
 * The credentials of one tenant, two at most, so that one can be replaced while the other serves. The one that
 * worked last is used first; when Entra ID refuses it for a reason of its own, the other has its turn within the
 * same fetch, before anybody who waits is told.
 */
#ifndef ISCEP_INTUNE_CREDENTIAL_SET_H
#define ISCEP_INTUNE_CREDENTIAL_SET_H

#include "intune/credential.h"
#include "intune/tenant.h"

typedef struct iscep_credential_set iscep_credential_set;

/* CONFIG, with the credential's name before the message, if one of them cannot be used. Logs credential_expiring. */
iscep_status iscep_credential_set_new(iscep_credential_set **out, const iscep_env *env,
                                      const iscep_tenant *tenant, iscep_error *err) ISCEP_CHECKED;
void iscep_credential_set_free(iscep_credential_set *set);

/* Where one fetch stands; the caller's storage. */
typedef struct iscep_credential_turn {
    size_t first;
    size_t tried; /* so many before the one whose turn it is */
} iscep_credential_turn;

/* Whose turn it is. */
const iscep_credential *iscep_credential_set_get(const iscep_credential_set *set,
                                                 const iscep_credential_turn *turn);
iscep_credential *iscep_credential_set_begin(const iscep_credential_set *set, iscep_credential_turn *turn);
/* NULL: there is no other, or why is none of the credential's faults. Otherwise the refusal is logged. */
iscep_credential *iscep_credential_set_next(const iscep_credential_set *set, iscep_credential_turn *turn,
                                            const iscep_error *why);
/* The one whose turn it is got a token. Logs credential_switched if it was not the one in use. */
void iscep_credential_set_worked(iscep_credential_set *set, const iscep_credential_turn *turn);

/* Logs credential_expiring for each certificate that is good for less than thirty days. To be called once a day. */
void iscep_credential_set_warn(const iscep_credential_set *set);

typedef struct iscep_credential_facts {
    const char *name;
    const char *kind;
    int64_t expires_unix; /* 0: not known */
    bool is_in_use;
} iscep_credential_facts;

size_t iscep_credential_set_count(const iscep_credential_set *set);
iscep_credential_facts iscep_credential_set_describe(const iscep_credential_set *set, size_t at);

#endif
