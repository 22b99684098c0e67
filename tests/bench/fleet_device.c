/* See fleet_device.h: a state machine; each step does one thing and names the next. */
#include "fleet_device.h"

#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 0 };

#define PENDING_TOO_LONG "pending longer than the profile's retries"
#define INTERRUPTED      "interrupted"

static int64_t ask_for_profile(fleet_device *device);
static int64_t begin_try(fleet_device *device);
static int64_t reach(fleet_device *device);
static int64_t request(fleet_device *device);
static int64_t poll_once(fleet_device *device);

static int64_t now_ms(const fleet_device *device)
{
    return iscep_now_mono_ms(device->world->env);
}

static const fleet_rules *rules_of(const fleet_device *device)
{
    return fleet_rules_of(device->who.platform);
}

static int64_t next(fleet_device *device, int64_t (*step)(fleet_device *), int64_t due_mono_ms)
{
    device->step = step;
    return due_mono_ms;
}

static void hang_up(fleet_device *device)
{
    if (device->dialogue != NULL)
        device->world->scep->close(device->world->scep, device->dialogue);
    device->dialogue = NULL;
}

static int64_t end(fleet_device *device)
{
    hang_up(device);
    fleet_order_clear(&device->order);
    return next(device, NULL, FLEET_ENDED);
}

static void note_setback(fleet_device *device, uint32_t url, const char *reason)
{
    iscep_text_copy(device->reason, sizeof device->reason, reason);
    fleet_record_setback(device->world->record, &device->who, url, device->reason);
}

static int64_t retry_delay_ms(const fleet_device *device)
{
    return device->order.retry_delay_ms / device->world->speed;
}

/* --- endings --- */

/* Until the next policy cycle, which does not wait for anybody. */
static int64_t end_cycle(fleet_device *device)
{
    hang_up(device);
    if (device->who.cycle == device->world->policy_cycles) {
        fleet_record_loss(device->world->record, &device->who, device->reason);
        return end(device);
    }
    int64_t due = device->cycle_begun_mono_ms + device->world->policy_cycle_ms;
    return next(device, ask_for_profile, due > now_ms(device) ? due : AT_ONCE);
}

static int64_t end_try(fleet_device *device)
{
    hang_up(device);
    if (!rules_of(device)->tries_again || device->tries_of_cycle > device->order.retries)
        return end_cycle(device);
    return next(device, begin_try, now_ms(device) + retry_delay_ms(device));
}

/* The server at hand is of no use. */
static int64_t leave_url(fleet_device *device, const char *reason)
{
    bool has_answered = device->dialogue != NULL;
    note_setback(device, fleet_route_url(&device->route), reason);
    hang_up(device);
    if (fleet_route_move_on(&device->route, rules_of(device), has_answered))
        return next(device, reach, AT_ONCE);
    return end_try(device);
}

static int64_t arrive(fleet_device *device, X509 *cert)
{
    fleet_certificate certificate = {.who = device->who,
                                     .url = fleet_route_url(&device->route),
                                     .tries = device->tries,
                                     .polls = device->polls,
                                     .took_ms = now_ms(device) - device->begun_mono_ms};
    memcpy(certificate.transaction_id, device->order.transaction_id, sizeof certificate.transaction_id);
    fleet_record_issued(device->world->record, &certificate, cert);
    X509_free(device->held.cert);
    device->held = (scep_client_identity){.key = device->order.identity->key, .cert = cert};
    X509_up_ref(cert);
    return end(device);
}

/* --- steps --- */

static int64_t ask_for_profile(fleet_device *device)
{
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_wish wish = {.platform = device->who.platform,
                       .name = device->who.name,
                       .url = device->own_url,
                       .key = (uint32_t)chance_next(&device->random)};
    device->who.cycle++;
    device->tries_of_cycle = 0;
    device->cycle_begun_mono_ms = now_ms(device);
    if (device->begun_mono_ms == 0)
        device->begun_mono_ms = device->cycle_begun_mono_ms;
    fleet_order_clear(&device->order);
    if (device->world->intune->give(device->world->intune, &device->order, &wish, &err) != ISCEP_OK) {
        note_setback(device, FLEET_NO_URL, err.message);
        return end_cycle(device);
    }
    if (rules_of(device)->renews_with_old && device->held.cert != NULL)
        device->order.old = &device->held;
    return next(device, begin_try, AT_ONCE);
}

static int64_t begin_try(fleet_device *device)
{
    device->tries_of_cycle++;
    device->tries++;
    fleet_route_begin(&device->route, device->order.urls, device->order.url_count, &device->random);
    return next(device, reach, AT_ONCE);
}

static int64_t reach(fleet_device *device)
{
    iscep_error err = ISCEP_ERROR_INIT;
    fleet_scep *scep = device->world->scep;
    const char *url = device->world->urls[fleet_route_url(&device->route)];
    device->polls_of_try = 0;
    if (scep->open(scep, &device->dialogue, url, &err) != ISCEP_OK) {
        device->dialogue = NULL;
        return leave_url(device, err.message);
    }
    return next(device, request, AT_ONCE);
}

static int64_t hear_pending(fleet_device *device)
{
    if (device->polls_of_try >= device->order.retries) {
        note_setback(device, fleet_route_url(&device->route), PENDING_TOO_LONG);
        return end_try(device);
    }
    return next(device, poll_once, now_ms(device) + retry_delay_ms(device));
}

/* A no is an answer: the device does not ask again before it is told to. */
static int64_t hear_refusal(fleet_device *device, const scep_client_answer *answer)
{
    char reason[FLEET_REASON_SIZE];
    int code_len = (int)strcspn(answer->reason, ":");
    snprintf(reason, sizeof reason, "refused: %s, %.*s", answer->fail_info, code_len, answer->reason);
    note_setback(device, fleet_route_url(&device->route), reason);
    return end_cycle(device);
}

static int64_t converse(fleet_device *device, bool is_poll)
{
    iscep_error err = ISCEP_ERROR_INIT;
    scep_client_answer answer = {0};
    int64_t due;
    fleet_scep *scep = device->world->scep;
    if (scep->ask(scep, device->dialogue, &device->order, is_poll, &answer, &err) != ISCEP_OK)
        due = leave_url(device, err.message);
    else if (answer.kind == SCEP_CLIENT_PENDING)
        due = hear_pending(device);
    else if (answer.kind == SCEP_CLIENT_ISSUED)
        due = arrive(device, answer.cert);
    else
        due = hear_refusal(device, &answer);
    scep_client_answer_clear(&answer);
    return due;
}

static int64_t request(fleet_device *device)
{
    return converse(device, false);
}

static int64_t poll_once(fleet_device *device)
{
    device->polls_of_try++;
    device->polls++;
    return converse(device, true);
}

/* --- from outside --- */

void fleet_device_init(fleet_device *device, const fleet_world *world, fleet_platform platform,
                       uint32_t number, uint32_t own_url, uint64_t seed)
{
    *device = (fleet_device){.world = world,
                             .random = chance_of(seed, (uint64_t)number * FLEET_MAX_URLS + own_url + 1),
                             .own_url = own_url,
                             .who = {.platform = platform}};
    snprintf(device->who.name, sizeof device->who.name, "%s-%05u", fleet_rules_of(platform)->name, number);
    fleet_order_init(&device->order);
}

void fleet_device_clear(fleet_device *device)
{
    end(device);
    X509_free(device->held.cert);
    device->held = (scep_client_identity){0};
}

void fleet_device_begin(fleet_device *device, uint32_t wave)
{
    device->who.wave = wave;
    device->who.cycle = 0;
    device->begun_mono_ms = 0;
    device->tries = device->polls = 0;
    device->step = ask_for_profile;
    fleet_record_want(device->world->record, device->who.platform, 1);
}

int64_t fleet_device_go_on(fleet_device *device)
{
    int64_t due = AT_ONCE;
    while (due == AT_ONCE && device->step != NULL)
        due = device->step(device);
    return device->step != NULL ? due : FLEET_ENDED;
}

void fleet_device_interrupt(fleet_device *device)
{
    if (device->step == NULL)
        return;
    fleet_record_loss(device->world->record, &device->who, INTERRUPTED);
    end(device);
}
