/* From what a device is given to what it sends. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/x509.h"
#include "fleet_profile.h"

static const fleet_urls urls = {.urls = {"https://a.example/scep", "https://b.example/scep"}, .count = 2};

static scep_client_identity identity;

static iscep_status apply(fleet_order *out, fleet_platform platform, const char *text, iscep_error *err)
{
    iscep_error ignored = ISCEP_ERROR_INIT;
    if (identity.key == NULL)
        cr_assert_eq(scep_client_identity_make(&identity, &ignored), ISCEP_OK);
    fleet_order_init(out);
    out->identity = &identity;
    return fleet_profile_apply(out, platform, iscep_bytes_of_text(text), &urls, err);
}

static void expect_csr(const fleet_order *order, const char *subject, const char *challenge)
{
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&order->csr), &err), ISCEP_OK, "%s", err.message);
    cr_assert_str_eq(iscep_csr_subject(csr), subject);
    cr_assert(iscep_bytes_equal(iscep_csr_challenge(csr), iscep_bytes_of_text(challenge)));
    iscep_csr_free(csr);
}

#define ANDROID(more)                                                                                        \
    "{\"platform\":\"android\",\"urls\":[\"https://b.example/scep\",\"https://a.example/scep\"],"            \
    "\"subject\":\"CN=android-1\"," more "}"

Test(fleet_profile, of_android_becomes_a_request)
{
    fleet_order order;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(apply(&order, FLEET_ANDROID,
                       ANDROID("\"challenge\":\"Zm9v\",\"keyUsage\":[\"keyEncipherment\"],\"keyLength\":2048,"
                               "\"subjectAltNames\":[{\"type\":\"email\",\"value\":\"a@b\"}],"
                               "\"extendedKeyUsage\":[\"1.3.6.1.5.5.7.3.2\"]"),
                       &err),
                 ISCEP_OK, "%s", err.message);
    expect_csr(&order, "CN=android-1", "Zm9v");
    cr_assert_eq(order.url_count, 2);
    cr_assert_eq(order.urls[0], 1);
    cr_assert_eq(order.urls[1], 0);
    cr_assert_eq(order.retries, 3);
    cr_assert_eq(order.retry_delay_ms, 10000);
    fleet_order_clear(&order);
}

Test(fleet_profile, of_android_that_is_not_understood_becomes_none)
{
    static const char *const texts[] = {
        "",
        "{}",
        ANDROID("\"keyLength\":2048"),
        ANDROID("\"challenge\":\"Zm9v\",\"keyLength\":4096"),
        ANDROID("\"challenge\":\"Zm9v\",\"keyUsage\":[\"everything\"]"),
        ANDROID("\"challenge\":\"Zm9v\",\"subjectAltNames\":[{\"type\":\"x400\",\"value\":\"x\"}]"),
        "{\"urls\":[],\"subject\":\"CN=x\",\"challenge\":\"Zm9v\"}",
        "{\"urls\":[\"https://c.example/scep\"],\"subject\":\"CN=x\",\"challenge\":\"Zm9v\"}",
        "{\"urls\":[\"https://a.example/scep\"],\"subject\":\"CN=x,O=y\",\"challenge\":\"Zm9v\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fleet_order order;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(apply(&order, FLEET_ANDROID, texts[i], &err), ISCEP_PROTOCOL, "%zu", i);
        cr_assert_null(strstr(err.message, "Zm9v"), "a challenge in a message");
        fleet_order_clear(&order);
    }
}

#define APPLE(more)                                                                                          \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist "                                                      \
    "version=\"1.0\"><dict><key>PayloadContent</key><array>"                                                 \
    "<dict><key>PayloadType</key><string>com.apple.security.scep</string><key>PayloadContent</key><dict>"    \
    "<key>URL</key><string>https://b.example/scep</string>"                                                  \
    "<key>Subject</key><array><array><array><string>CN</string><string>ios-1</string></array></array></"     \
    "array>" more "</dict></dict></array></dict></plist>"

Test(fleet_profile, of_apple_becomes_a_request)
{
    fleet_order order;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(
        apply(&order, FLEET_IOS,
              APPLE("<key>Challenge</key><string>Zm9v</string><key>Retries</key><integer>5</integer>"
                    "<key>RetryDelay</key><integer>7</integer><key>Keysize</key><integer>2048</integer>"),
              &err),
        ISCEP_OK, "%s", err.message);
    expect_csr(&order, "CN=ios-1", "Zm9v");
    cr_assert_eq(order.url_count, 1);
    cr_assert_eq(order.urls[0], 1);
    cr_assert_eq(order.retries, 5);
    cr_assert_eq(order.retry_delay_ms, 7000);
    fleet_order_clear(&order);
}

Test(fleet_profile, of_apple_without_a_challenge_or_with_another_key_becomes_none)
{
    static const char *const texts[] = {
        APPLE(""),
        APPLE("<key>Challenge</key><string>Zm9v</string><key>Keysize</key><integer>4096</integer>")};
    for (size_t i = 0; i < 2; i++) {
        fleet_order order;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(apply(&order, FLEET_IOS, texts[i], &err), ISCEP_PROTOCOL, "%zu: %s", i, err.message);
        fleet_order_clear(&order);
    }
}
