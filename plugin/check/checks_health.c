/* health. */
#include <string.h>

#include "plugin/check/checks.h"
#include "plugin/check/guard.h"
#include "plugin/check/text.h"

static int32_t ask_health(const check_kit *kit, const char *what, scep_instance *instance,
                          scep_health *health)
{
    const uint32_t timeout_ms = kit->options->timeout_ms;
    kit_doing(kit, timeout_ms, "health%s%s", what[0] != '\0' ? ", " : "", what);
    const int64_t since_ms = kit_now_ms();
    const int32_t status = kit->plugin->health(instance, timeout_ms, health);
    kit_expect_in_time(kit, since_ms, timeout_ms, "health");
    return status;
}

static void expect_usage(const check_kit *kit, const char *what, int32_t status)
{
    kit_expect(kit, status == SCEP_ERR_USAGE, "health, %s: returned %d, not SCEP_ERR_USAGE", what, status);
}

void check_health_usage(check_kit *kit)
{
    static const size_t sizes[] = {0, sizeof(size_t), SCEP_HEALTH_SIZE_1_0 - 1};
    scep_health health = {.size = sizeof health};
    expect_usage(kit, "instance NULL", ask_health(kit, "instance NULL", NULL, &health));
    expect_usage(kit, "health NULL", ask_health(kit, "health NULL", kit->instance, NULL));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        health.size = sizes[i];
        expect_usage(kit, "too small a struct",
                     ask_health(kit, "too small a struct", kit->instance, &health));
    }
    health.size = SCEP_HEALTH_SIZE_1_0 - 8;
    const check_guarded guarded = guarded_copy(kit, &health, health.size);
    expect_usage(kit, "a smaller struct",
                 ask_health(kit, "a smaller struct before a guard page", kit->instance, guarded.data));
}

static void expect_text(const check_kit *kit, const char *member, const char *text, size_t size)
{
    const size_t len = strnlen(text, size);
    kit_expect(kit, len < size && text_is_proper(text, len),
               "health: %s has no NUL, has control characters, or is no UTF-8", member);
}

static void expect_health(const check_kit *kit, const scep_health *health)
{
    kit_expect(kit, health->state == SCEP_HEALTH_READY || health->state == SCEP_HEALTH_DOWN,
               "health: the state %d is none", health->state);
    kit_expect(kit, health->reserved == 0, "health: reserved is %u, not 0", health->reserved);
    expect_text(kit, "code", health->code, sizeof health->code);
    expect_text(kit, "message", health->message, sizeof health->message);
    kit_expect(kit,
               health->state == SCEP_HEALTH_READY || (health->code[0] != '\0' && health->message[0] != '\0'),
               "health: DOWN without a code or without a message");
}

void check_health_state(check_kit *kit)
{
    struct {
        scep_health health;
        uint8_t behind[64];
    } given;
    for (size_t later = 0; later <= sizeof given.behind; later += sizeof given.behind) {
        memset(&given, 0xFF, sizeof given);
        given.health.size = sizeof given.health + later;
        const int32_t status =
            ask_health(kit, later > 0 ? "a struct of a later minor" : "", kit->instance, &given.health);
        kit_expect(kit, status == SCEP_OK, "health returned %d, not SCEP_OK", status);
        expect_health(kit, &given.health);
        kit_expect(kit, given.health.size == sizeof given.health + later,
                   "health made the struct's size %zu: it is the host's", given.health.size);
        for (size_t i = 0; i < sizeof given.behind; i++) {
            kit_expect(kit, given.behind[i] == 0xFF, "health wrote behind scep_health, at byte %zu",
                       sizeof given.health + i);
        }
    }
}
