/* See generation.h. */
#include "daemon/generation.h"

#include <stdlib.h>
#include <string.h>

/* What it has on one worker. */
typedef struct iscep_generation_part {
    iscep_runner *runner;
    const iscep_generation_needs *needs; /* while it is made */
    void (*on_answered)(void *user, iscep_runner *runner, const iscep_answer *answer);
    void *user;
    iscep_generation *generation;
    iscep_seat *seats;
    size_t seat_count;
    iscep_api api;
    bool is_idle; /* what the last look found */
    iscep_status status;
    iscep_error *err;
} part;

/* --- one worker's part, on its thread --- */

static void on_answered(void *user, const iscep_answer *answer)
{
    const part *of = user;
    of->on_answered(of->user, of->runner, answer);
}

static const iscep_seat *find_seat(const iscep_generation *generation, const part *like, const char *name)
{
    if (generation == NULL)
        return NULL;
    const part *same = &generation->parts[like - like->generation->parts];
    for (size_t i = 0; i < same->seat_count; i++)
        if (strcmp(same->seats[i].config->name, name) == 0)
            return &same->seats[i];
    return NULL;
}

static iscep_status fill_seat(part *of, iscep_seat *seat, iscep_error *err)
{
    const iscep_env *env = iscep_runner_env(of->runner);
    iscep_loop *loop = iscep_runner_loop(of->runner);
    iscep_status status = iscep_curl_http_new(&seat->http, env, loop, &seat->config->outbound, err);
    if (status == ISCEP_OK)
        status = iscep_intune_new(&seat->intune, env, loop, seat->http, &seat->config->tenant, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_seat *before = find_seat(of->needs->before, of, seat->config->name);
    if (before != NULL)
        iscep_intune_inherit(seat->intune, before->intune);
    status = iscep_service_new(&seat->service, env, seat->intune, iscep_runner_journal(of->runner),
                               &of->generation->routing, &seat->options, err);
    if (status == ISCEP_OK)
        iscep_service_on_withheld(seat->service, of->needs->on_withheld, of->needs->user);
    return status;
}

static void make_part(void *user)
{
    part *of = user;
    const iscep_config *config = of->generation->config;
    of->status = ISCEP_OK;
    for (size_t i = 0; i < config->tenant_count && of->status == ISCEP_OK; i++) {
        iscep_seat *seat = &of->seats[of->seat_count++];
        seat->config = &config->tenants[i];
        seat->options = (iscep_service_options){.tenant = config->tenants[i].name,
                                                .policy = config->policy,
                                                .reporting = config->reporting,
                                                .crowd = &of->generation->crowds[i],
                                                .on_answered = on_answered,
                                                .answered_user = of};
        of->status = fill_seat(of, seat, of->err);
        if (of->status != ISCEP_OK)
            iscep_error_prefix(of->err, config->tenants[i].name);
    }
}

static void enter_part(void *user)
{
    part *of = user;
    iscep_runner_enter(of->runner, &of->api);
}

static void retire_part(void *user)
{
    const part *of = user;
    for (size_t i = 0; i < of->seat_count; i++)
        iscep_service_retire(of->seats[i].service);
}

static void look_at_part(void *user)
{
    part *of = user;
    of->is_idle = true;
    for (size_t i = 0; i < of->seat_count; i++)
        of->is_idle = of->is_idle && iscep_service_is_idle(of->seats[i].service);
}

static void warm_part(void *user)
{
    const part *of = user;
    for (size_t i = 0; i < of->seat_count; i++)
        iscep_intune_warm_up(of->seats[i].intune);
}

static void wake_part(void *user)
{
    const part *of = user;
    for (size_t i = 0; i < of->seat_count; i++)
        iscep_service_wake(of->seats[i].service);
}

static void end_clients(void *user)
{
    const part *of = user;
    for (size_t i = 0; i < of->seat_count; i++) {
        iscep_intune_free(of->seats[i].intune);
        of->seats[i].intune = NULL;
    }
}

static void clear_part(void *user)
{
    part *of = user;
    if (iscep_runner_api(of->runner) == &of->api)
        iscep_runner_enter(of->runner, NULL);
    for (size_t i = 0; i < of->seat_count; i++) {
        iscep_service_free(of->seats[i].service);
        if (of->seats[i].http != NULL)
            of->seats[i].http->free(of->seats[i].http);
    }
}

/* --- the whole --- */

static void on_each(iscep_generation *generation, iscep_callback call)
{
    for (size_t i = 0; i < generation->part_count; i++)
        iscep_runner_call(generation->parts[i].runner, call, &generation->parts[i]);
}

static iscep_status make_hooks(iscep_generation *generation, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < generation->config->step_ca_count && status == ISCEP_OK; i++)
        status = iscep_step_ca_new(&generation->hooks[i], &generation->config->step_cas[i], err);
    return status;
}

static iscep_status make_cas(iscep_generation *generation, iscep_runner *keeper, iscep_error *err)
{
    const iscep_config *config = generation->config;
    iscep_status status = ISCEP_OK;
    generation->routing.cas = generation->cas;
    for (size_t i = 0; i < config->ca_count && status == ISCEP_OK; i++) {
        status = iscep_ca_new(&generation->cas[i], iscep_runner_env(keeper), iscep_runner_loop(keeper),
                              &config->cas[i], err);
        if (status == ISCEP_OK)
            generation->routing.count++;
        else
            iscep_error_prefix(err, config->cas[i].name);
    }
    return status;
}

static void fill_api(part *of, const iscep_generation_needs *needs)
{
    of->api = (iscep_api){.env = iscep_runner_env(of->runner),
                          .config = of->generation->config,
                          .doors = of->generation->doors,
                          .journal = iscep_runner_journal(of->runner),
                          .seats = of->seats,
                          .seat_count = of->generation->config->tenant_count,
                          .hooks = of->generation->hooks,
                          .keeper = needs->keeper,
                          .is_on_keeper = iscep_runner_is_keeper(of->runner)};
}

static iscep_status make_parts(iscep_generation *generation, const iscep_generation_needs *needs,
                               iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    generation->parts = calloc(needs->runner_count, sizeof *generation->parts);
    if (generation->parts == NULL)
        return iscep_error_nomem(err);
    for (size_t i = 0; i < needs->runner_count && status == ISCEP_OK; i++) {
        part *of = &generation->parts[i];
        *of = (part){.runner = needs->runners[i],
                     .needs = needs,
                     .on_answered = needs->on_answered,
                     .user = needs->user,
                     .generation = generation,
                     .err = err};
        generation->part_count++;
        of->seats = calloc(generation->config->tenant_count, sizeof *of->seats);
        if (of->seats == NULL)
            return iscep_error_nomem(err);
        fill_api(of, needs);
        iscep_runner_call(of->runner, make_part, of);
        of->needs = NULL;
        status = of->status;
    }
    return status;
}

/* Intune is asked for revocations by one worker, the keeper's. */
static iscep_status make_revokers(iscep_generation *generation, iscep_error *err)
{
    const iscep_config *config = generation->config;
    part *keeper = &generation->parts[0];
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->tenant_count && status == ISCEP_OK; i++) {
        status = iscep_revoker_new(&generation->revokers[i], iscep_runner_env(keeper->runner),
                                   keeper->seats[i].intune, iscep_runner_journal(keeper->runner),
                                   &generation->routing, config->tenants[i].name, &config->revoker, err);
        generation->admin_tenants[i] = (iscep_admin_tenant){.name = config->tenants[i].name,
                                                            .service = keeper->seats[i].service,
                                                            .revoker = generation->revokers[i]};
    }
    return status;
}

/* What may fail by a mistake in the configuration comes first, what begins to work by itself last. */
iscep_status iscep_generation_new(iscep_generation **out, const iscep_generation_needs *needs,
                                  iscep_config *config, iscep_error *err)
{
    iscep_generation *generation = calloc(1, sizeof *generation);
    if (generation == NULL) {
        iscep_config_free(config);
        return iscep_error_nomem(err);
    }
    generation->config = config;
    for (size_t i = 0; i < config->tenant_count; i++)
        generation->crowds[i].max = config->tenants[i].max_requests_in_flight;
    iscep_status status = iscep_doors_new(&generation->doors, config, err);
    if (status == ISCEP_OK)
        status = make_hooks(generation, err);
    if (status == ISCEP_OK)
        status = make_cas(generation, needs->runners[0], err);
    if (status == ISCEP_OK)
        status = make_parts(generation, needs, err);
    if (status == ISCEP_OK)
        status = make_revokers(generation, err);
    if (status != ISCEP_OK) {
        iscep_generation_free(generation);
        return status;
    }
    *out = generation;
    return ISCEP_OK;
}

void iscep_generation_enter(iscep_generation *generation)
{
    on_each(generation, enter_part);
}

static iscep_revoker *find_revoker(const iscep_generation *generation, const char *tenant)
{
    for (size_t i = 0; i < generation->config->tenant_count; i++)
        if (strcmp(generation->config->tenants[i].name, tenant) == 0)
            return generation->revokers[i];
    return NULL;
}

void iscep_generation_follow(iscep_generation *generation, iscep_generation *before)
{
    for (size_t i = 0; i < generation->config->tenant_count; i++)
        iscep_revoker_follow(generation->revokers[i],
                             find_revoker(before, generation->config->tenants[i].name));
}

void iscep_generation_retire(iscep_generation *generation)
{
    on_each(generation, retire_part);
    for (size_t i = 0; i < generation->config->tenant_count; i++)
        iscep_revoker_retire(generation->revokers[i]);
}

bool iscep_generation_is_idle(iscep_generation *generation)
{
    bool is_idle = true;
    on_each(generation, look_at_part);
    for (size_t i = 0; i < generation->part_count; i++)
        is_idle = is_idle && generation->parts[i].is_idle;
    for (size_t i = 0; i < generation->config->tenant_count; i++)
        is_idle = is_idle && iscep_revoker_is_idle(generation->revokers[i]);
    return is_idle;
}

/* Whoever uses goes before what it uses: a client ends what is under way, and so does a CA; the other workers' services look
 * at the CAs' names. */
static void free_working_parts(iscep_generation *generation)
{
    for (size_t i = generation->part_count; i-- > 1;) {
        iscep_runner_call(generation->parts[i].runner, end_clients, &generation->parts[i]);
        iscep_runner_call(generation->parts[i].runner, clear_part, &generation->parts[i]);
    }
    if (generation->part_count > 0)
        end_clients(&generation->parts[0]);
    for (size_t i = 0; i < generation->routing.count; i++)
        iscep_ca_free(generation->cas[i]);
    for (size_t i = 0; i < ISCEP_CONFIG_MAX_TENANTS; i++)
        iscep_revoker_free(generation->revokers[i]);
    if (generation->part_count > 0)
        clear_part(&generation->parts[0]);
}

void iscep_generation_free(iscep_generation *generation)
{
    if (generation == NULL)
        return;
    free_working_parts(generation);
    for (size_t i = 0; i < generation->part_count; i++)
        free(generation->parts[i].seats);
    free(generation->parts);
    for (size_t i = 0; i < ISCEP_CONFIG_MAX_STEP_CAS; i++)
        iscep_step_ca_free(generation->hooks[i]);
    iscep_doors_free(generation->doors);
    iscep_config_free(generation->config);
    free(generation);
}

const iscep_seat *iscep_generation_keeper_seat(const iscep_generation *generation, size_t tenant)
{
    return &generation->parts[0].seats[tenant];
}

void iscep_generation_wake_revokers(iscep_generation *generation)
{
    for (size_t i = 0; i < generation->config->tenant_count; i++)
        iscep_revoker_wake(generation->revokers[i]);
}

void iscep_generation_wake_services(iscep_generation *generation)
{
    on_each(generation, wake_part);
}

void iscep_generation_warm_up(iscep_generation *generation)
{
    on_each(generation, warm_part);
}
